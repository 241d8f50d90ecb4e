import assert from "node:assert/strict";
import fc from "fast-check";
import { LastLines, LogMerger, type TimedLine } from "../../../../cli/logs/merge";
import { covers, fixed, type Segment, segmentsFor } from "../../../../ops/logs/model";

const line = (service: string, at: number, text = String(at)): TimedLine => ({
  service,
  time: fixed(at),
  line: text,
});
const db = (from: number, to: number): Segment => ({ service: "db", from, to });
const shown = (lines: readonly TimedLine[]): string => lines.map((one) => one.line).join(" ");

describe("archive and engine together", () => {
  it("give the engine's lines alone where there is no archive", () => {
    const merger = new LogMerger([line("db", 2), line("redis", 1)]);
    assert.equal(shown(merger.take({ segments: [] })), "");
    assert.equal(shown(merger.end()), "1 2");
  });

  it("have no line twice at the seam, and the engine's where the archive ends", () => {
    const merger = new LogMerger([line("db", 9, "e9"), line("db", 10, "e10"), line("redis", 9, "r9")]);
    merger.take({ segments: [db(5, 10)] });
    merger.take({ service: "db", time: fixed(9), line: "a9" });
    merger.take({ done: 0 });
    assert.equal(shown(merger.end()), "r9 a9 e10");
  });

  it("show lines as soon as none can come before them", () => {
    const merger = new LogMerger([line("db", 1), line("db", 25)]);
    assert.equal(shown(merger.take({ segments: [db(5, 10), db(10, 20)] })), "1");
    merger.take({ service: "db", time: fixed(6), line: "6" });
    assert.equal(shown(merger.take({ done: 0 })), "6");
    merger.take({ service: "db", time: fixed(11), line: "11" });
    assert.equal(shown(merger.take({ done: 1 })), "");
    assert.equal(shown(merger.end()), "11 25");
  });

  it("take the engine's lines instead of a segment that broke off", () => {
    const merger = new LogMerger([line("db", 6, "e6"), line("db", 12, "e12"), line("db", 13, "e13")]);
    merger.take({ segments: [db(5, 10), db(10, 20)] });
    merger.take({ service: "db", time: fixed(6), line: "a6" });
    assert.equal(shown(merger.take({ done: 0 })), "a6");
    merger.take({ service: "db", time: fixed(12), line: "a12" });
    assert.equal(shown(merger.end()), "e12 e13");
  });

  it("show every line once and in order, whatever each of them still has and wherever the archive breaks off", () => {
    const moments = fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { maxLength: 60 });
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 6 });
    fc.assert(
      fc.property(
        fc.record({ db: moments, redis: moments, cutsOfDb: cuts, cutsOfRedis: cuts }),
        fc.integer({ min: 0, max: 1000 }),
        fc.option(fc.nat({ max: 20 })),
        (world, engineFrom, breaksAfter) => {
          const written = [
            ...world.db.map((at) => line("db", at, `db${at}`)),
            ...world.redis.map((at) => line("redis", at, `redis${at}`)),
          ];
          const segmentsOf = (service: "db" | "redis", ends: number[]): Segment[] =>
            [...ends]
              .sort((a, b) => a - b)
              .map((to, index, all) => ({ service, from: all[index - 1] ?? 0, to }));
          const segments = segmentsFor(
            [...segmentsOf("db", world.cutsOfDb), ...segmentsOf("redis", world.cutsOfRedis)],
            { since: 0, until: 2000 },
          );
          const isIn = (segment: Segment, one: TimedLine) =>
            segment.service === one.service && covers(segment, one.time);
          const isArchived = (one: TimedLine) => segments.some((segment) => isIn(segment, one));
          // The engine has thrown away the oldest, but nothing that is not archived.
          const held = written.filter((one) => one.time >= fixed(engineFrom) || !isArchived(one));
          const merger = new LogMerger(held);
          const got: TimedLine[] = [...merger.take({ segments })];
          const read = segments.slice(0, breaksAfter ?? segments.length);
          for (const [index, segment] of read.entries()) {
            for (const one of written.filter((each) => isIn(segment, each))) {
              got.push(...merger.take({ service: segment.service, time: one.time, line: one.line }));
            }
            got.push(...merger.take({ done: index }));
          }
          got.push(...merger.end());
          const times = got.map(({ time }) => time);
          assert.deepEqual(times, [...times].sort());
          const expected = written.filter(
            (one) => held.includes(one) || read.some((segment) => isIn(segment, one)),
          );
          assert.deepEqual(got.map((one) => one.line).sort(), expected.map((one) => one.line).sort());
        },
      ),
    );
  });

  it("have last lines, of each service as many", () => {
    const last = new LastLines(2);
    for (let at = 0; at < 5000; at++) last.add([line("db", at)]);
    last.add([line("redis", 1)]);
    assert.equal(shown(last.lines()), "1 4998 4999");
    const none = new LastLines(0);
    none.add([line("db", 1)]);
    assert.equal(shown(none.lines()), "");
  });
});
