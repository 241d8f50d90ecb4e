import { type ArchiveAnswer, covers, fixed, type Segment } from "../../ops/logs/model";

/** A line of a service, with the engine's time. */
export interface TimedLine {
  readonly service: string;
  readonly time: string;
  readonly line: string;
}

/**
 * Brings together what the engine holds and what the archive has: in the order of time, and no line twice. What lies in a segment
 * that was read comes from the archive, everything else from the engine. Lines are given as soon as none can come before them, so
 * that no more than a segment of each service is in memory.
 */
export class LogMerger {
  #segments: Segment[] = [];
  #next = 0;
  /** Of the segment that is being read: half of one counts for nothing. */
  #arriving: TimedLine[] = [];
  #ready: TimedLine[] = [];
  #engine: TimedLine[];

  constructor(engine: readonly TimedLine[]) {
    this.#engine = [...engine].sort(byTime);
  }

  /** Takes a document of the archive's answer. @returns The lines whose turn it is. */
  take(answer: ArchiveAnswer): TimedLine[] {
    if ("segments" in answer) {
      this.#segments = answer.segments;
      return this.#upTo(this.#segments[0]?.from);
    }
    if ("done" in answer) {
      // One at a time: a spread of a hundred thousand lines is more arguments than a call takes.
      for (const line of this.#arriving) this.#ready.push(line);
      this.#arriving = [];
      this.#next = answer.done + 1;
      return this.#upTo(this.#segments[this.#next]?.from);
    }
    this.#arriving.push(answer);
    return [];
  }

  /** Nothing more comes from the archive, whatever the reason. @returns What is left. */
  end(): TimedLine[] {
    this.#arriving = [];
    return this.#before(undefined);
  }

  /** Without a next segment more may still be wrong with the archive, but nothing comes before these any more. */
  #upTo(from: number | undefined): TimedLine[] {
    return from === undefined ? [] : this.#before(fixed(from));
  }

  #before(bound: string | undefined): TimedLine[] {
    const isBefore = ({ time }: TimedLine): boolean => bound === undefined || time < bound;
    const read = this.#segments.slice(0, this.#next);
    const firstLeft = this.#engine.findIndex((line) => !isBefore(line));
    const engine = this.#engine.splice(0, firstLeft === -1 ? this.#engine.length : firstLeft);
    const lines = engine.filter(
      ({ service, time }) => !read.some((segment) => segment.service === service && covers(segment, time)),
    );
    const waiting: TimedLine[] = [];
    for (const line of this.#ready) (isBefore(line) ? lines : waiting).push(line);
    this.#ready = waiting;
    return lines.sort(byTime);
  }
}

/** The last lines of each service. */
export class LastLines {
  readonly #kept = new Map<string, TimedLine[]>();

  constructor(private readonly count: number) {}

  add(lines: readonly TimedLine[]): void {
    for (const line of lines) {
      const kept = this.#kept.get(line.service) ?? [];
      kept.push(line);
      // Not at each line: taking the first of an array away moves all the others.
      if (kept.length > 2 * this.count + 1000) {
        kept.splice(0, kept.length - this.count);
      }
      this.#kept.set(line.service, kept);
    }
  }

  lines(): TimedLine[] {
    return [...this.#kept.values()]
      .flatMap((kept) => (this.count === 0 ? [] : kept.slice(-this.count)))
      .sort(byTime);
  }
}

function byTime(a: TimedLine, b: TimedLine): number {
  return a.time < b.time ? -1 : a.time > b.time ? 1 : 0;
}
