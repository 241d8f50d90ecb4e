import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { StackContext } from "./context";
import type { StackState } from "./pulumi";

/** The format of the state's file that this reads; another one is left to `pulumi` itself. */
const CHECKPOINT_VERSION = 3;

/**
 * The state of a local stack, read from its file: `pulumi stack export` says the same, half a second later.
 *
 * @returns undefined when there is no such file, or when only `pulumi` can tell what it says.
 */
export function readLocalState({ kind, home, stack }: StackContext): StackState | undefined {
  if (kind !== "local") {
    return undefined;
  }
  try {
    const text = readFileSync(
      join(home, "state", ".pulumi", "stacks", "fitnesscrm", `${stack}.json`),
      "utf8",
    );
    const { version, checkpoint } = JSON.parse(text) as {
      version: number;
      checkpoint?: { latest?: StackState };
    };
    return version === CHECKPOINT_VERSION ? (checkpoint?.latest ?? { resources: [] }) : undefined;
  } catch {
    return undefined;
  }
}

/** The stack's outputs as the state has them; undefined when it has no stack resource. Secrets stay encrypted. */
export function outputsIn(state: StackState): Record<string, unknown> | undefined {
  return state.resources?.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs;
}
