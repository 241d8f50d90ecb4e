import { nextWindow, windowAt } from "../../maintenanceWindow";
import { showWallClock } from "../../wallClock";

/** Services that run once and are replaced by stopping them first, and what people notice of it, worst first. */
const ONE_AT_A_TIME = {
  db: "the database is away: requests fail until it has started again",
  redis: "the cache is away: requests fail or are slow until it has started again",
  nginx: "connections are refused for about a second",
  ops: "a task that runs is interrupted; users notice nothing",
  restore: "a drill or a restore that runs is interrupted; users notice nothing",
} as const;

type OneAtATime = keyof typeof ONE_AT_A_TIME;

/** Those whose downtime the manual keeps to its window (M37). */
const STATEFUL: readonly string[] = ["db", "redis"] satisfies OneAtATime[];

/**
 * The services that a deployment stops before it starts them anew, worst first: those of one task at a time that were there
 * before and change, or go.
 *
 * @param before What was declared for each service at the last attempt, as digests; undefined before the first.
 * @param after What is declared now.
 */
export function downtimeOf(
  before: Readonly<Record<string, string>> | undefined,
  after: Readonly<Record<string, string>>,
): string[] {
  return Object.keys(ONE_AT_A_TIME).filter(
    (service) => before?.[service] !== undefined && before[service] !== after[service],
  );
}

/** What people notice while a service of {@link downtimeOf} is replaced; undefined for one that rolls. */
export function effectOf(service: string): string | undefined {
  return Object.entries(ONE_AT_A_TIME).find(([name]) => name === service)?.[1];
}

export interface DowntimeQuestion {
  /** From {@link downtimeOf}. */
  services: readonly string[];
  /** From `downtimeMode` of the stack's config. */
  mode: "window" | "anytime";
  at: Date;
  /** IANA zone of the stack. */
  zone: string;
  /** The reason that a person gave for doing it all the same. */
  despite?: string;
}

export interface DowntimeAnswer {
  allowed: boolean;
  /** One line. */
  reason: string;
}

/** Whether a deployment may stop what it stops, at this time (M37). Only database and cache have to wait for the window. */
export function judgeDowntime({ services, mode, at, zone, despite }: DowntimeQuestion): DowntimeAnswer {
  const stateful = services.filter((service) => STATEFUL.includes(service));
  if (stateful.length === 0) {
    return { allowed: true, reason: "database and cache go on running" };
  }
  const what = `${stateful.join(" and ")} ${stateful.length === 1 ? "stops and starts" : "stop and start"} anew`;
  if (mode === "anytime") {
    return { allowed: true, reason: `${what}: this stack allows that at any time` };
  }
  const open = windowAt(at, zone);
  if (open !== undefined) {
    return {
      allowed: true,
      reason: `${what}: in the maintenance window, which is open until ${timeOf(open.to, zone)} (${zone})`,
    };
  }
  if (despite?.trim()) {
    return {
      allowed: true,
      reason: `${what}: outside of the maintenance window, because ${oneLine(despite)}`,
    };
  }
  const { from, to } = nextWindow(at, zone);
  return {
    allowed: false,
    reason:
      `${what}, which users notice: it waits for the maintenance window. It is ${showWallClock(zone, at)} (${zone}), the next ` +
      `window is ${showWallClock(zone, from)} to ${timeOf(to, zone)}; deploy then, or give a reason with --despite REASON`,
  };
}

function timeOf(at: Date, zone: string): string {
  return showWallClock(zone, at).slice(-5);
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
