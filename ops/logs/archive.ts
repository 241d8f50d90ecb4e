/** The daily archive of the services' logs (M55): the work of the task `log-archive`. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { SERVICES, type ServiceName } from "../../serviceNames";
import type { Sum } from "../backup/crypt";
import { reasonOf } from "../health";
import type { TaskWork } from "../tasks/runner";
import { GoneError, type LoggedTask, type LogSource } from "./engine";
import { archivedUntil, fixed, keyOf, type LogLine, type Segment, segmentOf } from "./model";

/** The bucket below the prefix of logs. */
export interface LogBucket {
  keys(signal: AbortSignal): Promise<string[]>;
  put(key: string, file: string, signal: AbortSignal): Promise<void>;
  /** What a reader gets. */
  read(key: string, signal: AbortSignal): Promise<Sum>;
}

export interface LogArchiveParts {
  readonly stack: string;
  readonly source: LogSource;
  readonly bucket: LogBucket;
  /** Packs lines into a new file. */
  pack(lines: Readable, file: string, signal: AbortSignal): Promise<Sum>;
  /** Folder on whose disk a segment is packed; of this task alone. */
  readonly scratch: string;
  /** Milliseconds between two attempts to read a log. */
  readonly pauseMs?: number;
}

/** A line may reach the engine's file a little later than its time says, and nodes' clocks differ. */
export const SETTLE_MS = 10_000;
/** An archive that ends this much later than now was written by a clock that was ahead. */
const CLOCK_SLACK_MS = 60_000;
const ATTEMPTS = 3;
const PAUSE_MS = 5_000;
/** Lines are handed on together: one by one they would cost more than their compression. */
const BATCH_CHARACTERS = 64 * 1024;

interface Archived {
  lines: number;
  bytes: number;
  /** Ended tasks of which the engine has no log any more. */
  gone: number;
}

/**
 * Archives what each service wrote since its last segment. The names in the bucket say until when that was, and are the only
 * memory: an object is there as a whole or not at all, so that a run that was killed, or days that were missed, are made up for by
 * the next run without a line twice.
 */
export function logArchiveWork(parts: LogArchiveParts): TaskWork {
  return async ({ signal, log }) => {
    const to = (await parts.source.now(signal)).getTime() - SETTLE_MS;
    const there = (await parts.bucket.keys(signal)).flatMap((key) => segmentOf(key) ?? []);
    const failures: string[] = [];
    const sum = { services: 0, lines: 0, bytes: 0, gone: 0 };
    await rm(parts.scratch, { recursive: true, force: true });
    await mkdir(parts.scratch, { recursive: true, mode: 0o700 });
    try {
      for (const service of SERVICES) {
        const from = archivedUntil(there, service);
        if (from > to + SETTLE_MS + CLOCK_SLACK_MS) {
          failures.push(
            `${service}: archived until ${new Date(from).toISOString()}, which is still to come: the machine's clock was ahead then, and what is ` +
              "written until that time is not archived",
          );
          continue;
        }
        if (from >= to) {
          log(`${service}: archived until ${new Date(from).toISOString()}, which is not over`);
          continue;
        }
        try {
          const { lines, bytes, gone } = await archive({ service, from, to }, parts, signal);
          sum.services += lines > 0 ? 1 : 0;
          sum.lines += lines;
          sum.bytes += bytes;
          sum.gone += gone;
          log(`${service}: ${lines} lines`);
        } catch (error) {
          signal.throwIfAborted();
          failures.push(`${service}: ${reasonOf(error)}`);
          log(`${service}: ${reasonOf(error)}`);
        }
      }
    } finally {
      await rm(parts.scratch, { recursive: true, force: true });
    }
    const done = describe(sum);
    if (failures.length > 0) {
      throw new Error(
        `${failures.length} of ${SERVICES.length} logs are not archived (${failures.join("; ")}); ${done}`,
      );
    }
    return { reason: done, details: { ...sum, until: new Date(to).toISOString() } };
  };
}

function describe({ services, lines, bytes, gone }: Archived & { services: number }): string {
  const lost = gone === 0 ? "" : `; of ${gone} ended tasks the engine has no log any more`;
  return `${lines} lines of ${services} services, ${(bytes / 1024).toFixed(0)} KiB in S3${lost}`;
}

async function archive(segment: Segment, parts: LogArchiveParts, signal: AbortSignal): Promise<Archived> {
  const { service } = segment;
  const pauseMs = parts.pauseMs ?? PAUSE_MS;
  for (let attempt = 1; ; attempt++) {
    const count = { lines: 0, gone: 0 };
    const file = join(parts.scratch, `${service}-${attempt}`);
    try {
      // A task that ended may have taken its log along; after the last attempt that is taken for granted.
      const lines = batches(linesOf(segment, parts, signal, attempt === ATTEMPTS, count), count);
      const sum = await parts.pack(Readable.from(lines), file, signal);
      if (count.lines === 0) {
        return { ...count, bytes: 0 };
      }
      await send(keyOf(segment), file, sum, parts.bucket, signal);
      return { ...count, bytes: sum.bytes };
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === ATTEMPTS || error instanceof SendError) {
        throw error;
      }
      await delay(pauseMs, undefined, { signal });
    } finally {
      await rm(file, { force: true });
    }
  }
}

/** The bucket was asked long enough. */
class SendError extends Error {}

/** What lies under the key counts as archived from then on, so that something else there is written over at once. */
async function send(
  key: string,
  file: string,
  { bytes, sha256 }: Sum,
  bucket: LogBucket,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (let attempt = 1; ; attempt++) {
      await bucket.put(key, file, signal);
      const found = await bucket.read(key, signal);
      if (found.bytes === bytes && found.sha256 === sha256) {
        return;
      }
      if (attempt === ATTEMPTS) {
        throw new Error(
          `${key} came back from S3 with ${found.bytes} other bytes than the ${bytes} sent: remove it there, or its time counts as archived`,
        );
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new SendError(reasonOf(error));
  }
}

async function* linesOf(
  { service, from, to }: Segment,
  { stack, source }: LogArchiveParts,
  signal: AbortSignal,
  isLast: boolean,
  count: { gone: number },
): AsyncGenerator<LogLine> {
  const [first, end] = [fixed(from), fixed(to)];
  for (const task of await source.tasks(nameOf(stack, service), signal)) {
    let any = false;
    try {
      for await (const line of source.lines(task.id, from, signal)) {
        any = true;
        // Not the end of it: two streams, or a clock that was set, put later lines before earlier ones.
        if (line.time >= first && line.time < end) {
          yield line;
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      if (any || !isGone(error, task, isLast)) {
        throw new Error(`the log of task ${task.id}: ${reasonOf(error)}`, { cause: error });
      }
      count.gone += 1;
    }
  }
}

function isGone(error: unknown, { active }: LoggedTask, isLast: boolean): boolean {
  // The engine does not answer at all for a container that somebody has removed.
  return error instanceof GoneError || (!active && isLast);
}

function nameOf(stack: string, service: ServiceName): string {
  return `fitnesscrm-${stack}-${service}`;
}

async function* batches(lines: AsyncIterable<LogLine>, count: { lines: number }): AsyncGenerator<string> {
  let batch = "";
  for await (const line of lines) {
    count.lines += 1;
    batch += `${JSON.stringify(line)}\n`;
    if (batch.length >= BATCH_CHARACTERS) {
      yield batch;
      batch = "";
    }
  }
  if (batch !== "") {
    yield batch;
  }
}
