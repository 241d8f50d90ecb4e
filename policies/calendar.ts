import { MANUAL } from "../manual";
import { fileWith } from "./lib/files";
import { type Basis, type Rule, stackRule } from "./lib/rule";
import { named } from "./lib/service";

const { backup } = MANUAL;
const DAY_HOURS = 24;

const DAILY: Basis = { row: "M42", says: "Frequency: Daily at 2:00 AM EST" };
const DRILL: Basis = { row: "M14", says: "Backup Verification: Test backup restoration in staging" };
const OBJECTIVE: Basis = {
  row: "M45",
  says: `RTO (Recovery Time Objective): ${backup.recoveryTimeObjectiveHours} hour`,
};
const WINDOW: Basis = {
  row: "M37",
  says: "Schedule: First Sunday of each month, 2:00 AM - 4:00 AM EST",
};
const NOTICE: Basis = {
  row: "M38",
  says: `Notify Users (${MANUAL.maintenanceWindow.noticeHours} hours in advance)`,
};
const LOGS: Basis = { row: "M55", says: "Logs: Rotate logs daily, Clean up disk space" };
const SEVERITY: Basis = { row: "M60", says: "Alert Severity: P0, P1, P2, P3" };

/** A backup that takes longer is ended, early enough for the alarm on a missing one. */
const BACKUP_MINUTES = (backup.dumpAgeHours - DAY_HOURS) * 60;
/** A drill must be let run to where it misses the objective, and be over before the next day. */
const DRILL_MINUTES = { least: backup.recoveryTimeObjectiveHours * 60, most: DAY_HOURS * 60 };

const { ordinal, weekday, from, noticeHours } = MANUAL.maintenanceWindow;
const [WINDOW_HOUR, WINDOW_MINUTE] = from.split(":").map(Number);
const WINDOW_CRON = `${WINDOW_MINUTE} ${WINDOW_HOUR} * * ${weekday.slice(0, 3).toUpperCase()}#${ordinal}`;
/** Two hours, and one in which the last step may end. */
const WINDOW_MINUTES = 180;

/** A task of the calendar's file, as far as the rule reads it. */
interface Task {
  readonly name?: unknown;
  readonly service?: unknown;
  readonly cron?: unknown;
  readonly hoursBefore?: unknown;
  readonly limitMinutes?: unknown;
  readonly missed?: unknown;
  readonly failure?: unknown;
}

const scheduled = stackRule(
  {
    name: "scheduled-tasks",
    section: "Backup & Recovery",
    basis: DAILY,
    demands:
      "The calendar has the daily backup, a monthly restore drill, the daily archive of logs, the maintenance window and the notice of it at the manual's times, by the manual's clock, each with a time limit, and what a failure means.",
  },
  (stack) => {
    const { judge } = stack;
    const file = () => fileWith(stack, "timeZone", "tasks");
    const present = () => stack.complete || file() !== undefined;
    const tasks = (): readonly Task[] => [file()?.content.tasks ?? []].flat() as readonly Task[];
    const task = (name: string) => tasks().find((each) => each.name === name);
    const limit = (name: string) => Number(task(name)?.limitMinutes);

    judge.must(
      () => !present() || file()?.content.timeZone === MANUAL.timeZone,
      () => `runs its tasks by the clock of ${file()?.content.timeZone ?? "no zone"}`,
      `a calendar file with the timeZone ${MANUAL.timeZone}`,
    );
    judge.must(
      () => !present() || isDaily(task("backup")?.cron, backup.dailyAt),
      () => `makes its backup at ${JSON.stringify(task("backup")?.cron ?? "no time at all")}`,
      `the task backup with a cron that comes every day at ${backup.dailyAt}`,
    );
    judge.must(
      () => !present() || (task("backup")?.service === "ops" && task("backup")?.missed === "run"),
      "does not make up for a backup that it missed",
      'the task backup of the service ops with missed "run"',
    );
    judge.must(
      () => !present() || (limit("backup") > 0 && limit("backup") <= BACKUP_MINUTES),
      () => `lets a backup run for ${limit("backup")} minutes`,
      `limitMinutes of ${BACKUP_MINUTES} or less`,
    );
    judge.must(
      () =>
        !present() ||
        (isMonthly(task("restore-drill")?.cron) && task("restore-drill")?.service === "restore"),
      () => `tests its backups at ${JSON.stringify(task("restore-drill")?.cron ?? "no time at all")}`,
      "the task restore-drill of the service restore with a cron that comes every month",
      DRILL,
    );
    judge.must(
      () =>
        !present() ||
        (limit("restore-drill") > DRILL_MINUTES.least && limit("restore-drill") <= DRILL_MINUTES.most),
      () => `lets a restore drill run for ${limit("restore-drill")} minutes`,
      `limitMinutes above ${DRILL_MINUTES.least}, so that a miss of the objective is measured, and ${DRILL_MINUTES.most} or less`,
      OBJECTIVE,
    );
    judge.must(
      () => !present() || (isEveryDay(task("log-archive")?.cron) && task("log-archive")?.service === "ops"),
      () => `archives its logs at ${JSON.stringify(task("log-archive")?.cron ?? "no time at all")}`,
      "the task log-archive of the service ops with a cron that comes every day",
      LOGS,
    );
    judge.must(
      () => !present() || task("log-archive")?.missed === "run",
      "does not make up for logs that it did not archive in time",
      'the task log-archive with missed "run"',
      LOGS,
    );
    judge.must(
      () => !present() || task("maintenance-window")?.cron === WINDOW_CRON,
      () =>
        `opens its maintenance window at ${JSON.stringify(task("maintenance-window")?.cron ?? "no time at all")}`,
      `the task maintenance-window with the cron ${JSON.stringify(WINDOW_CRON)}`,
      WINDOW,
    );
    judge.must(
      () => !present() || task("maintenance-window")?.missed === "run",
      "does not go on with a maintenance window that was cut short",
      'the task maintenance-window with missed "run"',
      WINDOW,
    );
    judge.must(
      () =>
        !present() ||
        (task("maintenance-window")?.service === "ops" &&
          limit("maintenance-window") > 0 &&
          limit("maintenance-window") <= WINDOW_MINUTES),
      () => `lets a maintenance window run for ${limit("maintenance-window")} minutes`,
      `the task maintenance-window of the service ops with limitMinutes of ${WINDOW_MINUTES} or less`,
      WINDOW,
    );
    judge.must(
      () =>
        !present() ||
        (task("maintenance-notice")?.service === "ops" &&
          task("maintenance-notice")?.cron === WINDOW_CRON &&
          Number(task("maintenance-notice")?.hoursBefore) >= noticeHours),
      () =>
        task("maintenance-notice") === undefined
          ? "tells users of no maintenance window"
          : `tells users of a maintenance window ${task("maintenance-notice")?.hoursBefore ?? 0} hours before ${JSON.stringify(task("maintenance-notice")?.cron ?? "no time at all")}`,
      `the task maintenance-notice of the service ops with the cron ${JSON.stringify(WINDOW_CRON)} and hoursBefore of ${noticeHours} or more`,
      NOTICE,
    );
    judge.must(
      () => task("maintenance-notice") === undefined || task("maintenance-notice")?.missed === "run",
      "does not make up for the notice of a maintenance window that it missed",
      'the task maintenance-notice with missed "run"',
      NOTICE,
    );
    judge.must(
      () => tasks().every(({ failure }) => /^P[0-3]: \S/.test(String(failure))),
      () =>
        `does not say what a failure of ${tasks()
          .filter(({ failure }) => !/^P[0-3]: \S/.test(String(failure)))
          .map(({ name }) => name)
          .join(", ")} means`,
      "a failure that starts with its severity, such as P1: …",
      SEVERITY,
    );
    for (const worker of ["ops", "restore"].flatMap((service) => named(stack, service))) {
      worker.judge.must(
        () => {
          const calendar = file()?.config;
          return calendar === undefined || worker.refersTo("taskSpec", calendar);
        },
        "does not get the calendar",
        "the calendar's file in taskSpec.containerSpec.configs",
      );
    }
  },
);

/** True when a crontab pattern comes on every day at a time; further times are stricter. */
function isDaily(cron: unknown, at: string): boolean {
  const [hour = Number.NaN, minute = Number.NaN] = at.split(":").map(Number);
  const fields = String(cron).trim().split(/\s+/);
  const [minutes = "", hours = "", ...rest] = fields;
  const has = (field: string, value: number) => field.split(",").map(Number).includes(value);
  return has(minutes, minute) && has(hours, hour) && rest.join(" ") === "* * *";
}

/** True when a crontab pattern comes on every day, at whatever time. */
function isEveryDay(cron: unknown): boolean {
  return /^\d{1,2}(,\d{1,2})* \d{1,2}(,\d{1,2})* \* \* \*$/.test(String(cron).trim());
}

/** True when a crontab pattern comes in every month, on a day that every month has or on a weekday. */
function isMonthly(cron: unknown): boolean {
  const [, , day = "", month, weekday = "", ...more] = String(cron).trim().split(/\s+/);
  const everyMonthHasIt =
    day === "*" || day.split(",").some((each) => Number(each) >= 1 && Number(each) <= 28);
  return everyMonthHasIt && month === "*" && /^(\*|[a-z0-7,#]+)$/i.test(weekday) && more.length === 0;
}

export const CALENDAR: readonly Rule[] = [scheduled];
