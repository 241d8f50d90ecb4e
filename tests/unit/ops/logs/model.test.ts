import assert from "node:assert/strict";
import fc from "fast-check";
import {
  archivedUntil,
  covers,
  fixed,
  keyOf,
  normalTime,
  type Segment,
  segmentOf,
  segmentsFor,
  timedLine,
} from "../../../../ops/logs/model";
import { SERVICES } from "../../../../serviceNames";

const at = (text: string): number => Date.parse(text);
const MOMENTS = fc.integer({ min: 0, max: at("2100-01-01T00:00:00Z") });
const segments = fc
  .record({ service: fc.constantFrom(...SERVICES), from: MOMENTS, length: fc.integer({ min: 1, max: 1e10 }) })
  .map(({ service, from, length }): Segment => ({ service, from, to: from + length }));

describe("archived logs", () => {
  it("are named after service and time, under the day of their end", () => {
    const segment: Segment = {
      service: "backend",
      from: at("2026-11-25T05:20:00.001Z"),
      to: at("2026-11-26T05:20:00Z"),
    };
    const key = "2026/11/26/backend-20261125T052000001Z-20261126T052000000Z.jsonl.zst.age";
    assert.equal(keyOf(segment), key);
    assert.deepEqual(segmentOf(key), segment);
    const first: Segment = { service: "db", from: 0, to: at("2026-11-26T00:00:00Z") };
    assert.equal(keyOf(first), "2026/11/25/db-19700101T000000000Z-20261126T000000000Z.jsonl.zst.age");
  });

  it("are found again by their names, whatever the time", () => {
    fc.assert(fc.property(segments, (segment) => assert.deepEqual(segmentOf(keyOf(segment)), segment)));
  });

  for (const key of [
    "",
    "2026/11/26/nobody-20261125T052000001Z-20261126T052000000Z.jsonl.zst.age",
    "2026/11/26/backend-20261126T052000000Z-20261125T052000001Z.jsonl.zst.age",
    "2026/11/26/backend-20261399T052000001Z-20261126T052000000Z.jsonl.zst.age",
    "2026/11/26/backend-20261125T052000001Z-20261126T052000000Z.jsonl.zst",
    "x/2026/11/26/backend-20261125T052000001Z-20261126T052000000Z.jsonl.zst.age",
  ]) {
    it(`are not ${key || "nothing"}`, () => assert.equal(segmentOf(key), undefined));
  }

  it("go on where the last one of the service ended", () => {
    const there: Segment[] = [
      { service: "db", from: 5, to: 9 },
      { service: "db", from: 0, to: 5 },
      { service: "redis", from: 0, to: 20 },
    ];
    assert.equal(archivedUntil(there, "db"), 9);
    assert.equal(archivedUntil(there, "nginx"), 0);
  });

  it("are chosen by service and time, by their beginning; ends that only touch are no part", () => {
    const there: Segment[] = [
      { service: "redis", from: 10, to: 20 },
      { service: "db", from: 10, to: 20 },
      { service: "db", from: 0, to: 10 },
      { service: "db", from: 20, to: 30 },
    ];
    const chosen = (request: { service?: "db"; since: number; until: number }) =>
      segmentsFor(there, request).map(({ service, from }) => `${service} ${from}`);
    assert.deepEqual(chosen({ since: 10, until: 20 }), ["db 10", "redis 10"]);
    assert.deepEqual(chosen({ since: 9, until: 21 }), ["db 0", "db 10", "redis 10", "db 20"]);
    assert.deepEqual(chosen({ service: "db", since: 0, until: 10 }), ["db 0"]);
  });

  const TIMES: [engine: string, line: string | undefined][] = [
    ["2026-11-26T10:00:00.123456789Z", "2026-11-26T10:00:00.123456789Z"],
    ["2026-11-26T10:00:00.12Z", "2026-11-26T10:00:00.120000000Z"],
    ["2026-11-26T10:00:00Z", "2026-11-26T10:00:00.000000000Z"],
    ["2026-11-26T10:00:00+01:00", undefined],
    ["10:00", undefined],
    ["", undefined],
  ];
  for (const [engine, line] of TIMES) {
    it(`have ${line ?? "no time"} for ${JSON.stringify(engine)}`, () =>
      assert.equal(normalTime(engine), line));
  }

  it("take the engine's time off a line, and nothing else", () => {
    const time = "2026-11-26T10:00:00.120000000Z";
    assert.deepEqual(timedLine("2026-11-26T10:00:00.12Z  two spaces"), { time, line: " two spaces" });
    assert.deepEqual(timedLine("2026-11-26T10:00:00.12Z"), { time, line: "" });
    assert.equal(timedLine("error from daemon in stream"), undefined);
  });

  it("have times whose order as text is the order in time, and which belong to one of two segments that touch", () => {
    fc.assert(
      fc.property(MOMENTS, MOMENTS, (a, b) => {
        assert.equal(fixed(a) < fixed(b), a < b);
        const middle = Math.max(a, 1);
        const time = fixed(b);
        const inside = [
          { from: 0, to: middle },
          { from: middle, to: at("2100-01-02T00:00:00Z") },
        ].filter((segment) => covers(segment, time));
        assert.equal(inside.length, 1);
      }),
    );
  });
});
