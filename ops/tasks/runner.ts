import { isLocked, type LockOptions, withLock } from "../lock";
import type { Clock } from "./clock";
import type { TaskDefinition } from "./definitions";
import type { RecordFolder, StartedBy, TaskRecord } from "./records";

/** What a task's work gets. */
export interface TaskContext {
  /** Aborted at the time limit, when the container stops, and when the task's lock is lost. Work ends its children then. */
  readonly signal: AbortSignal;
  /** One line of progress. No secrets. */
  log(line: string): void;
  /** An operator's name for what the run makes. */
  readonly label?: string;
  /** The time of the calendar that the run is for; null for an operator's. */
  readonly scheduledFor?: Date | null;
}

/**
 * The work of a task. Resolves with one line that says what was done, and with details for the record (JSON). Rejects with an
 * error whose message is the reason, in one line.
 */
export type TaskWork = (context: TaskContext) => Promise<{ reason: string; details?: object }>;

/** The two functions of `ops/lock.ts`. */
export interface Locks {
  withLock<T>(path: string, work: (lost: AbortSignal) => Promise<T>, options?: LockOptions): Promise<T>;
  isLocked(path: string): Promise<boolean>;
}

export const kernelLocks: Locks = { withLock, isLocked };

export interface TaskRun {
  definition: TaskDefinition;
  work: TaskWork;
  by: StartedBy;
  label?: string;
  log: (line: string) => void;
  records: RecordFolder;
  clock: Clock;
  locks: Locks;
  /** Aborted when the container stops. */
  stop?: AbortSignal;
  /**
   * Asked once the lock is held, when everything that ran before is recorded.
   *
   * @returns The time that the run is for, null for an operator's, undefined when there is nothing left to run.
   */
  scheduledFor: () => Date | null | undefined;
}

/** How long work has to end after it was told to. */
const ABORT_GRACE_MS = 10_000;
const LONGEST_REASON = 1_000;

/** Why a run was ended from outside. */
export class TaskAbort extends Error {
  constructor(
    readonly result: "failed" | "interrupted",
    message: string,
  ) {
    super(message);
  }
}

/** A run has ended, and could not be recorded. */
export class UnrecordedError extends Error {
  constructor(
    readonly record: TaskRecord,
    cause: unknown,
  ) {
    super(
      `${record.task}: ${record.result} (${record.reason}), which could not be recorded: ${lineOf(cause)}`,
    );
    this.name = "UnrecordedError";
  }
}

/**
 * Runs a task under its lock, and records the run.
 *
 * @returns The record, once the lock is given back; earlier only for work that does not end when it is told to: the lock
 * stays taken until it does. Undefined when there was nothing left to run.
 * @throws LockTakenError when the task runs already; UnrecordedError.
 */
export async function runTask(run: TaskRun): Promise<TaskRecord | undefined> {
  const { definition, records, clock, locks } = run;
  return new Promise((resolve, reject) => {
    locks
      .withLock(
        records.lockFile(definition.name),
        async (lost) => {
          recordInterrupted(definition.name, records, clock);
          const scheduledFor = run.scheduledFor();
          return scheduledFor === undefined
            ? undefined
            : await runUnderLock(run, scheduledFor, lost, resolve);
        },
        { what: definition.name, now: () => clock.now() },
      )
      .then(resolve, reject);
  });
}

/** Records the run that a kill has ended, if there is one. The caller holds the task's lock. */
export function recordInterrupted(task: string, records: RecordFolder, clock: Clock): TaskRecord | undefined {
  const killed = records.running(task);
  if (killed === undefined) {
    return undefined;
  }
  const record: TaskRecord = {
    ...killed,
    endedAt: clock.now().toISOString(),
    result: "interrupted",
    reason: "was killed before its end, which was found at the next start",
    details: null,
  };
  // A kill between the record of a run's end and the removal of its mark leaves both.
  const isRecorded = records.read(task).some(({ startedAt }) => startedAt === killed.startedAt);
  if (!isRecorded) {
    records.append(record);
  }
  records.clearRunning(task);
  return isRecorded ? undefined : record;
}

async function runUnderLock(
  run: TaskRun,
  scheduledFor: Date | null,
  lost: AbortSignal,
  onOverdue: (record: TaskRecord) => void,
): Promise<TaskRecord> {
  const { definition, records, clock, by } = run;
  const started = {
    task: definition.name,
    scheduledFor: scheduledFor?.toISOString() ?? null,
    startedAt: clock.now().toISOString(),
    by,
  };
  const record = ({ result, reason, details }: Outcome): TaskRecord => {
    const ended: TaskRecord = { ...started, endedAt: clock.now().toISOString(), result, reason, details };
    try {
      records.append(ended);
      records.clearRunning(definition.name);
    } catch (error) {
      throw new UnrecordedError(ended, error);
    }
    return ended;
  };

  try {
    records.setRunning(started);
  } catch (error) {
    return record({ result: "failed", reason: `could not note its start: ${lineOf(error)}`, details: null });
  }
  const ending = endingOf(run, lost);
  try {
    const work = outcomeOf(run, scheduledFor, ending.signal);
    const outcome = await Promise.race([work, ending.overdue]);
    const recorded = record(outcome);
    if (outcome.isOverdue) {
      onOverdue(recorded);
      await work;
    }
    return recorded;
  } finally {
    ending.cancel();
  }
}

interface Outcome {
  result: TaskRecord["result"];
  reason: string;
  details: TaskRecord["details"];
  /** The work goes on, though it was told to end. */
  isOverdue?: boolean;
}

async function outcomeOf(
  { work, label, log }: TaskRun,
  scheduledFor: Date | null,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const named = label === undefined ? {} : { label };
    const { reason, details } = await work({ signal, log, scheduledFor, ...named });
    return { result: "ok", reason: oneLine(reason), details: details === undefined ? null : { ...details } };
  } catch (error) {
    // What work says about having been ended is of no use.
    const abort = signal.aborted && signal.reason instanceof TaskAbort ? signal.reason : undefined;
    return { result: abort?.result ?? "failed", reason: lineOf(abort ?? error), details: null };
  }
}

interface Ending {
  /** For the work. */
  signal: AbortSignal;
  /** Settles when the work was told to end and has not. */
  overdue: Promise<Outcome>;
  cancel(): void;
}

function endingOf({ definition, clock, stop }: TaskRun, lost: AbortSignal): Ending {
  const controller = new AbortController();
  const cleanups: (() => void)[] = [];
  const overdue = new Promise<Outcome>((resolve) => {
    const end = (abort: TaskAbort): void => {
      if (controller.signal.aborted) {
        return;
      }
      controller.abort(abort);
      cleanups.push(
        clock.after(ABORT_GRACE_MS, () =>
          resolve({
            result: abort.result,
            reason: `${abort.message}, and did not end when it was told to`,
            details: null,
            isOverdue: true,
          }),
        ),
      );
    };
    const listen = (signal: AbortSignal, abort: () => TaskAbort): void => {
      const listener = (): void => end(abort());
      signal.addEventListener("abort", listener);
      cleanups.push(() => signal.removeEventListener("abort", listener));
      if (signal.aborted) {
        listener();
      }
    };
    const { limitMinutes } = definition;
    const limit = `took longer than its limit of ${limitMinutes} minute${limitMinutes === 1 ? "" : "s"}`;
    cleanups.push(clock.after(limitMinutes * 60_000, () => end(new TaskAbort("failed", limit))));
    listen(lost, () => new TaskAbort("failed", lineOf(lost.reason)));
    if (stop !== undefined) {
      listen(stop, () => new TaskAbort("interrupted", "was stopped with its container"));
    }
  });
  return {
    signal: controller.signal,
    overdue,
    cancel: () => {
      for (const cleanup of cleanups) {
        cleanup();
      }
    },
  };
}

/** An error as the one line of a record. */
export function lineOf(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error)) || "failed without a reason";
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(0, LONGEST_REASON);
}
