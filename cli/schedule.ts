import { existsSync } from "node:fs";
import { nextWindow, noticeOf, type Window, windowAt } from "../maintenanceWindow";
import { MANUAL } from "../manual";
import { nextRuns } from "../ops/tasks/calendar";
import { taskDefinitions } from "../tasks";
import { instantOf, showWallClock, zoneProblem } from "../wallClock";
import { stackContext } from "./context";
import { UserError } from "./errors";
import { rawConfig, readStackFile } from "./stackFile";

/** The next runs of one task, as `schedule --json` prints them. */
export interface TaskSchedule {
  task: string;
  /** IANA zone of its calendar. */
  zone: string;
  /** ISO times, in UTC. */
  next: string[];
}

/** A maintenance window, in ISO times. */
export interface WindowTimes {
  /** When users are told (M38). */
  notice: string;
  from: string;
  to: string;
}

/** The windows that come next (M37), and before them the one that is open. */
export function windowTimes(zone: string, from: Date, count: number): WindowTimes[] {
  const windows: Window[] = [windowAt(from, zone) ?? nextWindow(from, zone)];
  while (windows.length < count) {
    windows.push(nextWindow(windows.at(-1)?.from ?? from, zone));
  }
  return windows.map((window) => ({
    notice: noticeOf(window).toISOString(),
    from: window.from.toISOString(),
    to: window.to.toISOString(),
  }));
}

export function formatWindows(zone: string, windows: readonly WindowTimes[]): string {
  const show = (time: string): string => showWallClock(zone, new Date(time));
  return [
    `maintenance windows (${zone})`,
    ...windows.map(
      ({ notice, from, to }) =>
        `  ${show(from)} to ${show(to).slice(11)}   ${from.slice(0, 19)}Z   users are told ${show(notice)}`,
    ),
  ].join("\n");
}

const MOST_RUNS = 10_000;

/** What runs when, by the calendars alone: nothing needs to be deployed. */
export function schedule(
  zone: string,
  from: Date,
  count: number,
  has: Parameters<typeof taskDefinitions>[0] = {},
): TaskSchedule[] {
  return taskDefinitions(has).map((definition) => ({
    task: definition.name,
    zone,
    next: nextRuns(definition, zone, from, count).map((run) => run.toISOString()),
  }));
}

/** What a stack's calendar has beside what every one has. */
export function stackHas(stack: string): { certificates: boolean } {
  const { configFile } = stackContext(stack);
  const http: unknown = existsSync(configFile)
    ? readStackFile(configFile).config?.["fitnesscrm:http"]
    : undefined;
  return { certificates: typeof http === "object" && http !== null && "tls" in http };
}

/** The zone of a stack's calendars; the manual's for a stack that does not exist yet. @throws UserError */
export function stackZone(stack: string): string {
  const { configFile } = stackContext(stack);
  const settings = existsSync(configFile) ? rawConfig(readStackFile(configFile)) : {};
  const zone = settings["fitnesscrm:timeZone"] ?? MANUAL.timeZone;
  const problem = zoneProblem(zone);
  if (problem !== undefined) {
    throw new UserError(`${configFile}: fitnesscrm:timeZone: ${problem}`, 2);
  }
  return zone;
}

const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * A point in time as a person writes it: ISO 8601. One without a zone is a time of the stack's own.
 *
 * @param option Names it in the error.
 * @throws UserError
 */
export function parseTime(text: string, zone: string, option: string): Date {
  const match = TIME.exec(text);
  const time = match === null ? Number.NaN : Date.parse(match[4] === undefined ? asUtc(text) : text);
  if (match === null || Number.isNaN(time)) {
    throw new UserError(
      `${option} ${JSON.stringify(text)}: must be a time such as 2026-03-08T07:00:00Z, or 2026-03-08 for its midnight in ${zone}`,
      2,
    );
  }
  return new Date(match[4] === undefined ? instantOf(zone, time) : time);
}

/** @throws UserError */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > MOST_RUNS) {
    throw new UserError(
      `--count ${JSON.stringify(text)}: must be a whole number from 1 to ${MOST_RUNS.toLocaleString("en-US")}`,
      2,
    );
  }
  return count;
}

export function formatSchedule(schedules: readonly TaskSchedule[]): string {
  return schedules
    .map(({ task, zone, next }) =>
      [
        `${task} (${zone})`,
        ...next.map((run) => `  ${showWallClock(zone, new Date(run))}   ${run.slice(0, 19)}Z`),
      ].join("\n"),
    )
    .join("\n");
}

function asUtc(text: string): string {
  return text.includes("T") ? `${text}Z` : `${text}T00:00:00Z`;
}
