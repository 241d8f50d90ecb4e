import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { burstsOf, type Failure } from "../../../../ops/reports/bursts";
import { edgeErrors, parseLine, routeOf } from "../../../../ops/reports/sources/edgeLog";
import { cacheFacts, parseReply, type RedisReply } from "../../../../ops/reports/sources/redis";

const START = Date.parse("2026-03-08T12:00:00.000Z");
const MINUTE = 60_000;

describe("bursts of failed logins", () => {
  const failures = (minutes: number[], account = "ada@example.com", address = "192.0.2.1"): Failure[] =>
    minutes.map((minute) => ({ at: new Date(START + minute * MINUTE), account, address }));

  const table: [what: string, given: Failure[], expected: [by: string, count: number][]][] = [
    ["four in a row are none", failures([0, 1, 2, 3]), []],
    [
      "five within ten minutes are one, by account and by address",
      failures([0, 1, 2, 3, 10]),
      [
        ["account", 5],
        ["address", 5],
      ],
    ],
    ["five in more than ten minutes are none", failures([0, 1, 2, 3, 10.1]), []],
    [
      "what goes on is one burst",
      failures([0, 1, 2, 3, 4, 5, 6, 7]),
      [
        ["account", 8],
        ["address", 8],
      ],
    ],
    [
      "a pause makes two",
      failures([0, 1, 2, 3, 4, 60, 61, 62, 63, 64]),
      [
        ["account", 5],
        ["account", 5],
        ["address", 5],
        ["address", 5],
      ],
    ],
    [
      "many accounts from one address are one of the address",
      [0, 1, 2, 3, 4].flatMap((minute) => failures([minute], `user${minute}`)),
      [["address", 5]],
    ],
    ["what nobody knows is no name", failures([0, 1, 2, 3, 4], "", ""), []],
  ];
  for (const [what, given, expected] of table) {
    it(what, () => {
      const found = burstsOf(given).map(({ by, count }): [string, number] => [by, count]);
      assert.deepEqual(found.sort(), expected.sort());
    });
  }

  it("count no failure twice, whatever the times", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 60 }), (minutes) => {
        const found = burstsOf(failures(minutes)).filter(({ by }) => by === "account");
        assert.ok(found.reduce((sum, { count }) => sum + count, 0) <= minutes.length);
        for (const { count } of found) {
          assert.ok(count >= 5);
        }
      }),
    );
  });
});

describe("errors in the edge's log", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "edge-"));
  });
  after(() => rm(folder, { recursive: true }));

  const line = (minute: number, route: string, status: number, more: object = {}): string =>
    JSON.stringify({
      time: new Date(START + minute * MINUTE).toISOString().replace(".000Z", "+00:00"),
      method: "GET",
      route,
      status,
      request_time: 0.1,
      probe: 0,
      ...more,
    });

  it("are grouped by request without what names one thing of many, the newest first", async () => {
    await writeFile(
      join(folder, "requests.a.log"),
      [
        line(-100, "/api/old", 500),
        line(0, "/api/clients/1", 500),
        line(1, "/api/clients/2", 500),
        line(2, "/api/<script>", 502),
        line(3, "/api/fine", 200),
        line(3, "/api/not-found", 404),
        line(4, "/api/probed", 503, { probe: 1 }),
        '{"time":"2026-03-08T12:0',
      ].join("\n"),
    );
    await writeFile(join(folder, "requests.b.log"), `${line(5, "/api/clients/3", 500)}\n`);
    const { groups, oldest } = await edgeErrors(folder, new Date(START));
    assert.deepEqual(
      groups.map(({ request, status, count, first, last }) => [request, status, count, first, last]),
      [
        ["GET /api/clients/:id", 500, 3, "2026-03-08T12:00:00.000Z", "2026-03-08T12:05:00.000Z"],
        ["GET /api/<script>", 502, 1, "2026-03-08T12:02:00.000Z", "2026-03-08T12:02:00.000Z"],
      ],
    );
    assert.equal(oldest, "2026-03-08T10:20:00.000Z");
  });

  it("cannot be read where there is no log, which says so", async () => {
    await assert.rejects(edgeErrors(join(folder, "none"), new Date(START)), /the edge's log is not in /);
  });

  it("are read from any line or not at all, without an exception", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseLine(text)));
    fc.assert(fc.property(fc.json(), (text) => void parseLine(text)));
  });

  it("know ids as the agent does", () => {
    assert.equal(routeOf("/api/clients/17/notes"), "/api/clients/:id/notes");
    assert.equal(routeOf("/api/x/0b2cf1c4-8b0f-4b0a-9b0a-0123456789ab"), "/api/x/:id");
    assert.equal(routeOf("/api/x/0123456789abcdef"), "/api/x/:id");
    assert.equal(routeOf("/api/decade"), "/api/decade");
  });
});

describe("what Redis answers", () => {
  const encode = (reply: RedisReply): string => {
    if (reply === null) return "$-1\r\n";
    if (typeof reply === "number") return `:${reply}\r\n`;
    if (reply instanceof Error) return `-${reply.message}\r\n`;
    if (Array.isArray(reply)) return `*${reply.length}\r\n${reply.map(encode).join("")}`;
    return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
  };
  const replies = fc.letrec<{ reply: RedisReply }>((tie) => ({
    reply: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: "grapheme" }),
      fc.integer(),
      fc.constant(null),
      fc.array(tie("reply"), { maxLength: 4 }),
    ),
  })).reply;

  it("is read whole, and not before the last byte is there", () => {
    fc.assert(
      fc.property(replies, fc.nat(), (reply, cut) => {
        const bytes = Buffer.from(encode(reply));
        assert.deepEqual(parseReply(bytes), { reply, end: bytes.length });
        assert.equal(parseReply(bytes.subarray(0, cut % bytes.length)), undefined);
      }),
    );
  });

  it("tells keys that never expire by what they begin with", async () => {
    const ages: Record<string, number> = { "session:1": 60, "report:1": -1, "report:2": -1, lock: -1 };
    const answer = (words: readonly string[]) => {
      switch (words[0]) {
        case "INFO":
          return "# Stats\r\nused_memory:1024\r\nkeyspace_hits:9\r\nkeyspace_misses:1\r\nevicted_keys:2\r\nmaxmemory_policy:allkeys-lru\r\n";
        case "DBSIZE":
          return 4;
        case "SCAN":
          return words[1] === "0"
            ? ["7", ["session:1", "report:1"]]
            : ["0", ["report:1", "report:2", "lock"]];
        default:
          return ages[words[1] ?? ""] ?? -2;
      }
    };
    assert.deepEqual(
      await cacheFacts({
        ask: async (...words) => answer(words),
        askAll: async (commands) => commands.map(answer),
      }),
      {
        keys: 4,
        looked: 4,
        withoutTtl: 3,
        groups: [
          { prefix: "report:", keys: 2 },
          { prefix: "lock", keys: 1 },
        ],
        usedBytes: 1024,
        hits: 9,
        misses: 1,
        evicted: 2,
        policy: "allkeys-lru",
      },
    );
  });
});
