import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, UserError } from "../errors";

/** Half of what a backup may take at most: whoever deploys waits at a terminal. */
const LIMIT_SECONDS = 3600;
const POLL_SECONDS = 2;

export interface Waiting {
  note(text: string): void;
  /** Seconds on a clock that only goes forward. */
  clock?: () => number;
  pause?: (seconds: number) => Promise<unknown>;
  limitSeconds?: number;
}

/**
 * Makes a backup, after one that is under way: the daily one, one by hand, or one of a deployment that was killed. What that one
 * saves is of before this deployment began, so that its end is waited for and another one made: a rollback that restores what was
 * before the deployment would lose the rows between the two.
 *
 * @throws UserError when the other one has not ended within an hour; whatever else `make` throws, at once.
 */
export async function afterOtherBackup<T>(
  make: () => Promise<T>,
  {
    note,
    clock = () => performance.now() / 1000,
    pause = (seconds) => sleep(seconds * 1000),
    limitSeconds = LIMIT_SECONDS,
  }: Waiting,
): Promise<T> {
  const deadline = clock() + limitSeconds;
  for (let waits = 0; ; waits += 1) {
    try {
      return await make();
    } catch (error) {
      const since = sinceWhen(error);
      if (since === undefined) {
        throw error;
      }
      if (clock() > deadline) {
        throw new UserError(
          `another backup is under way${since} and has not ended within ${limitSeconds / 60} minutes: ./fitnesscrm tasks tells ` +
            "how it stands",
        );
      }
      if (waits === 0) {
        note(
          `backup: another one is under way${since}, waiting for its end, ${limitSeconds / 60} minutes at most`,
        );
      }
      await pause(POLL_SECONDS);
    }
  }
}

/** From the refusal of `ops/lock.ts`: ` since TIME`, or nothing where it does not know; undefined for another failure. */
function sinceWhen(error: unknown): string | undefined {
  const refusal = /\bbackup is running (?:since (\S+)|already): wait for its end/.exec(messageOf(error));
  return refusal === null ? undefined : refusal[1] === undefined ? "" : ` since ${refusal[1]}`;
}
