import { MANUAL } from "../manual";
import { fileWith } from "./lib/files";
import { type Basis, type Rule, stackRule } from "./lib/rule";
import { named } from "./lib/service";
import { atLeast } from "./lib/settings";

const { retentionDaysLocal, retentionDaysS3, recoveryPointObjectiveHours } = MANUAL.backup;

const RETENTION: Basis = {
  row: "M43",
  says: `Retention: ${retentionDaysLocal} days local, ${retentionDaysS3} days S3`,
};
const DUMP: Basis = { row: "M44", says: "Type: Full database dump" };
const POINT: Basis = {
  row: "M46",
  says: `RPO (Recovery Point Objective): ${recoveryPointObjectiveHours} hours (daily backups)`,
};

/** Where the lifecycle of the bucket looks for backups. */
const PREFIX = "backups/";

const BUCKET = "aws:s3/bucket:Bucket";
const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";

const settings = stackRule(
  {
    name: "backup-settings",
    section: "Backup & Recovery",
    basis: RETENTION,
    demands:
      "What makes the backups keeps local copies as long as the manual says, encrypts, sends to the stack's bucket, and reports where the alarms look.",
    settings: {
      days: atLeast(retentionDaysLocal, "Days for which the server keeps its own copy of a backup."),
    },
  },
  (stack, { days }) => {
    const file = () => fileWith(stack, "retentionDaysLocal", "recipients");
    const applies = () => stack.complete || file() !== undefined;
    const setting = (key: string) => file()?.content[key];
    const { judge } = stack;
    judge.must(
      () => !applies() || Number(setting("retentionDaysLocal")) >= days,
      () => `keeps its own copy of a backup for ${setting("retentionDaysLocal") ?? "no"} days`,
      `a file of backup settings with retentionDaysLocal ${days} or more`,
    );
    judge.must(
      () => !applies() || [setting("recipients") ?? []].flat().some((key) => String(key).startsWith("age1")),
      "does not encrypt its backups",
      "recipients with a public key of age",
      DUMP,
    );
    judge.must(
      () => !applies() || setting("prefix") === PREFIX,
      () => `puts its backups below ${JSON.stringify(setting("prefix"))}, where nothing expires them`,
      `prefix ${PREFIX}`,
    );
    judge.must(
      () =>
        !applies() ||
        stack.of(BUCKET).length === 0 ||
        stack.of(BUCKET).some(({ props }) => props.bucket === setting("bucket")),
      () => `sends its backups to ${setting("bucket") ?? "no bucket"}, which is not of the stack`,
      "the stack's bucket",
    );
    judge.must(
      () => !applies() || setting("timeZone") === MANUAL.timeZone,
      () => `dates its backups by the clock of ${setting("timeZone") ?? "no zone"}`,
      `timeZone ${MANUAL.timeZone}`,
      { row: "M42", says: "Frequency: Daily at 2:00 AM EST" },
    );
    judge.must(
      () => !applies() || Object(setting("wal")).prefix !== undefined,
      "does not look at the database's log, so that a restorable point is a day old",
      "wal with the log's stanza and prefix",
      POINT,
    );
    judge.must(
      () =>
        !applies() || stack.of(ALARM).every(({ props }) => props.namespace === setting("metricNamespace")),
      () => `reports its backups to ${setting("metricNamespace") ?? "nobody"}, where no alarm looks`,
      "metricNamespace as the alarms have it",
      POINT,
    );
    for (const worker of ["ops", "restore"].flatMap((service) => named(stack, service))) {
      worker.judge.must(
        () => {
          const own = file()?.config;
          return own === undefined || worker.refersTo("taskSpec", own);
        },
        "does not get the backup settings",
        "their file in taskSpec.containerSpec.configs",
      );
    }
  },
);

export const BACKUP_SETTINGS: readonly Rule[] = [settings];
