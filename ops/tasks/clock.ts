/** Everything here that depends on time asks one of these, so that tests decide what time it is. */
export interface Clock {
  /** What the machine's clock shows, which may be set at any moment. */
  now(): Date;
  /** Calls back after a duration that a clock that is set does not change. @returns Cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => new Date(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
