import { z } from "zod";
import { readSettingsFile } from "../settingsFile";

const schema = z.strictObject({
  /** The address that notices and reports come from; the key of ops may send from no other. */
  from: z.email(),
});

/** What ops is told of mail: `/fitnesscrm/mail.json`. */
export type MailSettings = z.infer<typeof schema>;

/** @throws Error of one line when the file is missing or not valid. */
export function readMailSettings(path: string): Promise<MailSettings> {
  return readSettingsFile("mail settings", path, schema);
}
