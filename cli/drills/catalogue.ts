import type { AlarmName } from "../../alarmCatalogue";

/** Fire drills by name, in the order in which `drill all` shows them. */
export const DRILL_NAMES = [
  "cpu",
  "memory",
  "disk",
  "connections",
  "redis-memory",
  "oom",
  "failed-logins",
  "response-time",
  "error-rate",
  "service-down",
  "silence",
] as const;
export type DrillName = (typeof DRILL_NAMES)[number];

export interface Drill {
  readonly name: DrillName;
  /** The alarm that has to go off. */
  readonly alarm: AlarmName;
  /** What is done to the stack. */
  readonly cause: string;
  /** Requests of users go on meanwhile: without them neither their errors nor their answers are judged. */
  readonly load: boolean;
}

const DRILLS: Readonly<Record<DrillName, Omit<Drill, "name">>> = {
  cpu: {
    alarm: "cpu",
    cause: "a container burns all of the fifth of a processor that it may have",
    load: false,
  },
  memory: { alarm: "memory", cause: "a container holds 92% of the 64 MiB that it may have", load: false },
  disk: { alarm: "disk", cause: "a file fills the stack's small volume for drills", load: false },
  connections: {
    alarm: "database-connections",
    cause: "idle sessions to PostgreSQL, five more than the alarm allows",
    load: false,
  },
  "redis-memory": {
    alarm: "redis-memory",
    cause: "keys of the drill's own fill Redis to 98%",
    load: false,
  },
  oom: {
    alarm: "oom",
    cause: "processes that take more than the 32 MiB of their container are killed",
    load: false,
  },
  "failed-logins": {
    alarm: "failed-logins",
    cause: "wrong passwords for accounts that nobody has, five more than the alarm allows",
    load: false,
  },
  "response-time": {
    alarm: "response-time",
    cause: "one backend more, which takes 1.2 s for every answer",
    load: true,
  },
  "error-rate": {
    alarm: "error-rate",
    cause: "one backend more, which answers 500 but to health checks",
    load: true,
  },
  "service-down": { alarm: "service-down", cause: "every task of the backend is stopped", load: true },
  silence: { alarm: "silence", cause: "the metrics agent is stopped", load: false },
};

/**
 * What `drill all` runs at the same time, stage by stage. Causes that hide each other stand apart: while the service is down no
 * request is judged, and while the agent is silent nothing is.
 */
const STAGES: readonly (readonly DrillName[])[] = [
  ["cpu", "memory", "disk", "connections", "redis-memory", "oom", "failed-logins"],
  ["response-time", "error-rate"],
  ["service-down"],
  ["silence"],
];

export function drillOf(name: DrillName): Drill {
  return { name, ...DRILLS[name] };
}

/** The drills that a command asks for, stage by stage, without those that it leaves out. */
export function stagesOf(asked: DrillName | "all", except: readonly DrillName[] = []): Drill[][] {
  const stages = asked === "all" ? STAGES : [[asked]];
  return stages
    .map((names) => names.filter((name) => !except.includes(name)).map(drillOf))
    .filter((drills) => drills.length > 0);
}

export function isDrillName(name: string): name is DrillName {
  return (DRILL_NAMES as readonly string[]).includes(name);
}
