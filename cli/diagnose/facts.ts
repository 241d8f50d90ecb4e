import type { Connections } from "../database/connections";
import type { Statement } from "../database/slow";
import type { ServiceStats } from "../stats";

/** What was asked for, or why nobody answered. */
export type Asked<T> = { readonly answer: T } | { readonly unknown: string };

/** One task of a service, as the engine remembers it. */
export interface TaskFacts {
  readonly state: string;
  readonly desiredState: string;
  /** The engine's reason for a task that does not run. */
  readonly error?: string;
  readonly exitCode?: number;
  /** The kernel killed its container for want of memory. */
  readonly oomKilled: boolean;
  /** What its own container might use, which may be other than what is declared now. */
  readonly memoryLimitBytes?: number;
  /** What its health check says while it fails. */
  readonly unwell?: string;
  /** ISO time. */
  readonly createdAt: string;
}

/** One service, as it is declared to the engine and as it runs. */
export interface ServiceFacts {
  readonly service: string;
  readonly exists: boolean;
  /** Tasks wanted. */
  readonly wanted: number;
  readonly updateState?: string;
  readonly updateMessage?: string;
  readonly image: string;
  /** Null for no limit. */
  readonly memoryLimitBytes: number | null;
  /** Names of the variables that it is given, in clear or from a secret's file, and of those of them that are empty. */
  readonly variables: readonly string[];
  readonly emptyVariables: readonly string[];
  /** Secret files that its variables are read from. */
  readonly secretFiles: readonly string[];
  /** Files that it is given. */
  readonly files: readonly { kind: "secret" | "config"; file: string; name: string; exists: boolean }[];
  /** Files that are given to it and are missing or empty in its running container. */
  readonly absentFiles: readonly string[];
  /** Newest first. */
  readonly tasks: readonly TaskFacts[];
  /** Last lines of the task that failed or is unwell, without secrets. */
  readonly log: readonly string[];
}

export interface RoleFacts {
  readonly role: string;
  readonly connections: number;
  /** Null for no limit of its own. */
  readonly limit: number | null;
}

export interface DatabaseFacts {
  /** Exit code of pg_isready: 0 accepts, 1 refuses, 2 does not answer, 3 was asked wrongly. */
  readonly ready: number;
  readonly said: string;
  readonly connections: Asked<Connections>;
  readonly roles: Asked<readonly RoleFacts[]>;
  readonly maxConnections: Asked<number>;
  readonly statements: Asked<readonly Statement[]>;
}

/** A file system that the stack writes to. */
export interface FileSystemFacts {
  /** What lies on it, such as `the database`. */
  readonly holds: string;
  readonly usedPercent: number;
  readonly freeBytes: number;
}

export interface ProcessFacts {
  readonly service: string;
  readonly pid: number;
  readonly command: string;
  /** Of one processor, over the seconds in which it was watched. */
  readonly nowPercent: number;
  /** Of one processor, over its life. */
  readonly lifePercent: number;
  readonly memoryBytes: number;
}

/** How long the parts of one request through the edge took, milliseconds. A part that did not come to pass is null. */
export interface RequestFacts {
  readonly url: string;
  readonly status: number | null;
  readonly problem: string | null;
  readonly lookupMs: number | null;
  readonly connectMs: number | null;
  readonly tlsMs: number | null;
  /** From the request sent to the answer's first byte. */
  readonly waitMs: number | null;
  readonly totalMs: number;
}

/** All that `diagnose` looks at. Everything of it may be unknown: it is run when things are broken. */
export interface Facts {
  /** Why the engine cannot be asked; undefined when it answers. */
  readonly engineProblem?: string;
  readonly services: Asked<readonly ServiceFacts[]>;
  readonly stats: Asked<readonly ServiceStats[]>;
  readonly processes: Asked<readonly ProcessFacts[]>;
  /** Undefined where a service was asked for that has nothing to do with it. */
  readonly database?: Asked<DatabaseFacts>;
  /** What Redis answers to a ping: `PONG`, or what is wrong. */
  readonly redis?: Asked<string>;
  readonly disks: Asked<readonly FileSystemFacts[]>;
  readonly requests: readonly RequestFacts[];
}

/** Where things begin to be wrong; from the stack's settings, which are the manual's or stricter. */
export interface Limits {
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  readonly diskPercent: number;
  readonly responseMs: number;
  readonly statementMs: number;
}

/** `fail`: this is broken. `warn`: this is not right. `unknown`: nobody could say. */
export type Level = "fail" | "warn" | "unknown" | "ok";

/** What one check came to. */
export interface Finding {
  readonly level: Level;
  /** What was looked at: a service, `database`, `disk`, … */
  readonly part: string;
  /** A word for scripts, such as `image-missing`; `ok` and `unknown` as the level has it. */
  readonly cause: string;
  /** One line. */
  readonly what: string;
  /** What to do about it, as commands where there are. */
  readonly todo?: string;
  /** Lines that show it. */
  readonly evidence?: readonly string[];
}

export function isKnown<T>(asked: Asked<T>): asked is { readonly answer: T } {
  return "answer" in asked;
}
