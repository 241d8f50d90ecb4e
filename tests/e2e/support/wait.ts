import { setTimeout as sleep } from "node:timers/promises";

/**
 * Polls until a condition holds.
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
    try {
      const value = await condition();
      if (value !== undefined && value !== false) {
        return value;
      }
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(250);
  }
  throw new Error(`${what}: not within ${limitSeconds} s: ${last}`);
}
