import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tryLock } from "./lockFile";
import { identify } from "./processes";
import type { TakeTurn } from "./resolver";

/**
 * Turns between processes that prepare the same home, one file a tool. They save double work and keep package managers
 * apart; that nothing half done is ever seen does not depend on them. A turn whose process is gone is taken over.
 */
export function turnsIn(folder: string, pollMilliseconds = 500): TakeTurn {
  return async (tool, waiting) => {
    const file = join(folder, `${tool.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.lock`);
    const mine = await identify(process.pid);
    for (;;) {
      const attempt = await tryLock(file, mine);
      if ("release" in attempt) return attempt.release;
      waiting(`process ${attempt.holder.pid} is getting it`);
      await sleep(pollMilliseconds);
    }
  };
}
