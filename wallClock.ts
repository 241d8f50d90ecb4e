/**
 * The wall clock of an IANA zone, for everything that the manual says by the clock. Pure: nothing here asks for the time.
 *
 * A time of the wall clock is one instant: the first one at which the zone's clocks show it, or, when they skip it, the one at
 * which they have jumped over it. So 02:00 of a March night without one is 03:00, and 01:30 of a November night with two is
 * the earlier.
 */

/** No zone's clock has ever been set by more. */
const LARGEST_STEP = 25 * 3_600_000;

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
