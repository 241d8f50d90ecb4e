import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../../../plugins/docker/durations";

describe("durations", () => {
  it("are read in Go's notation", () => {
    const cases: [string, number | undefined][] = [
      ["0", 0],
      ["0s", 0],
      ["500ms", 5e8],
      ["1.5s", 1.5e9],
      ["1m30s", 90e9],
      ["1h0m5s", 3605e9],
      ["10", undefined],
      ["s", undefined],
      ["", undefined],
      ["1m30", undefined],
      ["-1s", undefined],
      ["1 s", undefined],
    ];
    for (const [text, ns] of cases) assert.equal(parseDuration(text), ns, text);
    assert.equal(parseDuration(5), undefined);
  });

  it("are written as the upstream provider does", () => {
    const cases: [number, string][] = [
      [0, "0s"],
      [5e8, "500ms"],
      [1.5e9, "1.5s"],
      [60e9, "1m"],
      [90e9, "1m30s"],
      [3600e9, "1h"],
      [3605e9, "1h0m5s"],
      [5400e9, "1h30m"],
    ];
    for (const [ns, text] of cases) assert.equal(formatDuration(ns), text);
  });

  it("are read as they were written", () => {
    const ns = fc.oneof(
      fc.nat({ max: 1000 }).map((ms) => ms * 1e6),
      fc.nat({ max: 1e6 }).map((s) => s * 1e9),
    );
    fc.assert(fc.property(ns, (value) => assert.equal(parseDuration(formatDuration(value)), value)));
  });
});
