import { z } from "zod";
import type { RotaSettings } from "../rota";
import { readSettingsFile } from "./settingsFile";

const schema = z.strictObject({
  /** How often acknowledged alarms are looked after, and the status page is written. */
  everySeconds: z.int().min(1),
  timeZone: z.string().min(1),
  /** Names of the rota's engineers, in order. Addresses are AWS's to know. */
  engineers: z.array(z.string()).min(1),
  rota: z.strictObject({
    from: z.string(),
    plannedFrom: z.string().optional(),
    overrides: z.array(z.strictObject({ engineer: z.string(), from: z.string(), until: z.string() })),
  }),
});

/** What ops is told of on-call: `/fitnesscrm/on-call.json`. */
export type OnCallSettings = z.infer<typeof schema>;

/** @throws Error of one line when the file is missing or not valid. */
export function readOnCallSettings(path: string): Promise<OnCallSettings> {
  return readSettingsFile("on-call settings", path, schema);
}

/** As the rota's own functions take it. */
export function rotaSettings({ timeZone, engineers, rota }: OnCallSettings): RotaSettings {
  return {
    timeZone,
    contacts: { onCall: engineers.map((name) => ({ name, email: "" })), rota },
  };
}
