/** What the engine's errors mean. */
import { setTimeout as sleep } from "node:timers/promises";

/** What the engine answered, in its own words. */
export class EngineError extends Error {
  constructor(
    message: string,
    /** HTTP status; undefined when the engine was not reached. */
    readonly status: number | undefined,
  ) {
    super(message);
    this.name = "EngineError";
  }

  /** Takes the engine's sentence out of what the connection makes of it. */
  static of(error: Error & { statusCode?: number; json?: unknown }): EngineError {
    const said = (error.json as { message?: unknown } | null | undefined)?.message;
    if (typeof said === "string") {
      return new EngineError(said.replace(/^rpc error: code = \w+ desc = /, ""), error.statusCode);
    }
    const { code } = error as NodeJS.ErrnoException;
    const unreachable = code === "ENOENT" || code === "ECONNREFUSED" || code === "EACCES";
    const hint = unreachable ? "; is the Docker engine running, and may this user reach it?" : "";
    return new EngineError(`the Docker engine cannot be reached: ${error.message}${hint}`, error.statusCode);
  }
}

/** True when the object cannot go yet, because a task or container that is still ending holds it. */
export const isInUse = (error: unknown): boolean =>
  error instanceof EngineError && /is in use|has active endpoints|is being used/i.test(error.message);

/** True when somebody else changed the object between our look and our change. */
export const isOutOfSequence = (error: unknown): boolean =>
  error instanceof EngineError && /update out of sequence/i.test(error.message);

const PAUSE_MS = 250;

/**
 * Tries until it works, until `again` says that trying is of no use, or until the limit has passed; the last error is
 * thrown then.
 */
export async function retryWhile<T>(
  again: (error: unknown) => boolean,
  limitMs: number,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!again(error) || Date.now() >= deadline) throw error;
    }
    await sleep(PAUSE_MS, undefined, { signal });
  }
}

/** How long what is just ending may hold an object that is to go, milliseconds. */
export const RELEASE_LIMIT_MS = 30_000;
