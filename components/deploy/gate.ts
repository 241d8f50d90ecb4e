import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

/** `before`: health and a backup (M16). `migrate`: the schema. `after`: verification (M18). */
export type GateStage = "before" | "migrate" | "after";

export interface GateArgs {
  stack: string;
  stage: GateStage;
  /** The gate runs again whenever this is another one. */
  attempt: pulumi.Input<string>;
  /** What the gate's command reads from its environment. Never a secret: the state keeps it. */
  environment?: Record<string, pulumi.Input<string>>;
  /** What must have happened before it runs. */
  after?: pulumi.Input<pulumi.Resource>[];
  /** Longest run, as the engine's custom timeouts are written, e.g. `2h`. */
  timeout: string;
}

/**
 * One gate of a deployment: a command of the launcher's that fails the update when its answer is no (M16, M18). What depends on
 * it changes only after it has passed.
 *
 * @example
 * const before = new Gate("gate-before", { stack: "local", stage: "before", attempt, timeout: "2h" });
 * new docker.Service("backend", { … }, { dependsOn: before.command });
 */
export class Gate extends pulumi.ComponentResource {
  /** What has to come after the gate depends on this. */
  readonly command: local.Command;
  /** JSON that the gate printed. */
  readonly report: pulumi.Output<string>;

  constructor(name: string, args: GateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:deploy:Gate", name, {}, opts);

    this.command = new local.Command(
      name,
      {
        create: `./fitnesscrm gate ${args.stage}`,
        environment: {
          FITNESSCRM_STACK: args.stack,
          FITNESSCRM_ATTEMPT: args.attempt,
          ...args.environment,
        },
        triggers: [args.attempt],
        // What it reports is an output; what it says meanwhile is for whoever watches.
        logging: local.Logging.Stderr,
      },
      {
        parent: this,
        dependsOn: args.after ?? [],
        customTimeouts: { create: args.timeout, update: args.timeout },
      },
    );

    this.report = this.command.stdout;
    this.registerOutputs({ report: this.report });
  }
}
