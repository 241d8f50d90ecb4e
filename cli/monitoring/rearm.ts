import { messageOf } from "../errors";

/** What an update needs so that its failure leaves nothing unwatched. */
export interface WatchParts {
  /** Whether any task of the stack is wanted. */
  isStarted(): Promise<boolean>;
  /** Lets alarms that were quieted tell again. */
  arm(): Promise<void>;
  warn(text: string): void;
}

/**
 * Does what may start a stack that was stopped on purpose. Where it fails after that, the alarms that the stop has quieted tell
 * again before the failure is told: what runs, or fails to, would be watched by nobody until an update succeeds. A stack that
 * still stands is left quiet.
 *
 * @throws What `work` throws; that the alarms could not be armed is a warning beside it.
 */
export async function watchedOnFailure<T>(work: () => Promise<T>, parts: WatchParts): Promise<T> {
  try {
    return await work();
  } catch (error) {
    try {
      if (await parts.isStarted()) {
        await parts.arm();
      }
    } catch (problem) {
      parts.warn(`alarms that down has quieted may tell nobody until an up succeeds: ${messageOf(problem)}`);
    }
    throw error;
  }
}
