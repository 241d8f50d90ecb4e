import { type Case, refusals } from "./support/cases";
import { backupSettings, calendar } from "./support/happy";
import { type Declared, set } from "./support/harness";

/** Rewrites the calendar's file. */
function tasks(edit: (file: ReturnType<typeof calendar>) => void): (config: Declared) => void {
  return (config) => {
    const file = calendar();
    edit(file);
    set(config, "data", encoded(file));
  };
}

/** Rewrites one task of it. */
function task(index: number, change: Record<string, unknown>): (config: Declared) => void {
  return tasks((file) => Object.assign(file.tasks[index] ?? {}, change));
}

function settings(change: Record<string, unknown>): (config: Declared) => void {
  return (config) => set(config, "data", encoded({ ...backupSettings(), ...change }));
}

function encoded(content: unknown): string {
  return Buffer.from(JSON.stringify(content)).toString("base64");
}

const cases: Case[] = [
  {
    refuses: "a maintenance window on another day",
    resource: "ServiceConfig tasks",
    edit: task(2, { cron: "0 2 * * SUN" }),
    policy: "scheduled-tasks",
    message:
      'Stack local opens its maintenance window at "0 2 * * SUN". Allowed: the task maintenance-window with the cron "0 2 * * SUN#1". Manual M37: "Schedule: First Sunday of each month, 2:00 AM - 4:00 AM EST".',
  },
  {
    refuses: "a maintenance window that does not go on once its container starts again",
    resource: "ServiceConfig tasks",
    edit: task(2, { missed: "skip" }),
    policy: "scheduled-tasks",
    message:
      'Stack local does not go on with a maintenance window that was cut short. Allowed: the task maintenance-window with missed "run". Manual M37: "Schedule: First Sunday of each month, 2:00 AM - 4:00 AM EST".',
  },
  {
    refuses: "a maintenance window that goes on for hours",
    resource: "ServiceConfig tasks",
    edit: task(2, { limitMinutes: 181 }),
    policy: "scheduled-tasks",
    message:
      'Stack local lets a maintenance window run for 181 minutes. Allowed: the task maintenance-window of the service ops with limitMinutes of 180 or less. Manual M37: "Schedule: First Sunday of each month, 2:00 AM - 4:00 AM EST".',
  },
  {
    refuses: "logs that are archived on weekdays only",
    resource: "ServiceConfig tasks",
    edit: task(4, { cron: "20 0 * * MON-FRI" }),
    policy: "scheduled-tasks",
    message:
      'Stack local archives its logs at "20 0 * * MON-FRI". Allowed: the task log-archive of the service ops with a cron that comes every day. Manual M55: "Logs: Rotate logs daily, Clean up disk space".',
  },
  {
    refuses: "logs of a day on which the machine was off, which nobody archives",
    resource: "ServiceConfig tasks",
    edit: task(4, { missed: "skip" }),
    policy: "scheduled-tasks",
    message:
      'Stack local does not make up for logs that it did not archive in time. Allowed: the task log-archive with missed "run". Manual M55: "Logs: Rotate logs daily, Clean up disk space".',
  },
  {
    refuses: "users who hear of a maintenance window too late",
    resource: "ServiceConfig tasks",
    edit: task(3, { hoursBefore: 47 }),
    policy: "scheduled-tasks",
    message:
      'Stack local tells users of a maintenance window 47 hours before "0 2 * * SUN#1". Allowed: the task maintenance-notice of the service ops with the cron "0 2 * * SUN#1" and hoursBefore of 48 or more. Manual M38: "Notify Users (48 hours in advance)".',
  },
  {
    refuses: "users who never hear of a maintenance window",
    resource: "ServiceConfig tasks",
    edit: tasks((file) => file.tasks.splice(3, 1)),
    policy: "scheduled-tasks",
    message:
      'Stack local tells users of no maintenance window. Allowed: the task maintenance-notice of the service ops with the cron "0 2 * * SUN#1" and hoursBefore of 48 or more. Manual M38: "Notify Users (48 hours in advance)".',
  },
  {
    refuses: "a notice of a maintenance window that is not made up for",
    resource: "ServiceConfig tasks",
    edit: task(3, { missed: "skip" }),
    policy: "scheduled-tasks",
    message:
      'Stack local does not make up for the notice of a maintenance window that it missed. Allowed: the task maintenance-notice with missed "run". Manual M38: "Notify Users (48 hours in advance)".',
  },
  {
    refuses: "a calendar of another zone",
    resource: "ServiceConfig tasks",
    edit: tasks((file) => {
      file.timeZone = "UTC";
    }),
    policy: "scheduled-tasks",
    message:
      'Stack local runs its tasks by the clock of UTC. Allowed: a calendar file with the timeZone America/New_York. Manual M42: "Frequency: Daily at 2:00 AM EST".',
  },
  {
    refuses: "a backup at another time",
    resource: "ServiceConfig tasks",
    edit: task(0, { cron: "0 3 * * *" }),
    policy: "scheduled-tasks",
    message:
      'Stack local makes its backup at "0 3 * * *". Allowed: the task backup with a cron that comes every day at 02:00. Manual M42: "Frequency: Daily at 2:00 AM EST".',
  },
  {
    refuses: "a backup on weekdays only",
    resource: "ServiceConfig tasks",
    edit: task(0, { cron: "0 2 * * 1-5" }),
    policy: "scheduled-tasks",
    message:
      'Stack local makes its backup at "0 2 * * 1-5". Allowed: the task backup with a cron that comes every day at 02:00. Manual M42: "Frequency: Daily at 2:00 AM EST".',
  },
  {
    refuses: "a backup that is not made up for",
    resource: "ServiceConfig tasks",
    edit: task(0, { missed: "skip" }),
    policy: "scheduled-tasks",
    message:
      'Stack local does not make up for a backup that it missed. Allowed: the task backup of the service ops with missed "run". Manual M42: "Frequency: Daily at 2:00 AM EST".',
  },
  {
    refuses: "a backup that may hang for longer than the alarm waits",
    resource: "ServiceConfig tasks",
    edit: task(0, { limitMinutes: 121 }),
    policy: "scheduled-tasks",
    message:
      'Stack local lets a backup run for 121 minutes. Allowed: limitMinutes of 120 or less. Manual M42: "Frequency: Daily at 2:00 AM EST".',
  },
  {
    refuses: "a restore drill every other month",
    resource: "ServiceConfig tasks",
    edit: task(1, { cron: "30 4 1 */2 *" }),
    policy: "scheduled-tasks",
    message:
      'Stack local tests its backups at "30 4 1 */2 *". Allowed: the task restore-drill of the service restore with a cron that comes every month. Manual M14: "Backup Verification: Test backup restoration in staging".',
  },
  {
    refuses: "a restore drill on a day that not every month has",
    resource: "ServiceConfig tasks",
    edit: task(1, { cron: "30 4 31 * *" }),
    policy: "scheduled-tasks",
    message:
      'Stack local tests its backups at "30 4 31 * *". Allowed: the task restore-drill of the service restore with a cron that comes every month. Manual M14: "Backup Verification: Test backup restoration in staging".',
  },
  {
    refuses: "a restore drill that is cut off before it misses the objective",
    resource: "ServiceConfig tasks",
    edit: task(1, { limitMinutes: 60 }),
    policy: "scheduled-tasks",
    message:
      'Stack local lets a restore drill run for 60 minutes. Allowed: limitMinutes above 60, so that a miss of the objective is measured, and 1440 or less. Manual M45: "RTO (Recovery Time Objective): 1 hour".',
  },
  {
    refuses: "a task whose failure means nothing",
    resource: "ServiceConfig tasks",
    edit: task(1, { failure: "oh" }),
    policy: "scheduled-tasks",
    message:
      'Stack local does not say what a failure of restore-drill means. Allowed: a failure that starts with its severity, such as P1: …. Manual M60: "Alert Severity: P0, P1, P2, P3".',
  },
  {
    refuses: "a container that does not read the calendar",
    resource: "Service restore",
    edit: (restore) => {
      restore.references = { taskSpec: ["docker:index/serviceConfig:ServiceConfig::backup"] };
    },
    policy: "scheduled-tasks",
    message:
      'Service restore does not get the calendar. Allowed: the calendar\'s file in taskSpec.containerSpec.configs. Manual M42: "Frequency: Daily at 2:00 AM EST".',
  },
  {
    refuses: "local copies that go too soon",
    resource: "ServiceConfig backup",
    edit: settings({ retentionDaysLocal: 29 }),
    policy: "backup-settings",
    message:
      'Stack local keeps its own copy of a backup for 29 days. Allowed: a file of backup settings with retentionDaysLocal 30 or more. Manual M43: "Retention: 30 days local, 90 days S3".',
  },
  {
    refuses: "backups that anybody can read",
    resource: "ServiceConfig backup",
    edit: settings({ recipients: [] }),
    policy: "backup-settings",
    message:
      'Stack local does not encrypt its backups. Allowed: recipients with a public key of age. Manual M44: "Type: Full database dump".',
  },
  {
    refuses: "backups where no lifecycle looks",
    resource: "ServiceConfig backup",
    edit: settings({ prefix: "dumps/" }),
    policy: "backup-settings",
    message:
      'Stack local puts its backups below "dumps/", where nothing expires them. Allowed: prefix backups/. Manual M43: "Retention: 30 days local, 90 days S3".',
  },
  {
    refuses: "backups to somebody else's bucket",
    resource: "ServiceConfig backup",
    edit: settings({ bucket: "elsewhere" }),
    policy: "backup-settings",
    message:
      'Stack local sends its backups to elsewhere, which is not of the stack. Allowed: the stack\'s bucket. Manual M43: "Retention: 30 days local, 90 days S3".',
  },
  {
    refuses: "backups of another clock",
    resource: "ServiceConfig backup",
    edit: settings({ timeZone: "UTC" }),
    policy: "backup-settings",
    message:
      'Stack local dates its backups by the clock of UTC. Allowed: timeZone America/New_York. Manual M42: "Frequency: Daily at 2:00 AM EST".',
  },
  {
    refuses: "restorable points that are a day old",
    resource: "ServiceConfig backup",
    edit: settings({ wal: undefined }),
    policy: "backup-settings",
    message:
      "Stack local does not look at the database's log, so that a restorable point is a day old. Allowed: wal with the log's stanza and prefix. Manual M46: \"RPO (Recovery Point Objective): 24 hours (daily backups)\".",
  },
  {
    refuses: "metrics that no alarm sees",
    resource: "ServiceConfig backup",
    edit: settings({ metricNamespace: "Elsewhere" }),
    policy: "backup-settings",
    message:
      'Stack local reports its backups to Elsewhere, where no alarm looks. Allowed: metricNamespace as the alarms have it. Manual M46: "RPO (Recovery Point Objective): 24 hours (daily backups)".',
  },
  {
    refuses: "a container that does not read the backup settings",
    resource: "Service ops",
    edit: (ops) => {
      ops.references = { taskSpec: ["docker:index/serviceConfig:ServiceConfig::tasks"] };
    },
    policy: "backup-settings",
    message:
      'Service ops does not get the backup settings. Allowed: their file in taskSpec.containerSpec.configs. Manual M43: "Retention: 30 days local, 90 days S3".',
  },
];

describe("policies on the calendar and on what makes the backups", () => {
  refusals(cases);
});
