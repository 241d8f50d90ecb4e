import { setTimeout as sleep } from "node:timers/promises";

const PAUSE_MS = 250;

/**
 * Polls until a condition holds. It pauses for twice as long as the condition takes: one that starts a command would keep a processor busy
 * that what is waited for needs.
 *
 * @returns What the condition returned, once it is neither false nor undefined.
 * @throws Error with the last thing that went wrong, after the limit.
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  limitSeconds = 60,
): Promise<T> {
  const deadline = Date.now() + limitSeconds * 1000;
  let last = "it never held";
  while (Date.now() < deadline) {
    const began = Date.now();
    try {
      const value = await condition();
      if (value !== undefined && value !== false) {
        return value;
      }
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(Math.max(PAUSE_MS, 2 * (Date.now() - began)));
  }
  throw new Error(`${what}: not within ${limitSeconds} s: ${last}`);
}
