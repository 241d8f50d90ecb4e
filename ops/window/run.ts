import type { Window } from "../../maintenanceWindow";
import { reasonOf } from "../health";
import type { Clock } from "../tasks/clock";
import { TaskAbort } from "../tasks/runner";
import { readJournalOf, type WindowJournal, type WindowStep, writeWindowJournal } from "./journal";

/** What a step gets. */
export interface StepContext {
  readonly signal: AbortSignal;
  /** The window that the step is part of. */
  readonly window: Window;
  /** How the window ended, for its last step. */
  readonly end?: WindowJournal["state"];
  log(line: string): void;
}

/** A step has nothing to do here, for a reason. */
export interface Skipped {
  readonly skipped: string;
}

export interface Step {
  readonly name: string;
  /**
   * What a failure of it means, and a kill in it, which is one: `stop` ends the window, `go on` takes the next step. A step is never
   * begun twice in one window.
   */
  readonly failure: "stop" | "go on";
  /** Resolves with what was done in one line; rejects with the reason in one line. */
  run(context: StepContext): Promise<string | Skipped>;
}

export interface WindowRun {
  readonly window: Window;
  readonly rehearsal: boolean;
  readonly steps: readonly Step[];
  /** Comes after the others once it is known how the window ended, also when it was stopped or ran over its end. */
  readonly last?: Step;
  /** Where the journals lie. */
  readonly folder: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  log(line: string): void;
}

/**
 * Runs a window's steps one after the other, each once, and keeps its journal on the disk at every turn: a run that was killed goes on
 * behind the step that it was killed in, or stops there, as the step says (M37 to M41). No step is begun after the window's end.
 *
 * @returns The journal of a window whose steps all passed, or had nothing to do.
 * @throws Error of one line: what failed, what stopped it, or that the time was over.
 */
export async function runWindow(run: WindowRun): Promise<WindowJournal> {
  const { window, rehearsal, steps, folder, clock, log } = run;
  const journal = await begin(run);
  const save = (): Promise<void> => writeWindowJournal(folder, journal);
  const end = async (state: WindowJournal["state"], reason: string): Promise<void> => {
    journal.state = state;
    journal.reason = reason;
    await save();
  };
  await save();

  for (const step of steps) {
    const known = journal.steps.find(({ name }) => name === step.name);
    if (known === undefined && !rehearsal && clock.now() >= window.to) {
      await end("overran", `the window's end came before the step ${step.name}`);
      break;
    }
    const entry =
      known ??
      (await runStep(step, journal, save, run).catch(async (error: unknown) => {
        if (isLimit(run.signal.reason)) {
          await close(run, journal, save);
        }
        throw error;
      }));
    if (entry.result === "failed" && step.failure === "stop") {
      await end("stopped", `${step.name}: ${entry.detail}`);
      break;
    }
    log(`${step.name}: ${entry.result}: ${entry.detail}`);
  }

  if (journal.state === "running") {
    await end("done", "");
  }
  await close(run, journal, save);
  const failed = journal.steps.filter(({ result }) => result === "failed");
  if (journal.state !== "done") {
    throw new Error(
      `the window ${journal.state === "overran" ? "ran over its end" : "was stopped"}: ${journal.reason}`,
    );
  }
  if (failed.length > 0) {
    throw new Error(failed.map(({ name, detail }) => `${name}: ${detail}`).join("; "));
  }
  return journal;
}

/** The last step. It does what takes no time, and is done even when the time is over; a container that stops leaves it to its next start. */
async function close(
  { last, signal, ...run }: WindowRun,
  journal: WindowJournal,
  save: () => Promise<void>,
): Promise<void> {
  if (last !== undefined && journal.steps.every(({ name }) => name !== last.name)) {
    const own = isLimit(signal.reason) ? new AbortController().signal : signal;
    const { result, detail } = await runStep(last, journal, save, { ...run, signal: own }, journal.state);
    run.log(`${last.name}: ${result}: ${detail}`);
  }
}

/** The journal of the window, as an announcement or an earlier run left it, or a new one. */
async function begin({ window, rehearsal, folder, clock, log }: WindowRun): Promise<WindowJournal> {
  const known = rehearsal ? null : await readJournalOf(folder, window.from);
  const journal: WindowJournal = known ?? {
    window: { from: window.from.toISOString(), to: window.to.toISOString() },
    state: "running",
    steps: [],
    rehearsal,
    reason: "",
  };
  if (journal.state === "announced") {
    journal.state = "running";
  }
  for (const step of journal.steps.filter(({ result }) => result === null)) {
    step.result = "failed";
    step.endedAt = clock.now().toISOString();
    step.detail = "ops was stopped in it; it is not begun again";
    log(`${step.name}: ${step.detail}`);
  }
  return journal;
}

async function runStep(
  step: Step,
  journal: WindowJournal,
  save: () => Promise<void>,
  { window, clock, signal, log }: Pick<WindowRun, "window" | "clock" | "signal" | "log">,
  end?: WindowJournal["state"],
): Promise<WindowStep> {
  const entry: WindowStep = {
    name: step.name,
    startedAt: clock.now().toISOString(),
    endedAt: null,
    result: null,
    detail: "",
  };
  journal.steps.push(entry);
  await save();
  log(`${step.name}: begins`);
  try {
    signal.throwIfAborted();
    const done = await step.run({
      signal,
      window,
      ...(end !== undefined && { end }),
      log: (line) => log(`${step.name}: ${line}`),
    });
    Object.assign(
      entry,
      typeof done === "string"
        ? { result: "passed", detail: done }
        : { result: "skipped", detail: done.skipped },
    );
  } catch (error) {
    if (signal.aborted && !isLimit(signal.reason)) {
      // The container stops: what comes next is for its next start to say.
      throw error;
    }
    entry.result = "failed";
    entry.detail = reasonOf(signal.aborted ? signal.reason : error);
  }
  entry.endedAt = clock.now().toISOString();
  if (signal.aborted) {
    journal.state = "overran";
    journal.reason = `${step.name}: ${entry.detail}`;
    await save();
    throw new Error(`the window ran over its end: ${journal.reason}`);
  }
  await save();
  return entry;
}

function isLimit(reason: unknown): boolean {
  return reason instanceof TaskAbort && reason.result === "failed";
}
