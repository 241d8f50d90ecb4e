import { type Window, windowOf } from "../../../maintenanceWindow";
import { MANUAL } from "../../../manual";
import { instantOf, wallClock } from "../../../wallClock";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ZONE = MANUAL.timeZone;
/** Tasks that begin within this time of each other share a moment: nobody waits ten minutes between two reports. */
const TOGETHER_MS = 15 * 60_000;

/** A run that the month must have. */
export interface Run {
  readonly task: string;
  readonly at: Date;
}

/** Runs that fall together, and a moment after the last of them. */
export interface Moment {
  readonly at: Date;
  readonly runs: readonly Run[];
}

export interface Month {
  readonly window: Window;
  /** Midnight of its first day, a week before the window. */
  readonly from: Date;
  readonly days: number;
  readonly runs: readonly Run[];
  readonly moments: readonly Moment[];
}

/** A day of the stack's zone. */
interface Day {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly weekday: "SUN" | "MON" | "TUE" | "WED" | "THU" | "FRI" | "SAT";
}

const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] as const;

/**
 * What the manual wants on a day, written down here a second time and not read from the calendar: wall clock times of each task.
 * Whoever adds a task adds it here.
 */
const BY_DAY: Readonly<Record<string, (day: Day) => string | undefined>> = {
  backup: () => "02:00",
  "log-archive": () => "00:20",
  certificates: () => "05:23",
  "report-morning": ({ weekday }) => (["SAT", "SUN"].includes(weekday) ? undefined : "08:00"),
  "report-security": () => "08:05",
  "report-errors": ({ weekday }) => (weekday === "MON" ? "08:10" : undefined),
  "report-tables": ({ weekday }) => (weekday === "WED" ? "08:10" : undefined),
  "report-performance": ({ weekday }) => (weekday === "FRI" ? "08:10" : undefined),
  "restore-drill": ({ day }) => (day === 1 ? "04:30" : undefined),
  "maintenance-window": ({ weekday, day }) => (weekday === "SUN" && day <= 7 ? "02:00" : undefined),
};
/** Hours before the window: by the clock on the wall where it was not set in between. */
const NOTICE = { task: "maintenance-notice", hours: 48 };

export const TASKS_OF_THE_MONTH: readonly string[] = [...Object.keys(BY_DAY), NOTICE.task];

/** 31 days that begin after `now`, with the first day of a month, a notice, a window and what follows it. */
export function monthAfter(now: Date): Month {
  const [year = 0, month = 0] = shown(now).slice(0, 2);
  const begins = (window: Window): Date => at(dayOf(new Date(window.from.getTime() - 7 * DAY)), "00:00");
  let ahead = 0;
  while (begins(windowOf(year, month + ahead, ZONE)) <= now) {
    ahead += 1;
  }
  const window = windowOf(year, month + ahead, ZONE);
  const from = begins(window);
  const days = 31;
  const runs: Run[] = [{ task: NOTICE.task, at: new Date(window.from.getTime() - NOTICE.hours * HOUR) }];
  for (let index = 0; index < days; index++) {
    // From noon on, which no change of the clocks moves into another day.
    const day = dayOf(new Date(from.getTime() + index * DAY + DAY / 2));
    for (const [task, timeOn] of Object.entries(BY_DAY)) {
      const time = timeOn(day);
      if (time !== undefined) {
        runs.push({ task, at: at(day, time) });
      }
    }
  }
  runs.sort((a, b) => a.at.getTime() - b.at.getTime());
  return { window, from, days, runs, moments: momentsOf(runs) };
}

function momentsOf(runs: readonly Run[]): Moment[] {
  const groups: Run[][] = [];
  for (const run of runs) {
    const group = groups.at(-1);
    const first = group?.[0];
    if (group !== undefined && first !== undefined && run.at.getTime() - first.at.getTime() < TOGETHER_MS) {
      group.push(run);
    } else {
      groups.push([run]);
    }
  }
  return groups.map((group) => ({
    at: new Date(Math.max(...group.map((run) => run.at.getTime())) + 1_000),
    runs: group,
  }));
}

function shown(instant: Date): number[] {
  const wall = new Date(wallClock(ZONE, instant.getTime()));
  return [wall.getUTCFullYear(), wall.getUTCMonth() + 1, wall.getUTCDate(), wall.getUTCDay()];
}

function dayOf(instant: Date): Day {
  const [year = 0, month = 0, day = 0, weekday = 0] = shown(instant);
  return { year, month, day, weekday: WEEKDAYS[weekday] ?? "SUN" };
}

function at({ year, month, day }: Day, time: string): Date {
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  return new Date(instantOf(ZONE, Date.UTC(year, month - 1, day, hour, minute)));
}
