import assert from "node:assert/strict";
import type { Clock } from "../../../../ops/tasks/clock";

/** A clock that a test moves, and can set as a person or NTP would. */
export class FakeClock implements Clock {
  private elapsed = 0;
  private readonly timers = new Set<{ at: number; callback: () => void }>();

  constructor(private wall: number) {}

  static at(iso: string): FakeClock {
    return new FakeClock(Date.parse(iso));
  }

  now(): Date {
    return new Date(this.wall);
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.elapsed + milliseconds, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Sets the clock: timers do not notice. */
  set(iso: string): void {
    this.wall = Date.parse(iso);
  }

  /** Lets time pass, timer by timer; what waits for the event loop gets its turn in between. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.elapsed + milliseconds;
    for (;;) {
      const due = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      const to = due?.at ?? end;
      this.wall += to - this.elapsed;
      this.elapsed = to;
      if (due === undefined) {
        return;
      }
      this.timers.delete(due);
      due.callback();
      await new Promise((done) => setImmediate(done));
    }
  }
}

/** Waits for something that happens in real time. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 10_000; !(await condition()); ) {
    assert.ok(Date.now() < end, `not within 10 seconds: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}
