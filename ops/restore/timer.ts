/** Takes the time of named steps, and says when one begins. */
export interface Timer<Step extends string> {
  <T>(step: Step, line: string, work: () => Promise<T>): Promise<T>;
  /** Seconds by step, 0 for those that did not run. */
  readonly timings: Record<Step, number>;
  /** Seconds since the timer was made. */
  total(): number;
}

export function timer<Step extends string>(steps: readonly Step[], log: (line: string) => void): Timer<Step> {
  const began = performance.now();
  const timings = Object.fromEntries(steps.map((step) => [step, 0])) as Record<Step, number>;
  const time = async <T>(step: Step, line: string, work: () => Promise<T>): Promise<T> => {
    log(line);
    const from = performance.now();
    try {
      return await work();
    } finally {
      timings[step] = secondsSince(from);
    }
  };
  return Object.assign(time, { timings, total: () => secondsSince(began) });
}

/** Seconds since a moment of `performance.now()`, to the millisecond. */
function secondsSince(from: number): number {
  return Math.round(performance.now() - from) / 1000;
}
