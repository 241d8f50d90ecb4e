import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** nginx's two files, in turn (`images/nginx`). What is older than they are is gone. */
const FILES = ["requests.a.log", "requests.b.log"] as const;
/** Groups that are told apart; a scan of made-up paths takes no more memory than this. */
const MOST_GROUPS = 1000;
export const OTHER = "other";

/** Requests that ended alike. */
export interface ErrorGroup {
  /** `GET /api/clients/:id`, with what is only one of many left out. */
  readonly request: string;
  readonly status: number;
  readonly count: number;
  /** ISO times. */
  readonly first: string;
  readonly last: string;
}

interface Line {
  time: string;
  method: string;
  route: string;
  status: number;
  probe: number;
}

/** A line of the log; undefined for one that is no request, such as one that is being written. */
export function parseLine(text: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { time, method, route, status, probe } = value as Partial<Record<keyof Line, unknown>>;
  const at = new Date(String(time));
  return typeof method === "string" &&
    typeof route === "string" &&
    typeof status === "number" &&
    !Number.isNaN(at.getTime())
    ? { time: at.toISOString(), method, route, status, probe: probe === 1 ? 1 : 0 }
    : undefined;
}

/** A path without what names one thing of many: numbers, UUIDs, long hexadecimal words. As the agent has it. */
export function routeOf(path: string): string {
  return path
    .split("/")
    .map((part) => (isId(part) ? ":id" : part))
    .join("/")
    .slice(0, 100);
}

function isId(part: string): boolean {
  const hex = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(part) ? part.replaceAll("-", "") : part;
  return /^\d+$/.test(part) || /^[0-9a-f]{16,}$/i.test(hex);
}

/** Counts what failed, line by line. */
export class ErrorCounter {
  readonly #groups = new Map<
    string,
    { request: string; status: number; count: number; first: string; last: string }
  >();
  #oldest: string | undefined;

  constructor(private readonly from: Date) {}

  add(text: string): void {
    const line = parseLine(text);
    if (line === undefined) {
      return;
    }
    if (this.#oldest === undefined || line.time < this.#oldest) {
      this.#oldest = line.time;
    }
    if (line.status < 500 || line.probe === 1 || line.time < this.from.toISOString()) {
      return;
    }
    const request = `${line.method} ${routeOf(line.route)}`;
    const known = this.#groups.has(`${line.status} ${request}`) || this.#groups.size < MOST_GROUPS;
    const name = known ? request : OTHER;
    const key = `${line.status} ${name}`;
    const group = this.#groups.get(key) ?? {
      request: name,
      status: line.status,
      count: 0,
      first: line.time,
      last: line.time,
    };
    group.count += 1;
    if (line.time < group.first) {
      group.first = line.time;
    } else if (line.time > group.last) {
      group.last = line.time;
    }
    this.#groups.set(key, group);
  }

  /** Newest first. */
  groups(): ErrorGroup[] {
    return [...this.#groups.values()].sort((a, b) =>
      a.last < b.last ? 1 : a.last > b.last ? -1 : b.count - a.count,
    );
  }

  /** ISO time of the oldest line that the log still has. */
  get oldest(): string | undefined {
    return this.#oldest;
  }
}

/** @throws Error of one line where the log is not there to be read. */
export async function edgeErrors(
  folder: string,
  from: Date,
  signal?: AbortSignal,
): Promise<{ groups: ErrorGroup[]; oldest: string | undefined }> {
  const counter = new ErrorCounter(from);
  let read = 0;
  for (const name of FILES) {
    const path = join(folder, name);
    const there = await stat(path).catch(() => undefined);
    if (there === undefined) {
      continue;
    }
    read += 1;
    const lines = createInterface({
      input: createReadStream(path, { encoding: "utf8", ...(signal !== undefined && { signal }) }),
    });
    for await (const line of lines) {
      counter.add(line);
    }
  }
  if (read === 0) {
    throw new Error(`the edge's log is not in ${folder}: nginx may run on another node`);
  }
  return { groups: counter.groups(), oldest: counter.oldest };
}
