import assert from "node:assert/strict";
import fc from "fast-check";
import { columns, duration, size } from "../../../cli/table";

describe("tables for people", () => {
  it("have columns as wide as their widest cell, numbers to the right", () => {
    assert.deepEqual(
      columns(
        ["NAME", "COUNT", ""],
        [
          ["a", "5", "x"],
          ["longer", "1000", ""],
        ],
      ),
      ["NAME    COUNT", "a           5  x", "longer   1000"],
    );
  });

  it("tell times in their two largest units", () => {
    const table: [number, string][] = [
      [0, "0 s"],
      [-5, "0 s"],
      [59.6, "1 min"],
      [61, "1 min 1 s"],
      [3600, "1 h"],
      [3605, "1 h"],
      [90_000, "1 d 1 h"],
    ];
    for (const [seconds, text] of table) {
      assert.equal(duration(seconds), text);
    }
  });

  it("tell sizes by powers of 1024", () => {
    const table: [number, string][] = [
      [0, "0 B"],
      [1023, "1023 B"],
      [1024, "1.0 KiB"],
      [1.5 * 1024 ** 3, "1.5 GiB"],
    ];
    for (const [bytes, text] of table) {
      assert.equal(size(bytes), text);
    }
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 50 }), (bytes) => assert.match(size(bytes), /^[\d.]+ ([KMGT]i)?B$/)),
    );
  });
});
