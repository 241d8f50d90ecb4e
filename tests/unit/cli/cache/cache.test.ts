import assert from "node:assert/strict";
import fc from "fast-check";
import { formatCache, requireConsent } from "../../../../cli/cache/cache";
import { cacheStats, parseInfo, summarizeKeys } from "../../../../cli/cache/facts";
import { quote, tokens } from "../../../../cli/cache/redis";

const INFO = [
  "# Memory",
  "used_memory:26843545",
  "maxmemory:268435456",
  "maxmemory_policy:allkeys-lru",
  "",
  "# Stats",
  "keyspace_hits:90",
  "keyspace_misses:10",
  "evicted_keys:3",
  "expired_keys:7",
  "uptime_in_seconds:3700",
  "# Keyspace",
  "db0:keys=5,expires=2,avg_ttl=1",
].join("\r\n");

describe("what the cache says of itself (M54)", () => {
  const sample = summarizeKeys(
    [
      { key: '"clients:1"', ttl: 60 },
      { key: '"clients:2"', ttl: -1 },
      { key: '"2f1a8c9d"', ttl: -1 },
      { key: '"gone:1"', ttl: -2 },
    ],
    true,
  );

  it("is read from INFO: hit rate, memory against its maximum, policy, evictions", () => {
    const stats = cacheStats(parseInfo(INFO), sample);
    assert.equal(stats.hitRate, 0.9);
    assert.deepEqual(stats.memory, { usedBytes: 26843545, maxBytes: 268435456, policy: "allkeys-lru" });
    assert.deepEqual(
      [stats.evictedKeys, stats.expiredKeys, stats.keys, stats.uptimeSeconds],
      [3, 7, 5, 3700],
    );
    const text = formatCache(stats);
    assert.match(text, /hit rate +90\.0 %: 90 hits, 10 misses/);
    assert.match(text, /memory +25\.6 MiB of 256 MiB, 10\.0 % of it/);
    assert.match(text, /without an end +2 of 3 keys \(all\) stay/);
  });

  it("of a server that was never read and has no maximum is no division by nothing", () => {
    const stats = cacheStats(parseInfo("maxmemory:0\n"), summarizeKeys([], false));
    assert.equal(stats.hitRate, null);
    assert.equal(stats.memory.maxBytes, null);
    assert.match(formatCache(stats), /nothing was read yet[\s\S]*0 of 0 keys that were looked at/);
  });

  it("counts keys without an end by the beginning of their names, and shows no name that may be a session's", () => {
    assert.deepEqual(sample, {
      looked: 3,
      complete: true,
      withoutEnd: 2,
      prefixes: [
        { prefix: "clients:", keys: 2, withoutEnd: 1 },
        { prefix: "(no prefix)", keys: 1, withoutEnd: 1 },
      ],
    });
  });
});

describe("words for redis-cli", () => {
  it("cannot end their line or their quotes, whatever is in them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (word) => {
        const quoted = quote(word);
        assert.match(quoted, /^"[\x20-\x7e]*"$/);
        assert.doesNotMatch(quoted.slice(1, -1), /"|\\(?!x[0-9a-f]{2})/);
      }),
    );
  });

  it("come back from its answers as it reads them again", () => {
    // As its version 8.0.2 printed them, for a key with the bytes ff and 01, a quotation mark and a backslash.
    assert.deepEqual(tokens(String.raw`["0",["a:1\\xc3\\xa9","b:\\xff\\x01\\"q\\\\"]]`), [
      '"0"',
      String.raw`"a:1\xc3\xa9"`,
      String.raw`"b:\xff\x01\"q\\"`,
    ]);
    assert.deepEqual(tokens('["17",[]]'), ['"17"']);
  });
});

describe("clearing the cache", () => {
  const table: [what: string, options: object, error: RegExp | undefined][] = [
    ["a pattern, and yes", { pattern: "clients:*", yes: true }, undefined],
    ["everything, with the stack's name", { everything: "prod" }, undefined],
    ["nothing", {}, /say which keys by --pattern 'clients:\*', or --everything prod/],
    ["a pattern without yes", { pattern: "clients:*" }, /add --yes/],
    ["a pattern that is everything", { pattern: "**", yes: true }, /is every key: that is --everything prod/],
    ["everything with another name", { everything: "local", yes: true }, /write the stack's name, prod/],
    ["both", { pattern: "a", everything: "prod", yes: true }, /not both/],
  ];
  for (const [what, options, error] of table) {
    it(`${error === undefined ? "is done" : "is refused"} with ${what}`, () => {
      const work = () => requireConsent({ stack: "prod", ...options });
      if (error === undefined) {
        assert.doesNotThrow(work);
      } else {
        assert.throws(work, error);
      }
    });
  }
});
