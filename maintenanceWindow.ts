import { MANUAL } from "./manual";
import { instantOf, wallClock } from "./wallClock";

/** A maintenance window (M37): `to` is its end, and no longer in it. */
export interface Window {
  from: Date;
  to: Date;
}

const HOUR = 3_600_000;
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** The beginnings of the windows as a crontab(5) pattern, for whoever runs something by the calendar: `0 2 * * SUN#1`. */
export const WINDOW_CRON = windowCron();

function windowCron(): string {
  const { ordinal, weekday, from } = MANUAL.maintenanceWindow;
  const [hour, minute] = from.split(":").map(Number);
  return `${minute} ${hour} * * ${weekday.slice(0, 3).toUpperCase()}#${ordinal}`;
}

/**
 * The window of a month, by the clocks of an IANA zone. Where they skip its beginning, it begins as soon as they go on; where
 * they show a part of it twice, it lasts longer.
 *
 * @param month 1 to 12; more go on into the next year.
 */
export function windowOf(year: number, month: number, zone: string): Window {
  const { ordinal, weekday, from, to } = MANUAL.maintenanceWindow;
  const first = new Date(Date.UTC(year, month - 1, 1)).getUTCDay();
  const day = 1 + ((WEEKDAYS.indexOf(weekday) - first + 7) % 7) + 7 * (ordinal - 1);
  const at = (time: string): Date => {
    const [hour = 0, minute = 0] = time.split(":").map(Number);
    return new Date(instantOf(zone, Date.UTC(year, month - 1, day, hour, minute)));
  };
  return { from: at(from), to: at(to) };
}

/** The window that is open at a moment. */
export function windowAt(at: Date, zone: string): Window | undefined {
  const window = windowOf(...monthAt(at, zone), zone);
  return window.from <= at && at < window.to ? window : undefined;
}

/** The first window that begins after a moment. */
export function nextWindow(after: Date, zone: string): Window {
  const [year, month] = monthAt(after, zone);
  const window = windowOf(year, month, zone);
  // Date.UTC takes month 13 as the next January.
  return window.from > after ? window : windowOf(year, month + 1, zone);
}

/** The windows of consecutive months, from one month on. @param first Such as `2026-12`. */
export function windowsFrom(first: string, count: number, zone: string): Window[] {
  const [year = 0, month = 0] = first.split("-").map(Number);
  return Array.from({ length: count }, (_, index) => windowOf(year, month + index, zone));
}

/** The month of a window by the clocks of its zone, such as `2026-12`. */
export function monthOf({ from }: Window, zone: string): string {
  return new Date(wallClock(zone, from.getTime())).toISOString().slice(0, 7);
}

/**
 * When users are told of a window at the latest (M38): hours that pass before it begins, however the clocks are set in between.
 * Where they are, the notice shows an hour less or more on the clock than the window.
 */
export function noticeOf({ from }: Window): Date {
  return new Date(from.getTime() - MANUAL.maintenanceWindow.noticeHours * HOUR);
}

function monthAt(at: Date, zone: string): [year: number, month: number] {
  const shown = new Date(wallClock(zone, at.getTime()));
  return [shown.getUTCFullYear(), shown.getUTCMonth() + 1];
}
