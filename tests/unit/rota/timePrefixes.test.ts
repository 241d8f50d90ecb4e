import assert from "node:assert/strict";
import fc from "fast-check";
import { periodPrefixes } from "../../../timePrefixes";

const at = (iso: string) => Date.parse(iso);
const MINUTE = 60_000;

describe("a span of time as prefixes", () => {
  const table: [from: string, until: string, prefixes: string[]][] = [
    ["2026-11-27T00:00Z", "2026-11-28T00:00Z", ["2026-11-27"]],
    ["2026-11-27T20:00Z", "2026-11-28T00:00Z", ["2026-11-27T2"]],
    ["2026-11-27T22:00Z", "2026-11-28T10:00Z", ["2026-11-27T22", "2026-11-27T23", "2026-11-28T0"]],
    ["2026-02-20T00:00Z", "2026-03-01T00:00Z", ["2026-02-2"]],
    ["2028-02-29T00:00Z", "2028-03-01T00:00Z", ["2028-02-29"]],
    ["2026-12-30T00:00Z", "2027-01-01T00:00Z", ["2026-12-3"]],
    ["2026-10-01T00:00Z", "2027-01-01T00:00Z", ["2026-1"]],
    ["2027-01-01T00:00Z", "2040-01-01T00:00Z", ["2027", "2028", "2029", "203"]],
    [
      "2026-01-01T11:15Z",
      "2026-01-01T11:21Z",
      [..."56789"].map((digit) => `2026-01-01T11:1${digit}`).concat("2026-01-01T11:20"),
    ],
    ["2026-01-01T00:00Z", "2026-01-01T00:00Z", []],
  ];

  for (const [from, until, prefixes] of table) {
    it(`${from} to ${until}: ${prefixes.length}`, () => {
      assert.deepEqual(periodPrefixes(at(from), at(until)), prefixes);
    });
  }

  it("holds every moment of the span and none beside it, and says each once", () => {
    const minute = fc.integer({
      min: at("2024-01-01T00:00Z") / MINUTE,
      max: at("2038-01-01T00:00Z") / MINUTE,
    });
    fc.assert(
      fc.property(minute, minute, fc.array(minute, { minLength: 30 }), (a, b, others) => {
        const [from, until] = [Math.min(a, b) * MINUTE, Math.max(a, b) * MINUTE];
        const prefixes = periodPrefixes(from, until);
        const edges = [from, from - 1, until, until - 1, from + MINUTE, until - MINUTE];
        for (const moment of [...others.map((one) => one * MINUTE), ...edges]) {
          const text = new Date(moment).toISOString();
          const found = prefixes.filter((prefix) => text.startsWith(prefix)).length;
          assert.equal(found, moment >= from && moment < until ? 1 : 0, text);
        }
      }),
    );
  });

  it("is not told of parts of a minute", () => {
    assert.throws(() => periodPrefixes(1, MINUTE), RangeError);
  });
});
