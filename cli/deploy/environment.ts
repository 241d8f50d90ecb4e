import { hostname, userInfo } from "node:os";
import { z } from "zod";
import { type PinnedRelease, pinnedRelease } from "../../attempt";
import { UserError } from "../errors";

/** Why the launcher deploys onto a stack that it knows to be unwell: health before is reported, not demanded. */
export const REPAIR = "FITNESSCRM_REPAIR";
/** The reason that a person gave with `up --despite`. */
export const DESPITE = "FITNESSCRM_DESPITE";

/** What the program hands to a gate; see `components/deploy/`. */
export interface GateEnvironment {
  stack: string;
  attempt: string;
  /** JSON for the gate at hand; its schema is the gate's. */
  json(name: "SERVICES" | "PIN" | "IMAGES" | "JOB"): unknown;
  repair: string | undefined;
  despite: string | undefined;
}

/** @throws UserError when the command was not started by an update. */
export function gateEnvironment(environment: NodeJS.ProcessEnv): GateEnvironment {
  const { FITNESSCRM_STACK: stack, FITNESSCRM_ATTEMPT: attempt } = environment;
  if (!stack || !attempt) {
    throw new UserError("gate: is run by `pulumi up` itself; to deploy, run ./fitnesscrm up", 2);
  }
  return {
    stack,
    attempt,
    json(name) {
      const text = environment[`FITNESSCRM_ATTEMPT_${name}`];
      return text === undefined ? undefined : (JSON.parse(text) as unknown);
    },
    repair: environment[REPAIR] || undefined,
    despite: environment[DESPITE] || undefined,
  };
}

/** Who deploys: `ada@workstation`, or the person whose push a workflow serves. */
export function deployer(environment: NodeJS.ProcessEnv): string {
  return environment.GITHUB_ACTOR || `${userInfo().username}@${hostname()}`;
}

const references = z.record(z.string(), z.string());

/** Strings by name, as the program declares digests and images. */
export function stringsOf(value: unknown): Record<string, string> {
  return references.parse(value ?? {});
}

export function pinOf(value: unknown): PinnedRelease | undefined {
  return value === undefined ? undefined : pinnedRelease.parse(value);
}
