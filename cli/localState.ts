import { readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { StackContext } from "./context";
import type { StackState } from "./pulumi";

/** The format of the state's file that this reads; another one is left to `pulumi` itself. */
const CHECKPOINT_VERSION = 3;

/** Where Pulumi keeps a stack's state, and what was before it, in a folder of a local stack's. */
export interface StateFiles {
  /** The state. */
  state: string;
  /** The state as it was one write before. */
  previous: string;
  /** Folder with `STACK-NANOSECONDS.checkpoint.json`: the state at the end of each update. */
  history: string;
}

/** The files of a local stack's state; a remote one's are somewhere else. */
export function stateFiles({ home, stack }: Pick<StackContext, "home" | "stack">): StateFiles {
  const folder = join(home, "state", ".pulumi");
  const state = join(folder, "stacks", "fitnesscrm", `${stack}.json`);
  return {
    state,
    previous: `${state}.bak`,
    history: join(folder, "history", "fitnesscrm", stack),
  };
}

/**
 * Removes what Pulumi keeps of a local stack that is gone: copies of its state, and the history. A later stack of that name
 * has nothing to do with its releases, and nobody has the passphrase any more.
 */
export function removeStateFiles(context: StackContext): void {
  const { state, history } = stateFiles(context);
  rmSync(history, { recursive: true, force: true });
  const copies = namesIn(dirname(state)).filter((name) => name.startsWith(`${basename(state)}.`));
  for (const name of copies) {
    rmSync(join(dirname(state), name), { force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * The state of a local stack, read from its file: `pulumi stack export` says the same, half a second later.
 *
 * @returns undefined when there is no such file, or when only `pulumi` can tell what it says.
 */
export function readLocalState(context: StackContext): StackState | undefined {
  if (context.kind !== "local") {
    return undefined;
  }
  try {
    const text = readFileSync(stateFiles(context).state, "utf8");
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
