import { z } from "zod";
import { archiveRule } from "../../maintenanceSettings";
import { readSettingsFile } from "../settingsFile";

const schema = z.strictObject({
  timeZone: z.string().min(1),
  /** What people type. */
  publicUrl: z.url(),
  /** Critical endpoints, as paths. */
  endpoints: z.array(z.string().min(1)).min(1),
  /** See `maintenanceSettings.ts`. */
  archive: z.array(archiveRule),
  /** Whether users are told of windows by mail. */
  noticeMail: z.boolean(),
  /** Windows in which AWS keeps alarms quiet; null where an emulator stands in for it, which does not. */
  mutes: z.strictObject({ plannedFrom: z.string().optional() }).nullable(),
});

/** What ops is told of the maintenance window: `/fitnesscrm/maintenance.json`. */
export type WindowSettings = z.infer<typeof schema>;

/** @throws Error of one line when the file is missing or not valid. */
export function readWindowSettings(path: string): Promise<WindowSettings> {
  return readSettingsFile("settings of the maintenance window", path, schema);
}
