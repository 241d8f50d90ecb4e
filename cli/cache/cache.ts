import { UserError } from "../errors";
import { inStep, openSession, progressReporter } from "../session";
import { columns, duration, size } from "../table";
import { type CacheStats, cacheStats } from "./facts";
import { Redis } from "./redis";

export interface CacheOptions {
  stack: string;
  json?: boolean;
}

/** Keys that `stats` looks at, about. */
const SAMPLE = 10_000;

/** `./fitnesscrm cache stats` (M54). */
export async function showCache({ stack, json }: CacheOptions): Promise<void> {
  const redis = await Redis.open(openSession(stack).docker, stack);
  const info = await redis.info();
  const sample = await inStep(progressReporter(), "Look at keys", () => redis.sample(SAMPLE));
  const stats = cacheStats(info, sample);
  process.stdout.write(`${json ? JSON.stringify(stats, null, 2) : formatCache(stats)}\n`);
}

/**
 * `./fitnesscrm cache clear` (M54): the keys of a pattern, or everything, which somebody who is logged in notices: sessions live there,
 * too.
 */
export async function clearCache(
  options: CacheOptions & { pattern?: string; everything?: string; yes?: boolean },
): Promise<void> {
  const { stack, json, pattern } = options;
  requireConsent(options);
  const redis = await Redis.open(openSession(stack).docker, stack);
  const deleted = await inStep(
    progressReporter(),
    "Clear the cache",
    async (detail) => {
      if (pattern === undefined) {
        const { keys } = cacheStats(await redis.info(), {
          looked: 0,
          complete: false,
          withoutEnd: 0,
          prefixes: [],
        });
        await redis.flush();
        return keys;
      }
      return redis.clear(pattern, (sofar) => detail(`${sofar} keys`));
    },
    (count) => `${count} keys`,
  );
  process.stdout.write(json ? `${JSON.stringify({ deleted })}\n` : `${deleted} keys were deleted.\n`);
}

/** @throws UserError for what was not asked for plainly enough. */
export function requireConsent(options: {
  stack: string;
  pattern?: string;
  everything?: string;
  yes?: boolean;
}): void {
  const { stack, pattern, everything, yes } = options;
  if (pattern !== undefined && everything !== undefined) {
    throw new UserError("cache clear: --pattern or --everything, not both", 2);
  }
  if (everything !== undefined) {
    if (everything !== stack) {
      throw new UserError(
        `cache clear --everything ${JSON.stringify(everything)}: write the stack's name, ${stack}: everything goes, and who is logged in may have to log in again`,
        2,
      );
    }
    return;
  }
  if (pattern === undefined) {
    throw new UserError(
      `cache clear: say which keys by --pattern 'clients:*', or --everything ${stack} for all of them`,
      2,
    );
  }
  if (pattern === "" || /^[*?]+$/.test(pattern)) {
    throw new UserError(
      `cache clear --pattern ${JSON.stringify(pattern)} is every key: that is --everything ${stack}`,
      2,
    );
  }
  if (!yes) {
    throw new UserError(`cache clear --pattern ${JSON.stringify(pattern)} deletes keys: add --yes`, 2);
  }
}

export function formatCache(stats: CacheStats): string {
  const { memory, hits, misses, hitRate, evictedKeys, expiredKeys, keys, uptimeSeconds, sample } = stats;
  const share =
    memory.maxBytes === null ? "" : `, ${((100 * memory.usedBytes) / memory.maxBytes).toFixed(1)} % of it`;
  const rows = [
    [
      "hit rate",
      hitRate === null
        ? "nothing was read yet"
        : `${(100 * hitRate).toFixed(1)} %: ${hits} hits, ${misses} misses`,
    ],
    [
      "memory",
      `${size(memory.usedBytes)} of ${memory.maxBytes === null ? "what the container may have" : size(memory.maxBytes)}${share}`,
    ],
    ["when it is full", memory.policy],
    ["evicted", `${evictedKeys} keys for want of room`],
    ["expired", `${expiredKeys} keys at their time`],
    ["keys", String(keys)],
    ["counted since", `${duration(uptimeSeconds)} ago, when the server started`],
    [
      "without an end",
      `${sample.withoutEnd} of ${sample.looked} keys ${sample.complete ? "(all)" : "that were looked at"} stay until they are evicted or deleted`,
    ],
  ];
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  return [
    ...rows.map(([name = "", value = ""]) => `${name.padEnd(width)}  ${value}`),
    ...(sample.prefixes.length === 0
      ? []
      : [
          "",
          ...columns(
            ["NAMES THAT BEGIN WITH", "KEYS", "WITHOUT AN END"],
            sample.prefixes.map(({ prefix, keys: count, withoutEnd }) => [
              prefix,
              String(count),
              String(withoutEnd),
            ]),
          ),
        ]),
  ].join("\n");
}
