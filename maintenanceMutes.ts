/**
 * Alarms that the maintenance window explains, and the dated rules by which CloudWatch keeps them quiet in it and only in it (M37).
 * Pure: nothing here asks for the time, so that a preview of what was declared before shows nothing to do.
 *
 * An alarm that is still on when its rule ends tells then: what a window leaves behind is heard of at its end.
 */
import type { AlarmName } from "./alarmCatalogue";
import { monthOf, nextWindow, type Window, windowAt, windowsFrom } from "./maintenanceWindow";
import { instantOf, showWallClock, wallClock } from "./wallClock";

/**
 * What the window's own steps cause, and why. Everything else pages in the window as at any time: no step stops the service, fills
 * a cache, opens many sessions or loses data.
 */
export const MUTED_ALARMS = {
  cpu: "the dump is compressed and encrypted, and indexes are built anew",
  memory:
    "sorting for an index takes the server's maintenance memory, and an image refresh runs old and new tasks side by side",
  disk: "an index that is built anew lies beside the old one, and the dump beside the one before, until the step is over",
  "response-time": "VACUUM, the dump and new indexes read whole tables while requests wait for the same disk",
} as const satisfies Partial<Record<AlarmName, string>>;

/** Windows that are declared at once. */
export const PLANNED_WINDOWS = 12;
/** What CloudWatch takes in one rule. */
export const MAX_MUTED = 100;

const DAY = 86_400_000;

/** What of the configuration the rules are made from. */
export interface MuteSettings {
  readonly timeZone: string;
  readonly maintenance: {
    /** Month of the first declared window, such as `2026-12`; without it none is, and every alarm pages. */
    readonly plannedFrom?: string | undefined;
  };
}

/** One rule, as CloudWatch takes it. */
export interface MuteRule {
  /** Month of its window. */
  readonly month: string;
  /** `at(2026-12-06T02:00)`. */
  readonly expression: string;
  /** IANA zone of the expression. */
  readonly timezone: string;
  /** ISO 8601, such as `PT2H`. */
  readonly duration: string;
}

/** The rules of the windows that are declared. */
export function declareMutes(settings: MuteSettings): MuteRule[] {
  const { timeZone } = settings;
  return plannedWindows(settings).map((window) => ({
    month: monthOf(window, timeZone),
    ...timesOf(window, timeZone),
  }));
}

function plannedWindows({ timeZone, maintenance: { plannedFrom } }: MuteSettings): Window[] {
  return plannedFrom === undefined ? [] : windowsFrom(plannedFrom, PLANNED_WINDOWS, timeZone);
}

function timesOf({ from, to }: Window, zone: string): Omit<MuteRule, "month"> {
  const minutes = (to.getTime() - from.getTime()) / 60_000;
  const duration = minutes % 60 === 0 ? `PT${minutes / 60}H` : `PT${minutes}M`;
  // Where the clocks show a time of the night twice, nobody says which of the two CloudWatch takes.
  const shown = wallClock(zone, to.getTime()) - wallClock(zone, from.getTime());
  const timezone = shown === to.getTime() - from.getTime() ? zone : "UTC";
  return { expression: `at(${showWallClock(timezone, from).replace(" ", "T")})`, timezone, duration };
}

/** The time in which a rule keeps its alarms quiet: what CloudWatch itself makes of it. */
export function mutedTime({ expression, timezone, duration }: Omit<MuteRule, "month">): Window {
  const wall = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d)\)$/.exec(expression)?.[1];
  const [, hours = "0", minutes = "0"] = /^PT(?:(\d+)H)?(?:(\d+)M)?$/.exec(duration) ?? [];
  const length = Number(hours) * 60 + Number(minutes);
  if (wall === undefined || length === 0) {
    throw new Error(`${expression} for ${duration} is not a rule of one time`);
  }
  const from = instantOf(timezone, Date.parse(`${wall}Z`));
  return { from: new Date(from), to: new Date(from + length * 60_000) };
}

/** Days from a moment on for which windows are declared; 0 beyond the last one. */
export function daysMuted(at: Date, settings: MuteSettings): number {
  const last = plannedWindows(settings).at(-1);
  return last === undefined ? 0 : Math.max(0, (last.to.getTime() - at.getTime()) / DAY);
}

/**
 * The month from which windows should be declared from now on; undefined while more than half of the declared ones lie ahead.
 * A window that is over is not declared: CloudWatch takes no time that has passed.
 */
export function nextPlannedMonth(at: Date, settings: MuteSettings): string | undefined {
  const { timeZone } = settings;
  const ahead = plannedWindows(settings).filter(({ to }) => to > at);
  // One that is open stays, and is not begun anew.
  const open = windowAt(at, timeZone);
  const isDeclared = ahead.some(({ from }) => from.getTime() === open?.from.getTime());
  const month = monthOf(isDeclared && open !== undefined ? open : nextWindow(at, timeZone), timeZone);
  return ahead.length > PLANNED_WINDOWS / 2 || month === settings.maintenance.plannedFrom ? undefined : month;
}
