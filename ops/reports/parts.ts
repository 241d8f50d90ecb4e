import { reasonOf } from "../health";
import type { Section } from "./model";

/** One part of a report: what it is called, and how it is made. */
export interface Part {
  readonly title: string;
  /** Milliseconds after which it is given up, where it may take longer than others. */
  readonly limitMs?: number;
  make(signal: AbortSignal): Promise<Omit<Section, "title" | "failure">>;
}

/** A part that takes longer is given up: the others are waiting. Milliseconds. */
const LIMIT_MS = 120_000;

/**
 * Makes the parts one after the other, so that a report never asks a busy server two things at once. One that fails says so in its
 * place, and the rest is made.
 *
 * @throws The signal's reason once it is aborted: a run that is ended makes no report.
 */
export async function assemble(
  parts: readonly Part[],
  signal: AbortSignal,
  limitMs: number = LIMIT_MS,
): Promise<Section[]> {
  const sections: Section[] = [];
  for (const { title, make, limitMs: own } of parts) {
    signal.throwIfAborted();
    sections.push({ title, ...(await limited(make, signal, own ?? limitMs)) });
  }
  signal.throwIfAborted();
  return sections;
}

async function limited(
  make: Part["make"],
  signal: AbortSignal,
  limitMs: number,
): Promise<Omit<Section, "title">> {
  const late = new AbortController();
  const ended = AbortSignal.any([signal, late.signal]);
  const timer = setTimeout(
    () => late.abort(new Error(`it took longer than ${Math.round(limitMs / 1000)} s`)),
    limitMs,
  );
  try {
    const over = new Promise<never>((_resolve, reject) => {
      ended.addEventListener("abort", () => reject(ended.reason), { once: true });
    });
    return await Promise.race([make(ended), over]);
  } catch (error) {
    return { failure: reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}
