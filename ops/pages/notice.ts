import { nextWindow, noticeOf, type Window, windowAt } from "../../maintenanceWindow";
import type { WindowJournal } from "../window/journal";
import { clockText, spanText, zoneText } from "./times";

/** A window may finish its last step after its end; a journal that says so for longer was left behind. */
const LONGEST_OVERTIME_MS = 3_600_000;

/** What users have to know of maintenance now. */
export interface Notice {
  readonly state: "ahead" | "under-way";
  readonly window: Window;
}

/**
 * The notice of a moment: from 48 hours before a window until it has ended, or was ended before its time (M38, M41). Null at all
 * other times.
 */
export function noticeAt(now: Date, zone: string, journal: WindowJournal | null): Notice | null {
  const journaled =
    journal === null ? undefined : { from: new Date(journal.window.from), to: new Date(journal.window.to) };
  if (
    journal?.state === "running" &&
    journaled !== undefined &&
    now.getTime() < journaled.to.getTime() + LONGEST_OVERTIME_MS
  ) {
    return { state: "under-way", window: journaled };
  }
  const open = windowAt(now, zone);
  if (open !== undefined) {
    const isOver =
      journaled?.from.getTime() === open.from.getTime() &&
      journal !== null &&
      ["done", "stopped", "overran"].includes(journal.state);
    return isOver ? null : { state: "under-way", window: open };
  }
  const next = nextWindow(now, zone);
  return now >= noticeOf(next) ? { state: "ahead", window: next } : null;
}

/** The notice in one or two sentences. */
export function noticeText({ state, window }: Notice, zone: string): string {
  return state === "under-way"
    ? `Under maintenance until ${clockText(window.to, zone)} ${zoneText(window.to, zone)}. FitnessCRM may be slow or away for moments.`
    : `Planned maintenance on ${spanText(window, zone)}. FitnessCRM may be slow or away for moments then.`;
}
