import { Cron } from "croner";
import { instantOf, wallClock } from "../../wallClock";

/**
 * Calendars of the wall clock in an IANA zone. Pure: nothing here asks for the time.
 *
 * The pattern is croner's; the zone's rules are those of `wallClock.ts`, because croner looks for a repeated hour one
 * hour back only, and Lord Howe Island repeats half an hour.
 */

const HOUR = 3_600_000;
/** The 29th of February that is a Sunday comes every 28 years, and over a century's end after 40. */
const LONGEST_WAIT = 41 * 366 * 24 * HOUR;

/** What a calendar needs of a task's definition. */
export interface Calendar {
  readonly cron: string;
  /** Runs come so many hours before the times of `cron`, as they pass, however the clocks are set in between. */
  readonly hoursBefore?: number | undefined;
}

/**
 * The next `count` runs after `from`, which is not one of them.
 *
 * @param zone IANA zone.
 */
export function nextRuns(calendar: Calendar, zone: string, from: Date, count: number): Date[] {
  const runs: Date[] = [];
  let after = from.getTime();
  while (runs.length < count) {
    const run = nextRun(calendar, zone, after);
    if (run === undefined) {
      break;
    }
    runs.push(new Date(run));
    after = run;
  }
  return runs;
}

/**
 * The run that is due: the newest one after `last` and not after `now`. Runs before that one that were missed as well are
 * made up for by it.
 *
 * A clock that was set back finds nothing before it has passed `last` again, and one that was set forward finds what it
 * jumped over.
 *
 * @param last What was due before; a task without a run yet has the time at which it became known.
 */
export function dueAt(calendar: Calendar, zone: string, last: Date, now: Date): Date | undefined {
  const first = nextRun(calendar, zone, last.getTime());
  if (first === undefined || first > now.getTime()) {
    return undefined;
  }
  // Backwards in growing steps: the pattern is searched forwards only, and `last` may be years ago.
  for (let span = HOUR; ; span *= 2) {
    const from = Math.max(last.getTime(), now.getTime() - span);
    let newest: number | undefined;
    let run = nextRun(calendar, zone, from);
    while (run !== undefined && run <= now.getTime()) {
      newest = run;
      run = nextRun(calendar, zone, run);
    }
    if (newest !== undefined) {
      return new Date(newest);
    }
  }
}

/** What is wrong with a calendar's pattern, or undefined. */
export function calendarProblem(cron: string): string | undefined {
  if (cron.trim().split(/\s+/).length !== 5) {
    return `${JSON.stringify(cron)} is not a calendar: five fields are needed, such as "0 2 * * *"`;
  }
  try {
    const epoch = new Date(Date.UTC(2000, 0, 1));
    return patternOf(cron).nextRun(epoch) === null ? `${JSON.stringify(cron)} never comes` : undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    return `${JSON.stringify(cron)} is not a calendar: ${reason}`;
  }
}

function nextRun({ cron, hoursBefore = 0 }: Calendar, zone: string, after: number): number | undefined {
  const ahead = hoursBefore * HOUR;
  const time = nextTime(cron, zone, after + ahead);
  return time === undefined ? undefined : time - ahead;
}

function nextTime(cron: string, zone: string, after: number): number | undefined {
  const pattern = patternOf(cron);
  // One second earlier, because the pattern looks strictly after, and the time shown now may be the one of a skipped run.
  let wall = wallClock(zone, after) - 1_000;
  const limit = wall + LONGEST_WAIT;
  while (wall <= limit) {
    const shown = pattern.nextRun(new Date(wall))?.getTime();
    if (shown === undefined) {
      return undefined;
    }
    const instant = instantOf(zone, shown);
    if (instant > after) {
      return instant;
    }
    wall = shown;
  }
  return undefined;
}

const patterns = new Map<string, Cron>();

function patternOf(cron: string): Cron {
  let pattern = patterns.get(cron);
  if (pattern === undefined) {
    pattern = new Cron(cron, { utcOffset: 0, mode: "5-part", paused: true });
    patterns.set(cron, pattern);
  }
  return pattern;
}
