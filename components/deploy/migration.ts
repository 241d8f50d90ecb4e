import * as pulumi from "@pulumi/pulumi";
import { DATA_NODE_LABEL } from "../../labels";
import type { StackServiceArgs } from "../stack/service";
import { Gate } from "./gate";

/**
 * The migration of the database's schema: one run of a command in the new backend image, with the backend's own settings and
 * secrets, before any task of the new release starts (M17). Expand first and contract later: while it runs, and when it fails,
 * the release before it goes on serving.
 *
 * @param backend What the backend is declared with.
 * @param command The application's own migration command.
 */
export function migrationGate(
  backend: StackServiceArgs,
  command: readonly string[],
  entrypoint: string,
  parent: pulumi.Resource,
): Gate {
  const { stack, rollout, network, image, environment, secrets, configs, limits, dependsOn } = backend;
  const job = pulumi
    .all({
      image,
      command: [entrypoint, ...command],
      network: network.name,
      environment: environment ?? {},
      secrets: Object.entries(secrets ?? {}).map(([file, secret]) => ({ name: secret.name, file })),
      configs: (configs ?? []).map(({ config, path }) => ({ name: config.name, path })),
      volumes: backend.volumes ?? {},
      memoryMiB: limits.memoryMiB,
      constraint: `node.labels.${DATA_NODE_LABEL}==true`,
    })
    .apply((declared) => JSON.stringify(declared));
  return new Gate(
    "gate-migrate",
    {
      stack,
      stage: "migrate",
      attempt: rollout.attempt,
      environment: { FITNESSCRM_ATTEMPT_JOB: pulumi.unsecret(job) },
      after: [rollout.before.command, ...(dependsOn ?? [])],
      timeout: MIGRATION_TIMEOUT,
    },
    { parent },
  );
}

/** An index on a large table takes its time. */
const MIGRATION_TIMEOUT = "2h";
