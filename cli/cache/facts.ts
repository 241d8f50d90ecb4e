/** What Redis says of itself, and what a bounded look at its keys found (M54). */
export interface CacheStats {
  memory: {
    usedBytes: number;
    /** Null where it may take as much as it wants. */
    maxBytes: number | null;
    policy: string;
  };
  /** Since the server started. */
  hits: number;
  misses: number;
  /** Of the reads, 0 to 1; null while nothing was read. */
  hitRate: number | null;
  evictedKeys: number;
  expiredKeys: number;
  keys: number;
  uptimeSeconds: number;
  sample: CacheSample;
}

export interface CacheSample {
  /** Keys that were looked at. */
  looked: number;
  /** False where there were more keys than were looked at. */
  complete: boolean;
  /** Keys that stay until they are evicted or deleted. */
  withoutEnd: number;
  /** The same by the beginning of the name, most first. */
  prefixes: { prefix: string; keys: number; withoutEnd: number }[];
}

/** How many beginnings of names are told. */
const MOST_PREFIXES = 10;

/** `INFO` as pairs; headings and empty lines are none. */
export function parseInfo(text: string): Map<string, string> {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line !== "" && !line.startsWith("#") && line.includes(":"))
      .map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
}

export function cacheStats(info: ReadonlyMap<string, string>, sample: CacheSample): CacheStats {
  const number = (name: string): number => Number(info.get(name) ?? 0) || 0;
  const [hits, misses] = [number("keyspace_hits"), number("keyspace_misses")];
  const keys = [...info]
    .filter(([name]) => /^db\d+$/.test(name))
    .reduce((sum, [, value]) => sum + Number(/keys=(\d+)/.exec(value)?.[1] ?? 0), 0);
  return {
    memory: {
      usedBytes: number("used_memory"),
      maxBytes: number("maxmemory") || null,
      policy: info.get("maxmemory_policy") ?? "unknown",
    },
    hits,
    misses,
    hitRate: hits + misses === 0 ? null : hits / (hits + misses),
    evictedKeys: number("evicted_keys"),
    expiredKeys: number("expired_keys"),
    keys,
    uptimeSeconds: number("uptime_in_seconds"),
    sample,
  };
}

/** @param found Keys, quoted, with their time to live, seconds: -1 for none, -2 for a key that went meanwhile. */
export function summarizeKeys(
  found: readonly { key: string; ttl: number }[],
  complete: boolean,
): CacheSample {
  const alive = found.filter(({ ttl }) => ttl !== -2);
  const prefixes = new Map<string, { prefix: string; keys: number; withoutEnd: number }>();
  for (const { key, ttl } of alive) {
    const prefix = prefixOf(key);
    const one = prefixes.get(prefix) ?? { prefix, keys: 0, withoutEnd: 0 };
    prefixes.set(prefix, { prefix, keys: one.keys + 1, withoutEnd: one.withoutEnd + (ttl === -1 ? 1 : 0) });
  }
  return {
    looked: alive.length,
    complete,
    withoutEnd: alive.filter(({ ttl }) => ttl === -1).length,
    prefixes: [...prefixes.values()]
      .sort((a, b) => b.withoutEnd - a.withoutEnd || b.keys - a.keys || a.prefix.localeCompare(b.prefix))
      .slice(0, MOST_PREFIXES),
  };
}

/**
 * What a key's name says of who wrote it: up to its first colon. Names without one may be anything, also a session's id, and are not shown.
 *
 * @param key Quoted, as redis-cli has it: plain characters.
 */
function prefixOf(key: string): string {
  const [, prefix] = /^"([^:"]{1,40}:)/.exec(key) ?? [];
  return prefix ?? "(no prefix)";
}
