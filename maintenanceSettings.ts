/** Configuration of the maintenance window (M37 to M41), below `fitnesscrm:maintenance`. */
import { z } from "zod";

const month = z.string().regex(/^20\d\d-(0[1-9]|1[0-2])$/, "must be a month such as 2026-12");

const identifier = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be a lower-case identifier such as activity_log");

/** What becomes of the old rows of one table, in each window (M40). */
export const archiveRule = z.strictObject({
  /** Table of schema public. */
  table: identifier,
  /** Its column that says how old a row is: a date or a timestamp. */
  column: identifier.default("created_at"),
  olderThanDays: z.int("must be a whole number").min(30, "must be 30 or more (days)"),
  /** Whether rows go to the bucket before they are removed. */
  archive: z.boolean().default(true),
});
export type ArchiveRule = z.infer<typeof archiveRule>;

export const maintenance = z.strictObject({
  /**
   * Month of the first window that is declared to AWS, which keeps the alarms quiet that a window explains; twelve are declared.
   * `./fitnesscrm up` moves it on. Without it no alarm is kept quiet.
   */
  plannedFrom: month.optional(),
  /** Whether users are told of a window by mail (M38). Where not, banner and status page alone tell them. */
  noticeMail: z.boolean("must be true or false").default(true),
  /** Old rows that a window archives and removes, a rule a table; none is touched without one. */
  archive: z
    .array(archiveRule)
    .default([])
    .superRefine((rules, context) => {
      rules.forEach(({ table }, index) => {
        if (rules.findIndex((other) => other.table === table) < index) {
          context.addIssue({
            code: "custom",
            path: [index, "table"],
            input: table,
            message: "has a rule already",
          });
        }
      });
    }),
});
export type Maintenance = z.infer<typeof maintenance>;
