import { WINDOW_CRON } from "./maintenanceWindow";
import { MANUAL } from "./manual";
import { RENEW_DAYS } from "./ops/certificates/certificate";
import { REPORT_TITLES, type ReportKind, taskOf } from "./ops/reports/model";
import type { TaskDefinition } from "./ops/tasks/definitions";

/**
 * When reports are made (M9 to M12, M48 to M51). The manual names weekdays only: they are there when work begins, at 08:00, and one
 * after the other. The morning report is the manual's of a weekday, the security report comes every day.
 */
const reports: readonly { kind: ReportKind; cron: string }[] = [
  { kind: "morning", cron: "0 8 * * MON-FRI" },
  { kind: "security", cron: "5 8 * * *" },
  { kind: "errors", cron: "10 8 * * MON" },
  { kind: "tables", cron: "10 8 * * WED" },
  { kind: "performance", cron: "10 8 * * FRI" },
];

/** At no full hour, at which everybody asks the authority; each day, since that is what it takes to notice that renewing fails (M40). */
const CERTIFICATES: TaskDefinition = {
  name: "certificates",
  service: "ops",
  cron: "23 5 * * *",
  limitMinutes: 15,
  missed: "run",
  failure:
    `P3: the edge's certificate was not renewed, or is not the one that is served; it is asked for ${RENEW_DAYS} days before it expires, and the ` +
    "alarm certificate (P2) follows when it is near: ./fitnesscrm tasks run certificates tries again",
};

/**
 * What the operations containers run, and when: the manual's daily backup (M42), and a restore drill each month, since a
 * backup that nobody has restored is a hope (M14, M44). Logs are archived when a day is over (M55). Users hear of a maintenance window before it
 * (M38). Times are of the stack's time zone.
 *
 * @param has What the stack has beside what every stack has: a certificate that ops looks after (`http.tls`).
 */
export function taskDefinitions(has: { certificates?: boolean } = {}): TaskDefinition[] {
  const { backup } = MANUAL;
  const [hour, minute] = backup.dailyAt.split(":").map(Number);
  return [
    {
      name: "backup",
      service: "ops",
      cron: `${minute} ${hour} * * *`,
      limitMinutes: 120,
      missed: "run",
      failure:
        `P1: no verified dump of this day; the alarm follows ${backup.dumpAgeHours} hours after the last one. ` +
        "Archived WAL still covers the time since, where it is on",
    },
    {
      name: "log-archive",
      service: "ops",
      // When the manual's day is over; the engine's logs have room for more than a day.
      cron: "20 0 * * *",
      limitMinutes: 90,
      missed: "run",
      failure:
        "P3: logs of a service are not in the archive, and go when the engine rotates them: " +
        "./fitnesscrm tasks run log-archive once its reason is gone",
    },
    ...reports.map(
      ({ kind, cron }): TaskDefinition => ({
        name: taskOf(kind),
        service: "ops",
        cron,
        limitMinutes: 240,
        // Yesterday's morning report helps nobody today.
        missed: "skip",
        failure: `P3: nobody got the report "${REPORT_TITLES[kind]}": make one by ./fitnesscrm report ${kind}`,
      }),
    ),
    {
      name: "restore-drill",
      service: "restore",
      cron: "30 4 1 * *",
      // Longer than the objective: a drill that misses it is measured to its end, and the alarm tells by how much.
      limitMinutes: 3 * backup.recoveryTimeObjectiveHours * 60,
      missed: "skip",
      failure:
        "P0: the newest backup could not be restored and compared, so that a loss now may be for good: look at once",
    },
    {
      name: "maintenance-notice",
      service: "ops",
      cron: WINDOW_CRON,
      hoursBefore: MANUAL.maintenanceWindow.noticeHours,
      // Mail goes out slowly; the window is far.
      limitMinutes: 720,
      missed: "run",
      failure:
        "P3: not every user has mail of the next maintenance window, of which banner and status page tell: " +
        "./fitnesscrm tasks run maintenance-notice mails the rest",
    },
    {
      name: "maintenance-window",
      service: "ops",
      cron: WINDOW_CRON,
      // A step that is under way at the window's end is let end.
      limitMinutes: 180,
      missed: "run",
      failure:
        "P2: the maintenance window did not do all that it is for, or ran over its end: ./fitnesscrm window says which step",
    },
    ...(has.certificates ? [CERTIFICATES] : []),
  ];
}
