import { type Window, windowAt } from "../../maintenanceWindow";
import { MANUAL } from "../../manual";
import type { Clock } from "../tasks/clock";
import type { TaskWork } from "../tasks/runner";
import { clearAnnouncement } from "./announcement";
import { readJournalOf, writeWindowJournal } from "./journal";
import { runWindow, type Step } from "./run";

export interface WindowTask {
  /** IANA zone of the windows. */
  readonly timeZone: string;
  /** Where the journals lie. */
  readonly folder: string;
  readonly steps: readonly Step[];
  readonly clock: Clock;
}

/**
 * The window's task (M37): the window whose time it is, or for an operator a rehearsal, which takes the same steps outside of one and
 * tells users nothing.
 */
export function windowWork({ timeZone, folder, steps, clock }: WindowTask): TaskWork {
  return async ({ signal, log, scheduledFor = null }) => {
    const window = scheduledFor === null ? rehearsal(clock.now()) : windowAt(scheduledFor, timeZone);
    if (window === undefined) {
      throw new Error(`no window begins at ${scheduledFor?.toISOString()} in ${timeZone}`);
    }
    if (scheduledFor !== null && clock.now() >= window.to) {
      await noteMissed(folder, window, clock.now());
    }
    const journal = await runWindow({
      window,
      rehearsal: scheduledFor === null,
      steps,
      last: clearNotices(folder, clock, scheduledFor === null),
      folder,
      clock,
      signal,
      log,
    });
    const passed = journal.steps.filter(({ result }) => result === "passed").length;
    const skipped = journal.steps.length - passed;
    return {
      reason: `${passed} steps passed${skipped > 0 ? `, ${skipped} had nothing to do` : ""}`,
      details: journal,
    };
  };
}

/** The last step: nobody is told any more of a window that has ended, however it did (M41). */
export function clearNotices(folder: string, clock: Clock, isRehearsal: boolean): Step {
  return {
    name: "notices",
    failure: "go on",
    run: async ({ window, end }) =>
      isRehearsal
        ? { skipped: "users are not told of a rehearsal" }
        : clearAnnouncement(folder, window, end ?? "done", clock.now()),
  };
}

function rehearsal(now: Date): Window {
  const { from, to } = MANUAL.maintenanceWindow;
  const hours = Number(to.slice(0, 2)) - Number(from.slice(0, 2));
  return { from: now, to: new Date(now.getTime() + hours * 3_600_000) };
}

/** @throws Error when the whole window has passed: nothing is begun after it. */
async function noteMissed(folder: string, window: Window, now: Date): Promise<void> {
  const known = await readJournalOf(folder, window.from);
  if (known !== null && known.steps.length > 0) {
    return;
  }
  const reason = "ops did not run in the window: nothing was done";
  await writeWindowJournal(folder, {
    window: { from: window.from.toISOString(), to: window.to.toISOString() },
    state: "stopped",
    steps: [],
    rehearsal: false,
    reason,
  });
  await clearAnnouncement(folder, window, "stopped", now);
  throw new Error(reason);
}
