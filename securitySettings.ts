/** Configuration of security operations, below `fitnesscrm:security` and `fitnesscrm:images`. */
import { z } from "zod";

/**
 * Secrets that are to be replaced before they are too old: those that `./fitnesscrm secrets rotate` can replace. Of any other one a limit
 * would ask for what cannot be done.
 */
export const AGING_SECRETS = [
  "appPassword",
  "readonlyPassword",
  "backupPassword",
  "monitoringPassword",
  "maintenancePassword",
  "secretKey",
  "operatorsPassword",
  "postgresPassword",
  "redisPassword",
] as const;
type AgingSecret = (typeof AGING_SECRETS)[number];

const days = z
  .int("must be a whole number")
  .min(1, "must be 1 or more (days)")
  .max(3650, "must be 3650 or less (days)")
  .default(365);

export const security = z.strictObject({
  /** Days after which a secret is to be replaced. */
  secretAgeDays: z
    .strictObject(
      Object.fromEntries(AGING_SECRETS.map((name) => [name, days])) as Record<AgingSecret, typeof days>,
    )
    .prefault({}),
});
export type SecuritySettings = z.output<typeof security>;

export const images = z.strictObject({
  /**
   * Day of the image refresh: images that are built have the packages of that day, or newer ones (M13). `./fitnesscrm images refresh` sets
   * it. Without it they have those of when they were first built.
   */
  packagesOf: z.iso.date({ error: "must be a day such as 2026-12-06" }).optional(),
});
