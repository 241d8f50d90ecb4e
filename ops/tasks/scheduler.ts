import { zoneProblem } from "../../wallClock";
import { LockTakenError } from "../lock";
import { dueAt, nextRuns } from "./calendar";
import { type Clock, systemClock } from "./clock";
import type { TaskDefinition, TaskService } from "./definitions";
import { RecordFolder, type StartedBy, type TaskRecord } from "./records";
import {
  kernelLocks,
  type Locks,
  lineOf,
  recordInterrupted,
  runTask,
  type TaskWork,
  UnrecordedError,
} from "./runner";

export interface SchedulerOptions {
  definitions: readonly TaskDefinition[];
  /** IANA zone of the calendars. */
  zone: string;
  /** The container's own tasks are those of this service. */
  role: TaskService;
  recordsFolder: string;
  /** The work of each of the role's tasks, by its name. */
  works: Readonly<Record<string, TaskWork>>;
  clock?: Clock;
  locks?: Locks;
  /** Called with a line at every start, end and step of a run; to standard error when left out. */
  log?: (line: string) => void;
}

/** How a task stands, as `tasks` prints it. */
export interface TaskStatus {
  name: string;
  service: TaskService;
  cron: string;
  zone: string;
  /** ISO time of the next run; null for a calendar that has come to its end. */
  next: string | null;
  last: TaskRecord | null;
  running: boolean;
}

/** The records are looked at this often at the least: another process may have run a task. */
const POLL_MS = 30_000;
/** A clock that was set is noticed after this long at the latest. */
const CLOCK_LOOK_MS = 5_000;
/** A clock that is this far from where it was expected was set; nearer, the machine was busy. */
const CLOCK_SET_MS = 10_000;
/** A task that is not made up for still runs when its container started this little too late. */
const SKIP_GRACE_MS = 5 * 60_000;
/** A run that was killed is begun again at a start, but not for ever: it may be what kills its container. */
const ATTEMPTS = 3;
/** A record from further in the future is one of a clock that was wrong: to wait for it would be to wait for years. */
const WRONG_CLOCK_MS = 12 * 3_600_000;

/**
 * Runs the tasks of one container by their calendars.
 *
 * What is due is decided by what the records say was due last and by what the clock shows now, never by a timer: each time of
 * the calendar runs once, however the clock is set. A task never overlaps itself, also not with `runNow` of another process.
 */
export class Scheduler {
  private readonly zone: string;
  private readonly clock: Clock;
  private readonly locks: Locks;
  private readonly log: (line: string) => void;
  private readonly folder: RecordFolder;
  private readonly tasks: readonly ScheduledTask[];
  private readonly stopping = new AbortController();
  private startedAt = new Date(0);
  private cancelPoll: (() => void) | undefined;

  /** @throws Error for a task of the role without work, and for an unknown zone. */
  constructor(options: SchedulerOptions) {
    const problem = zoneProblem(options.zone);
    if (problem !== undefined) {
      throw new Error(problem);
    }
    this.zone = options.zone;
    this.clock = options.clock ?? systemClock;
    this.locks = options.locks ?? kernelLocks;
    this.log = options.log ?? ((line) => process.stderr.write(`${line}\n`));
    this.folder = new RecordFolder(options.recordsFolder);
    this.tasks = options.definitions
      .filter(({ service }) => service === options.role)
      .map((definition) => {
        const work = options.works[definition.name];
        if (work === undefined) {
          throw new Error(
            `task ${definition.name} of ${options.role} has no work: calendar and image differ`,
          );
        }
        return { definition, work, unwritten: [] };
      });
  }

  /** Records what was killed before, makes up for what was missed, and goes on by the calendar. */
  async start(): Promise<void> {
    this.startedAt = this.clock.now();
    for (const task of this.tasks) {
      try {
        await this.prepare(task);
      } catch (error) {
        // A folder that cannot be written now may be later; without a note of its own the task counts from this start.
        this.log(`${task.definition.name}: ${lineOf(error)}`);
      }
    }
    this.poll();
  }

  /** Ends what runs, which is recorded as interrupted, and starts nothing more. */
  async stop(): Promise<void> {
    this.cancelPoll?.();
    this.stopping.abort();
    await Promise.all(this.tasks.map(({ active }) => active));
  }

  async status(): Promise<TaskStatus[]> {
    const now = this.clock.now();
    return Promise.all(
      this.tasks.map(async ({ definition }) => {
        const { name, service, cron } = definition;
        return {
          name,
          service,
          cron,
          zone: this.zone,
          next: nextRuns(definition, this.zone, now, 1)[0]?.toISOString() ?? null,
          last: this.folder.read(name).at(-1) ?? null,
          running: await this.isRunning(name),
        };
      }),
    );
  }

  /**
   * Runs a task at once; its calendar goes on as if it had not.
   *
   * @throws LockTakenError when it runs already; Error for a name that is not a task of this container.
   */
  async runNow(
    name: string,
    { by, label }: { by: StartedBy; label?: string },
    log: (line: string) => void = this.log,
  ): Promise<TaskRecord> {
    const task = this.tasks.find(({ definition }) => definition.name === name);
    if (task === undefined) {
      const names = this.tasks.map(({ definition }) => definition.name).join(", ") || "none";
      throw new Error(`task ${JSON.stringify(name)} is not one of this container: there are ${names}`);
    }
    const record = await this.run(task, by, () => null, log, label);
    if (record === undefined) {
      throw new Error(`task ${name} was not run`);
    }
    return record;
  }

  private async isRunning(name: string): Promise<boolean> {
    return this.folder.running(name) !== undefined && this.locks.isLocked(this.folder.lockFile(name));
  }

  private async prepare({ definition }: ScheduledTask): Promise<void> {
    const { name } = definition;
    const now = this.startedAt;
    if (this.folder.running(name) !== undefined) {
      try {
        const lock = this.folder.lockFile(name);
        const options = { what: name, now: () => this.clock.now() };
        const work = async () => recordInterrupted(name, this.folder, this.clock);
        const killed = await this.locks.withLock(lock, work, options);
        if (killed !== undefined) {
          this.log(`${name}: the run of ${killed.startedAt} ${killed.reason}`);
        }
      } catch (error) {
        // Another process is at it: that is no killed run.
        if (!(error instanceof LockTakenError)) {
          throw error;
        }
      }
    }
    const since = this.folder.since(name);
    if (since === undefined || isFromWrongClock(since, now)) {
      this.folder.setSince(name, now);
    }
    if (definition.missed === "skip") {
      const missed = dueAt(
        definition,
        this.zone,
        lastDue(this.folder.read(name), definition, this.folder.since(name) ?? now, now),
        new Date(now.getTime() - SKIP_GRACE_MS),
      );
      if (missed !== undefined) {
        this.log(`${name}: the run of ${missed.toISOString()} was missed, and this task is not made up for`);
      }
    }
  }

  private poll(): void {
    if (this.stopping.signal.aborted) {
      return;
    }
    const now = this.clock.now();
    let wait = POLL_MS;
    for (const task of this.tasks) {
      try {
        this.startIfDue(task, now);
        const next = nextRuns(task.definition, this.zone, now, 1)[0];
        wait = Math.min(wait, (next?.getTime() ?? Number.POSITIVE_INFINITY) - now.getTime());
      } catch (error) {
        this.log(`${task.definition.name}: ${lineOf(error)}`);
      }
    }
    this.watchClock(now, wait);
  }

  /** Polls again after `wait` milliseconds, and at once when the clock shows that it was set meanwhile. */
  private watchClock(from: Date, wait: number): void {
    const step = Math.min(wait, CLOCK_LOOK_MS);
    this.cancelPoll = this.clock.after(step, () => {
      const now = this.clock.now();
      const wasSet = Math.abs(now.getTime() - from.getTime() - step) > CLOCK_SET_MS;
      if (wasSet || step === wait) {
        this.poll();
      } else {
        this.watchClock(now, wait - step);
      }
    });
  }

  private startIfDue(task: ScheduledTask, now: Date): void {
    if (task.active !== undefined || this.dueOf(task, now) === undefined) {
      return;
    }
    const due = (): Date | undefined => this.dueOf(task, this.clock.now());
    const run = async (): Promise<void> => {
      try {
        const by = (due() ?? now).getTime() <= this.startedAt.getTime() ? "start" : "schedule";
        await this.run(task, by, due, this.log);
      } catch (error) {
        if (error instanceof LockTakenError) {
          // It is looked at again at the next poll: what is due then runs after the other has ended.
          if (task.waitingFor !== error.message) {
            this.log(`${task.definition.name}: is due, and waits: ${error.message}`);
          }
          task.waitingFor = error.message;
        } else {
          this.log(`${task.definition.name}: ${lineOf(error)}`);
        }
      } finally {
        task.active = undefined;
      }
    };
    task.active = run();
  }

  /** What is due of a task now. The records are read anew: another process may have run it. */
  private dueOf({ definition, unwritten }: ScheduledTask, now: Date): Date | undefined {
    const { name, missed } = definition;
    const since = this.folder.since(name) ?? this.startedAt;
    const last = lastDue([...this.folder.read(name), ...unwritten], definition, since, now);
    // The start itself may be one of a wrong clock.
    const started = isFromWrongClock(this.startedAt, now) ? now : this.startedAt;
    const floor = new Date(started.getTime() - SKIP_GRACE_MS);
    return dueAt(definition, this.zone, missed === "skip" && floor > last ? floor : last, now);
  }

  private async run(
    task: ScheduledTask,
    by: StartedBy,
    scheduledFor: () => Date | null | undefined,
    log: (line: string) => void,
    label?: string,
  ): Promise<TaskRecord | undefined> {
    const { definition, work } = task;
    const { name, failure } = definition;
    try {
      const record = await runTask({
        definition,
        work,
        by,
        ...(label !== undefined && { label }),
        log: (line) => log(`${name}: ${line}`),
        records: this.folder,
        clock: this.clock,
        locks: this.locks,
        stop: this.stopping.signal,
        scheduledFor,
      });
      if (record !== undefined) {
        log(`${name}: ${record.result}: ${record.reason}`);
        if (record.result !== "ok") {
          log(`${name}: what that means: ${failure}`);
        }
      }
      return record;
    } catch (error) {
      if (error instanceof UnrecordedError) {
        // What could not be written is remembered, or a full disk would have the task run at every poll.
        task.unwritten.push(error.record);
      }
      throw error;
    }
  }
}

interface ScheduledTask {
  readonly definition: TaskDefinition;
  readonly work: TaskWork;
  readonly unwritten: TaskRecord[];
  /** The scheduled run that is under way in this process. Never rejects. */
  active?: Promise<void>;
  /** What it was last said to wait for. */
  waitingFor?: string;
}

/**
 * The time of the calendar that is settled: everything after it is still to run. A run that was killed settles nothing where
 * missed runs are made up for, unless that was tried often enough.
 *
 * @param since When the task became known.
 */
export function lastDue(
  records: readonly TaskRecord[],
  { missed }: Pick<TaskDefinition, "missed">,
  since: Date,
  now: Date,
): Date {
  const killed = new Map<number, number>();
  let last = isFromWrongClock(since, now) ? now.getTime() : since.getTime();
  for (const { scheduledFor, result } of records) {
    if (scheduledFor === null || isFromWrongClock(new Date(scheduledFor), now)) {
      continue;
    }
    const time = Date.parse(scheduledFor);
    const attempts = (killed.get(time) ?? 0) + 1;
    if (result === "interrupted") {
      killed.set(time, attempts);
    }
    if (result !== "interrupted" || missed === "skip" || attempts >= ATTEMPTS) {
      last = Math.max(last, time);
    }
  }
  return new Date(last);
}

function isFromWrongClock(time: Date, now: Date): boolean {
  return time.getTime() > now.getTime() + WRONG_CLOCK_MS;
}
