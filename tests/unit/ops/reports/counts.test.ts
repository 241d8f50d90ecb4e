import assert from "node:assert/strict";
import fc from "fast-check";
import { countsWithoutRepeats } from "../../../../ops/reports/sources/counts";
import type { Metrics, Point, Question } from "../../../../ops/reports/sources/metrics";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.parse("2026-03-09T00:00:00.000Z");

interface Value {
  readonly at: number;
  readonly value: number;
}

/** As CloudWatch adds up: every value that it was given. */
function cloudWatch(
  values: readonly Value[],
  asked: Question[] = [],
  begins: "on the clock" | "with the question" = "on the clock",
): Metrics {
  return {
    series: async (question) => {
      asked.push(question);
      const { from, until, periodSeconds, statistic } = question;
      const bins = new Map<number, number[]>();
      for (const { at, value } of values) {
        if (at >= from.getTime() && at < until.getTime()) {
          const first = begins === "on the clock" ? 0 : from.getTime();
          const bin = first + Math.floor((at - first) / (periodSeconds * 1000)) * periodSeconds * 1000;
          bins.set(bin, [...(bins.get(bin) ?? []), value]);
        }
      }
      return [...bins]
        .sort(([a], [b]) => a - b)
        .map(([at, of]) => ({
          at: new Date(at),
          value: statistic === "SampleCount" ? of.length : of.reduce((sum, one) => sum + one, 0),
        }));
    },
    dimensionValues: async () => [],
    openAlarms: async () => [],
  };
}

/** One value each minute; `times` says how often the value of a minute was sent. */
function sent(
  minutes: number,
  times: (minute: number) => number,
  value = (minute: number) => minute,
): Value[] {
  return Array.from({ length: minutes }, (_, minute) =>
    Array.from({ length: times(minute) }, () => ({
      at: START + minute * MINUTE + 1000,
      value: value(minute),
    })),
  ).flat();
}

async function count(values: readonly Value[], hours: number, asked?: Question[]): Promise<number> {
  const span = { from: new Date(START), until: new Date(START + hours * HOUR) };
  const counted = await countsWithoutRepeats(cloudWatch(values, asked), span, 60);
  return total(await counted({ name: "api_requests" }));
}
const total = (points: readonly Point[]): number => points.reduce((sum, { value }) => sum + value, 0);
const sumTo = (last: number): number => (last * (last + 1)) / 2;

describe("counts of the agent", () => {
  it("are asked for by the hour only, where every value came once", async () => {
    const asked: Question[] = [];
    assert.equal(
      await count(
        sent(120, () => 1),
        2,
        asked,
      ),
      sumTo(119),
    );
    assert.equal(asked.length, 2);
  });

  it("hold a value once that was sent again and taken both times", async () => {
    assert.equal(
      await count(
        sent(120, (minute) => (minute === 75 ? 2 : 1)),
        2,
      ),
      sumTo(119),
    );
  });

  it("hold it once in an hour in which others are missing", async () => {
    const times = (minute: number): number => [1, 1, 0, 3][minute % 4] ?? 0;
    const expected = Array.from({ length: 120 }, (_, minute) => (minute % 4 === 2 ? 0 : minute));
    assert.equal(
      await count(sent(120, times), 2),
      expected.reduce((sum, one) => sum + one, 0),
    );
  });

  it("are right whatever was repeated in hours that lost nothing, and ask a bounded number of questions", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 60, maxLength: 24 * 60, size: "max" }),
        async (minutes) => {
          const times = minutes.slice(0, minutes.length - (minutes.length % 60));
          const asked: Question[] = [];
          const expected = times.reduce((sum, of, minute) => sum + (of > 0 ? minute : 0), 0);
          const found = await count(
            sent(times.length, (minute) => times[minute] ?? 0),
            24,
            asked,
          );
          assert.ok(Math.abs(found - expected) < 1e-6, `${found}, not ${expected}`);
          assert.ok(asked.length <= 2 + 2 * 8, `${asked.length} questions`);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("are right in a report that begins at no full hour, wherever CloudWatch lets hours begin", async () => {
    const span = { from: new Date(START + 10 * MINUTE), until: new Date(START + 130 * MINUTE) };
    for (const begins of ["on the clock", "with the question"] as const) {
      const values = sent(130, (minute) => (minute === 65 ? 2 : 1));
      const counted = await countsWithoutRepeats(cloudWatch(values, [], begins), span, 60);
      assert.equal(total(await counted({ name: "api_requests" })), sumTo(129) - sumTo(9), begins);
    }
  });

  it("leave out what was before the report's time", async () => {
    const span = { from: new Date(START + 30 * MINUTE), until: new Date(START + 2 * HOUR) };
    const counted = await countsWithoutRepeats(cloudWatch(sent(120, () => 1)), span, 60);
    assert.equal(total(await counted({ name: "api_requests" })), sumTo(119) - sumTo(29));
  });

  it("of a period below a minute are right where the whole minute was repeated", async () => {
    const values = Array.from({ length: 360 }, (_, index) => ({ at: START + index * 10_000, value: 1 }));
    const again = values.slice(60, 66);
    const counted = await countsWithoutRepeats(
      cloudWatch([...values, ...again]),
      { from: new Date(START), until: new Date(START + HOUR) },
      10,
    );
    assert.equal(total(await counted({ name: "api_requests" })), 360);
  });
});
