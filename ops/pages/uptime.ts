/**
 * For how long each part of the stack worked, by day in UTC, as seen by ops. Pure: nothing here asks for the time.
 *
 * Time counts as up or down only between two looks that came soon after each other. What lies between looks that did not (ops was off,
 * the machine was, a clock was set) is not known, and never counts as up. A part counts from when it was first up: before that it is being
 * set up, and nobody misses it.
 */
import { z } from "zod";

const DAY_MS = 86_400_000;
/** What the page shows, and so what is kept. */
export const DAYS = 90;

const milliseconds = z.int().min(0);

export const uptimeSchema = z.strictObject({
  /** By day (`2026-11-26`) and part: milliseconds up, milliseconds down. */
  days: z.record(
    z.string().regex(/^\d{4}-\d\d-\d\d$/),
    z.record(z.string(), z.tuple([milliseconds, milliseconds])),
  ),
  last: z.strictObject({ at: z.int(), up: z.record(z.string(), z.boolean()) }).nullable(),
});

export type Uptime = z.infer<typeof uptimeSchema>;

/** One look at the parts; a part of which nothing is known is left out. `at` is in milliseconds since the epoch. */
export interface Look {
  readonly at: number;
  readonly up: Readonly<Record<string, boolean>>;
}

/** One day of one part, in milliseconds. What is missing to the length of the day is not known. */
export interface DayOfPart {
  readonly date: string;
  readonly up: number;
  readonly down: number;
}

export const NOTHING_SEEN: Uptime = { days: {}, last: null };

/**
 * Adds a look. The time since the last one counts as what that one saw.
 *
 * @param longestMs Looks that are further apart than this say nothing about the time between them.
 */
export function look(uptime: Uptime, { at, up }: Look, longestMs: number): Uptime {
  const days = structuredClone(uptime.days);
  const { last } = uptime;
  if (last !== null && at > last.at && at - last.at <= longestMs) {
    for (const [part, wasUp] of Object.entries(last.up)) {
      if (!wasUp && !wasEverUp(days, part)) {
        continue;
      }
      for (const { date, length } of spans(last.at, at)) {
        const day = days[date] ?? {};
        const [above, below] = day[part] ?? [0, 0];
        day[part] = wasUp ? [above + length, below] : [above, below + length];
        days[date] = day;
      }
    }
  }
  const first = dateOf(at - (DAYS - 1) * DAY_MS);
  return {
    // A day that has not come yet is one of a clock that was wrong.
    days: Object.fromEntries(Object.entries(days).filter(([date]) => date >= first && date <= dateOf(at))),
    last: { at, up: { ...up } },
  };
}

function wasEverUp(days: Uptime["days"], part: string): boolean {
  return Object.values(days).some((day) => (day[part]?.[0] ?? 0) > 0);
}

/** The last {@link DAYS} days of a part until the day of `now`, oldest first. */
export function daysOf(uptime: Uptime, part: string, now: number): DayOfPart[] {
  return Array.from({ length: DAYS }, (_, index) => {
    const date = dateOf(now - (DAYS - 1 - index) * DAY_MS);
    const [up, down] = uptime.days[date]?.[part] ?? [0, 0];
    return { date, up, down };
  });
}

/** The share of the known time that was up, 0 to 1; null where nothing is known. */
export function shareUp(days: readonly DayOfPart[]): number | null {
  const up = days.reduce((sum, day) => sum + day.up, 0);
  const down = days.reduce((sum, day) => sum + day.down, 0);
  return up + down === 0 ? null : up / (up + down);
}

/** Never rounded up to what was not reached: `100%` is all of the time. */
export function percent(share: number): string {
  return share === 1 ? "100%" : `${(Math.floor(share * 10_000) / 100).toFixed(2)}%`;
}

function spans(from: number, to: number): { date: string; length: number }[] {
  const found: { date: string; length: number }[] = [];
  for (let start = from; start < to; ) {
    const end = Math.min(to, (Math.floor(start / DAY_MS) + 1) * DAY_MS);
    found.push({ date: dateOf(start), length: end - start });
    start = end;
  }
  return found;
}

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
