import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { NOTICE } from "./announcement";
import { writeWhole } from "./wholeFile";

const isoTime = z.string().refine((text) => !Number.isNaN(Date.parse(text)));

export const windowJournal = z.object({
  window: z.object({ from: isoTime, to: isoTime }),
  state: z.enum(["announced", "running", "done", "stopped", "overran"]),
  steps: z.array(
    z.object({
      name: z.string(),
      startedAt: isoTime,
      endedAt: isoTime.nullable(),
      result: z.enum(["passed", "failed", "skipped"]).nullable(),
      detail: z.string(),
    }),
  ),
  rehearsal: z.boolean().default(false),
  reason: z.string().default(""),
});

/**
 * What became of one maintenance window (M37 to M41). Times are ISO. `announced`: users were told, nothing has begun; `stopped`: a step
 * failed without which nothing may go on; `overran`: its end came before its last step. A step without a result runs, or was
 * killed.
 */
export interface WindowJournal {
  window: { from: string; to: string };
  state: "announced" | "running" | "done" | "stopped" | "overran";
  steps: WindowStep[];
  /** An operator's run outside of a window. */
  rehearsal: boolean;
  /** Why it is stopped or overran. */
  reason: string;
}

export interface WindowStep {
  name: string;
  startedAt: string;
  endedAt: string | null;
  result: "passed" | "failed" | "skipped" | null;
  detail: string;
}

/** Of rehearsals, whose time says nothing to users. */
const REHEARSAL = "rehearsal-";

/** The newest window's journal; null before the first. @param folder Where the journals lie. */
export async function readWindowJournal(folder: string): Promise<WindowJournal | null> {
  return newest(folder, (name) => !name.startsWith(REHEARSAL));
}

/** The journal of the newest run, be it of a window or of a rehearsal. */
export async function readLastRun(folder: string): Promise<WindowJournal | null> {
  return newest(folder, () => true);
}

/** The journal of one window. */
export async function readJournalOf(folder: string, from: Date): Promise<WindowJournal | null> {
  return read(join(folder, fileOf(from.toISOString(), false)));
}

/** Writes a journal; on the disk when this resolves, and never half of it. */
export async function writeWindowJournal(folder: string, value: WindowJournal): Promise<void> {
  await writeWhole(folder, fileOf(value.window.from, value.rehearsal), value);
}

function fileOf(from: string, rehearsal: boolean): string {
  return `${rehearsal ? REHEARSAL : ""}${from.replaceAll(":", "-")}.json`;
}

async function newest(folder: string, isWanted: (name: string) => boolean): Promise<WindowJournal | null> {
  const names = (await readdir(folder).catch(() => [])).filter(
    (name) => name.endsWith(".json") && !name.startsWith(NOTICE) && isWanted(name),
  );
  const byTime = names.sort((a, b) => timeOf(b).localeCompare(timeOf(a)));
  for (const name of byTime) {
    const found = await read(join(folder, name));
    if (found !== null) {
      return found;
    }
  }
  return null;
}

function timeOf(name: string): string {
  return name.replace(REHEARSAL, "");
}

async function read(file: string): Promise<WindowJournal | null> {
  try {
    return windowJournal.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    // None, or one that a crash of the disk has damaged: the one before it counts.
    return null;
  }
}
