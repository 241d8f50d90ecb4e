import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const isoTime = z.string().refine((text) => !Number.isNaN(Date.parse(text)));
const startedBy = z.enum(["schedule", "start", "operator"]);

export const taskRecord = z.object({
  task: z.string(),
  scheduledFor: isoTime.nullable(),
  startedAt: isoTime,
  endedAt: isoTime,
  result: z.enum(["ok", "failed", "interrupted"]),
  reason: z.string(),
  by: startedBy,
  details: z.record(z.string(), z.unknown()).nullable(),
});

const runningTask = z.object({
  task: z.string(),
  scheduledFor: isoTime.nullable(),
  startedAt: isoTime,
  by: startedBy,
});

/**
 * One run that has ended. Times are ISO; `scheduledFor` is null for a run that an operator asked for; `interrupted` is one
 * that was killed, or stopped with its container.
 */
export type TaskRecord = z.infer<typeof taskRecord>;

/** A run that has started and has not ended yet, unless it was killed. */
export type RunningTask = z.infer<typeof runningTask>;

/** Who let a run start: its time, its container's start after that time was missed, or a person. */
export type StartedBy = z.infer<typeof startedBy>;

/**
 * The folder with a container's run records: `NAME.jsonl`, one line a run, oldest first; `NAME.running.json` while one runs;
 * `NAME.since.json`, when the task became known; `NAME.lock`. Whoever writes holds the task's lock.
 */
export class RecordFolder {
  constructor(readonly folder: string) {}

  lockFile(task: string): string {
    mkdirSync(this.folder, { recursive: true });
    return join(this.folder, `${task}.lock`);
  }

  /** All runs, oldest first. A line that a crash or a full disk has cut short is passed over. */
  read(task: string): TaskRecord[] {
    const records: TaskRecord[] = [];
    for (const line of readText(this.recordsFile(task))?.split("\n") ?? []) {
      const record = parse(taskRecord, line);
      if (record !== undefined) {
        records.push(record);
      }
    }
    return records;
  }

  /** Adds a run, on the disk when this returns. */
  append(record: TaskRecord): void {
    mkdirSync(this.folder, { recursive: true });
    const file = this.recordsFile(record.task);
    const isNew = !existsSync(file);
    const descriptor = openSync(file, "a+", 0o640);
    try {
      // A line that was cut short takes only itself along, not the one after it.
      const newLine = endsInMidLine(descriptor) ? "\n" : "";
      writeAll(descriptor, `${newLine}${JSON.stringify(record)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (isNew) {
      syncFolder(this.folder);
    }
  }

  /** What was started and not recorded as ended: it runs, if somebody holds the task's lock, or it was killed. */
  running(task: string): RunningTask | undefined {
    return parse(runningTask, readText(this.runningFile(task)) ?? "");
  }

  setRunning(run: RunningTask): void {
    this.replace(this.runningFile(run.task), run);
  }

  clearRunning(task: string): void {
    rmSync(this.runningFile(task), { force: true });
  }

  /** When the task became known: what was scheduled before was never missed. */
  since(task: string): Date | undefined {
    const known = parse(z.object({ since: isoTime }), readText(this.sinceFile(task)) ?? "");
    return known === undefined ? undefined : new Date(known.since);
  }

  setSince(task: string, since: Date): void {
    this.replace(this.sinceFile(task), { since: since.toISOString() });
  }

  private recordsFile(task: string): string {
    return join(this.folder, `${task}.jsonl`);
  }

  private runningFile(task: string): string {
    return join(this.folder, `${task}.running.json`);
  }

  private sinceFile(task: string): string {
    return join(this.folder, `${task}.since.json`);
  }

  private replace(file: string, content: object): void {
    mkdirSync(this.folder, { recursive: true });
    const partial = `${file}.partial`;
    const descriptor = openSync(partial, "w", 0o640);
    try {
      writeAll(descriptor, `${JSON.stringify(content)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(partial, file);
    syncFolder(this.folder);
  }
}

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(descriptor, bytes, written);
  }
}

function endsInMidLine(descriptor: number): boolean {
  const { size } = fstatSync(descriptor);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last.toString() !== "\n";
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

function parse<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    const result = schema.safeParse(JSON.parse(text));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
