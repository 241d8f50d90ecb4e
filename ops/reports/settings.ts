import { z } from "zod";
import { readSettingsFile } from "../settingsFile";
import { REPORT_KINDS } from "./model";

const api = z.url({ protocol: /^https?$/ });

const schema = z.strictObject({
  /** Addresses that each report goes to. */
  recipients: z.strictObject(
    Object.fromEntries(REPORT_KINDS.map((kind) => [kind, z.array(z.email()).min(1)])) as Record<
      (typeof REPORT_KINDS)[number],
      z.ZodArray<z.ZodEmail>
    >,
  ),
  /** Statements above this are slow, milliseconds (M31). */
  slowMilliseconds: z.number().positive(),
  /** How often the agent sends, seconds: `alarms.periodSeconds`. */
  agentSeconds: z.number().positive(),
  /** Secrets that have a limit of age: since when they hold, ISO, null where that is not known. No values. */
  secretAges: z
    .array(
      z.strictObject({
        name: z.string(),
        since: z.iso.datetime().nullable(),
        limitDays: z.number().positive(),
      }),
    )
    .default([]),
  /** Where recurring errors are filed; absent where they are not. */
  tickets: z.strictObject({ repository: z.string().regex(/^[^/\s]+\/[^/\s]+$/), apiUrl: api }).optional(),
  /** Whose issues the report of errors shows; absent where nobody's. */
  sentry: z.strictObject({ organization: z.string(), project: z.string(), apiUrl: api }).optional(),
});

/** What ops is told of reports: `/fitnesscrm/reports.json`. */
export type ReportSettings = z.infer<typeof schema>;

/** @throws Error of one line when the file is missing or not valid. */
export function readReportSettings(path: string): Promise<ReportSettings> {
  return readSettingsFile("settings of reports", path, schema);
}
