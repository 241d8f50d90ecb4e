import { basename } from "node:path";
import type { Config } from "../config";
import { nextPlannedFrom } from "../rota";
import { type StackContext, updateSettings } from "./context";

/**
 * Moves the rota's declared shifts on in the stack's settings, once half of them is over (see `rota.ts`). The caller holds the
 * stack's lock.
 *
 * @param tell Gets one line, when something has changed.
 */
export function moveRotaOn(
  context: StackContext,
  config: Config,
  at: Date,
  tell: (text: string) => void,
): Config {
  const friday = nextPlannedFrom(at, config);
  if (friday === undefined) {
    return config;
  }
  const moved = updateSettings(context, [`contacts.rota.plannedFrom=${friday}`]);
  tell(
    context.kind === "remote"
      ? `shifts are declared from ${friday} on: commit contacts.rota.plannedFrom in ${basename(context.configFile)}`
      : `shifts are declared from ${friday} on`,
  );
  return moved;
}
