import assert from "node:assert/strict";
import fc from "fast-check";
import { isId, newId } from "../../../../ops/backup/id";
import {
  compareTables,
  fileOf,
  formatManifest,
  type Manifest,
  parseManifest,
  type TableSum,
} from "../../../../ops/backup/manifest";

const SUM = "0".repeat(64);
const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 16, maxLength: 16 });
const table: fc.Arbitrary<TableSum> = fc.record(
  {
    schema: fc.string({ minLength: 1, maxLength: 5 }),
    name: fc.string({ minLength: 1, maxLength: 5 }),
    rows: fc.nat(),
    checksum: hex,
  },
  { noNullPrototype: true },
);
const tables = fc.uniqueArray(table, { selector: ({ schema, name }) => JSON.stringify([schema, name]) });

function manifest(change: Partial<Manifest> = {}): Manifest {
  return {
    format: 1,
    id: "20260301T070000Z-0a1b",
    createdAt: "2026-03-01T07:00:00.000Z",
    finishedAt: "2026-03-01T07:00:09.000Z",
    label: null,
    release: "sha256:1",
    stack: "local",
    serverVersion: "17.6",
    serverVersionNum: 170006,
    database: { name: "fitnesscrm", bytes: 8_000_000 },
    tables: [{ schema: "public", name: "clients", rows: 2, checksum: "00000000000000ff" }],
    uploads: { files: 0, bytes: 0, sha256: SUM },
    files: [
      { name: "database.tar.age", bytes: 10, sha256: SUM },
      { name: "uploads.tar.zst.age", bytes: 5, sha256: SUM },
    ],
    ...change,
  };
}

const sequence = (next: string) => ({ schema: "public", name: "s", next, step: "-1", cycles: false });

describe("a backup's manifest", () => {
  it("is read with and without sequences, large objects and materialized views", () => {
    const written = manifest({
      sequences: [sequence("-9223372036854775808")],
      largeObjects: { count: 2, checksum: "0f" },
      materializedViews: [{ schema: "public", name: "v", rows: null }],
    });
    assert.deepEqual(parseManifest(formatManifest(written)), written);
    assert.equal(parseManifest(formatManifest(manifest())).sequences, undefined);
  });

  it("is read as it was written, whatever its tables are called", () => {
    fc.assert(
      fc.property(tables, fc.option(fc.string()), (some, label) => {
        const written = manifest({ tables: some, label });
        assert.deepEqual(parseManifest(formatManifest(written)), written);
      }),
    );
  });

  it("is refused, in one line, when it is cut anywhere", () => {
    const text = formatManifest(manifest());
    fc.assert(
      fc.property(fc.nat(text.length - 3), (end) => {
        assert.throws(() => parseManifest(text.slice(0, end)), {
          message: "the manifest is not JSON: it is cut or damaged",
        });
      }),
    );
  });

  for (const [why, change, message] of [
    ["of another format", { format: 2 as 1 }, /format/],
    ["whose id leads elsewhere", { id: "../../etc" }, /id: is not a backup's id/],
    [
      "with a sequence that stands at no number",
      { sequences: [sequence("1.5")] },
      /sequences\.0\.next: is not a whole/,
    ],
    ["with a negative count", { database: { name: "x", bytes: -1 } }, /database\.bytes/],
    ["that names no dump", { files: [] }, /database\.tar\.age must stand there once/],
    [
      "that names a file outside",
      { files: [...manifest().files, { name: "../x", bytes: 1, sha256: SUM }] },
      /"\.\.\/x" is not part of a backup/,
    ],
  ] as const) {
    it(`is refused ${why}`, () => {
      const text = formatManifest(manifest(change as Partial<Manifest>));
      assert.throws(
        () => parseManifest(text),
        (error: Error) => {
          assert.match(error.message, message);
          return !error.message.includes("\n");
        },
      );
    });
  }

  it("finds its files by name and says which one it lacks", () => {
    assert.equal(fileOf(manifest(), "database.tar.age").bytes, 10);
    assert.throws(
      () => fileOf(manifest({ files: [] }), "database.tar.age"),
      /does not name database\.tar\.age/,
    );
  });
});

describe("tables compared with a manifest", () => {
  it("have no difference to themselves in any order", () => {
    fc.assert(
      fc.property(tables, (some) => {
        assert.deepEqual(compareTables(some, [...some].reverse()), []);
      }),
    );
  });

  it("differ in exactly the one table that was changed", () => {
    fc.assert(
      fc.property(tables, fc.nat(), fc.constantFrom("rows", "checksum", "gone"), (some, at, how) => {
        fc.pre(some.length > 0);
        const index = at % some.length;
        const found = some.flatMap((each, i) => {
          if (i !== index) return [each];
          if (how === "gone") return [];
          return how === "rows"
            ? [{ ...each, rows: each.rows + 1 }]
            : [{ ...each, checksum: `${each.checksum}0` }];
        });
        const differences = compareTables(some, found);
        assert.equal(differences.length, 1);
        assert.ok(differences[0]?.startsWith(`${some[index]?.schema}.${some[index]?.name} `));
        // The other way round it is as different.
        assert.equal(compareTables(found, some).length, 1);
      }),
    );
  });

  it("tells tables apart whose dotted names are equal", () => {
    const one = { schema: "a.b", name: "c", rows: 1, checksum: "00" };
    const other = { schema: "a", name: "b.c", rows: 1, checksum: "00" };
    assert.equal(compareTables([one], [other]).length, 2);
  });
});

describe("a backup's id", () => {
  it("is the snapshot's time in UTC with four random digits, and sorts by time", () => {
    assert.match(newId(new Date("2026-11-01T05:59:59.999Z")), /^20261101T055959Z-[0-9a-f]{4}$/);
    fc.assert(
      fc.property(
        fc.date({ min: new Date("1970-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }),
        fc.integer({ min: 1000, max: 1e9 }),
        (at, later) => {
          const first = newId(at);
          assert.ok(isId(first));
          const second = newId(new Date(Math.min(at.getTime() + later, Date.UTC(9999, 11, 31))));
          assert.ok(first.slice(0, 16) <= second.slice(0, 16));
        },
      ),
    );
  });

  it("is nothing else", () => {
    for (const text of [
      "",
      ".partial-20261101T055959Z-abcd",
      "20261101T055959Z-abcd/..",
      "20261101T055959Z-ABCD",
    ]) {
      assert.equal(isId(text), false, text);
    }
  });
});
