import { Cron } from "croner";

/**
 * Calendars of the wall clock in an IANA zone. Pure: nothing here asks for the time.
 *
 * A time of the calendar is one instant: the first one at which the zone's clocks show it, or, when they skip it, the one at
 * which they have jumped over it. So 02:00 of a March night without one is 03:00, and 01:30 of a November night with two is
 * the earlier. The pattern is croner's; the zone's rules are applied here, because croner looks for a repeated hour one
 * hour back only, and Lord Howe Island repeats half an hour.
 */

const HOUR = 3_600_000;
/** No zone's clock has ever been set by more. */
const LARGEST_STEP = 25 * HOUR;
/** The 29th of February that is a Sunday comes every 28 years, and over a century's end after 40. */
const LONGEST_WAIT = 41 * 366 * 24 * HOUR;

/** What a calendar needs of a task's definition. */
export interface Calendar {
  readonly cron: string;
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

/** What is wrong with the name of a zone, or undefined. */
export function zoneProblem(zone: string): string | undefined {
  try {
    formatOf(zone);
    return undefined;
  } catch {
    return `${JSON.stringify(zone)} is not an IANA time zone such as America/New_York`;
  }
}

/** What the zone's clocks show at an instant, as the milliseconds at which a clock in UTC shows it. */
export function wallClock(zone: string, instant: number): number {
  return instant + offsetAt(zone, instant);
}

/** What the zone's clocks show at an instant, for people: `2026-03-08 03:00`. */
export function showWallClock(zone: string, instant: Date): string {
  return new Date(wallClock(zone, instant.getTime())).toISOString().slice(0, 16).replace("T", " ");
}

function nextRun({ cron }: Calendar, zone: string, after: number): number | undefined {
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

/** The first instant at which the zone's clocks show `wall` (see {@link wallClock}), or have jumped over it. */
export function instantOf(zone: string, wall: number): number {
  const offsets = [offsetAt(zone, wall - LARGEST_STEP), offsetAt(zone, wall + LARGEST_STEP)];
  const earliest = wall - Math.max(...offsets);
  const latest = wall - Math.min(...offsets);
  for (const instant of [earliest, latest]) {
    if (wallClock(zone, instant) === wall) {
      return instant;
    }
  }
  // Skipped: before the jump the clocks show less, after it more.
  let before = earliest;
  let behind = latest;
  while (behind - before > 1) {
    const middle = Math.floor((before + behind) / 2);
    if (wallClock(zone, middle) < wall) {
      before = middle;
    } else {
      behind = middle;
    }
  }
  return behind;
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

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(zone, format);
  }
  return format;
}

/** Milliseconds by which the zone's clocks are ahead of UTC. */
function offsetAt(zone: string, instant: number): number {
  const second = Math.floor(instant / 1_000) * 1_000;
  const shown: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(second)) {
    shown[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
}
