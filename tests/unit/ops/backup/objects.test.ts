import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compareObjects,
  leastAdvanced,
  type ObjectSums,
  type SequenceSum,
} from "../../../../ops/backup/objects";

const sequence = (next: number | string, change: Partial<SequenceSum> = {}): SequenceSum => ({
  schema: "public",
  name: "invoice",
  next: String(next),
  step: "1",
  cycles: false,
  ...change,
});
const sums = (change: ObjectSums = {}): Required<ObjectSums> => ({
  sequences: [sequence(10)],
  largeObjects: { count: 1, checksum: "00ff" },
  materializedViews: [{ schema: "public", name: "totals", rows: 5 }],
  ...change,
});
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe("what a restored database holds beside its tables", () => {
  const table: [what: string, found: ObjectSums, differences: string[]][] = [
    ["all that was saved", sums(), []],
    ["a sequence that went on while the dump was made", sums({ sequences: [sequence(11)] }), []],
    [
      "a sequence that is behind",
      sums({ sequences: [sequence(9)] }),
      ["the sequence public.invoice would give 9 next, 10 is expected"],
    ],
    [
      "a sequence of another schema",
      sums({ sequences: [sequence(10, { schema: "other" })] }),
      ["the sequence public.invoice is missing (10 is its next number)"],
    ],
    [
      "a large object less",
      sums({ largeObjects: { count: 0, checksum: "0" } }),
      ["there are 0 large objects, 1 are expected"],
    ],
    [
      "another large object",
      sums({ largeObjects: { count: 1, checksum: "01ff" } }),
      ["there are 1 large objects as expected, but with other content"],
    ],
    [
      "no materialized view",
      sums({ materializedViews: [] }),
      ["the materialized view public.totals is missing"],
    ],
    [
      "an empty shell of a materialized view",
      sums({ materializedViews: [{ schema: "public", name: "totals", rows: null }] }),
      ["the materialized view public.totals is not filled (5 rows were there)"],
    ],
    [
      "a materialized view that was made anew from newer rows",
      sums({ materializedViews: [{ schema: "public", name: "totals", rows: 6 }] }),
      [],
    ],
    [
      "nothing of it all",
      {},
      [
        "the sequence public.invoice is missing (10 is its next number)",
        "there are 0 large objects, 1 are expected",
        "the materialized view public.totals is missing",
      ],
    ],
  ];
  for (const [what, found, differences] of table) {
    it(`${what}: ${differences.length === 0 ? "is as good" : "is told apart"}`, () => {
      assert.deepEqual(compareObjects(sums(), found), differences);
    });
  }

  it("is not asked of a manifest that was made before it told of them", () => {
    assert.deepEqual(compareObjects({}, sums()), []);
  });

  it("may be a materialized view that nobody had filled", () => {
    const unfilled = [{ schema: "public", name: "totals", rows: null }];
    assert.deepEqual(compareObjects(sums({ materializedViews: unfilled }), sums()), []);
  });

  it("never gives a number again: a sequence that is further by its own direction is none behind", () => {
    fc.assert(
      fc.property(int64, int64, fc.boolean(), (saved, restored, counts) => {
        const step = counts ? "3" : "-3";
        const isBehind = counts ? restored < saved : restored > saved;
        const found = compareObjects(
          { sequences: [sequence(String(saved), { step })] },
          { sequences: [sequence(String(restored), { step })] },
        );
        assert.equal(found.length, isBehind ? 1 : 0);
      }),
    );
  });

  it("may be any number of a sequence that cycles", () => {
    fc.assert(
      fc.property(int64, int64, (saved, restored) => {
        const at = (next: bigint) => ({ sequences: [sequence(String(next), { cycles: true })] });
        assert.deepEqual(compareObjects(at(saved), at(restored)), []);
      }),
    );
  });
});

describe("a sequence that is looked at before and after a dump", () => {
  it("counts as what it was before, as long as it went on", () => {
    assert.deepEqual(leastAdvanced([sequence(10)], [sequence(25)]), [sequence(10)]);
  });

  it("counts as what it was after, where it was set back", () => {
    assert.deepEqual(leastAdvanced([sequence(10)], [sequence(2)]), [sequence(2)]);
    const down = { step: "-1" };
    assert.deepEqual(leastAdvanced([sequence(-10, down)], [sequence(-2, down)]), [sequence(-2, down)]);
  });

  it("is one of the dump's, also when it is gone or came meanwhile", () => {
    assert.deepEqual(leastAdvanced([sequence(10)], []), [sequence(10)]);
    assert.deepEqual(leastAdvanced([], [sequence(10)]), []);
  });
});
