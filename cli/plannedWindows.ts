import { basename } from "node:path";
import type { Config } from "../config";
import { nextPlannedMonth } from "../maintenanceMutes";
import { type StackContext, updateSettings } from "./context";

/**
 * Moves the declared maintenance windows on in the stack's settings, once half of them is over (see `maintenanceMutes.ts`). On a
 * stack whose AWS is an emulator nothing is declared. The caller holds the stack's lock.
 *
 * @param tell Gets one line, when something has changed.
 */
export function moveWindowsOn(
  context: StackContext,
  config: Config,
  at: Date,
  tell: (text: string) => void,
): Config {
  const month = config.aws.emulator === undefined ? nextPlannedMonth(at, config) : undefined;
  if (month === undefined) {
    return config;
  }
  const moved = updateSettings(context, [`maintenance.plannedFrom=${month}`]);
  const says = `alarms are kept quiet in maintenance windows from ${month} on`;
  tell(
    context.kind === "remote"
      ? `${says}: commit maintenance.plannedFrom in ${basename(context.configFile)}`
      : says,
  );
  return moved;
}
