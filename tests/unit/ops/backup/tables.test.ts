import assert from "node:assert/strict";
import fc from "fast-check";
import { type Column, checksum, tableQuery } from "../../../../ops/backup/tables";

const column = (name: string, base: string | null, bytewise = true): Column => ({ name, base, bytewise });

describe("the statement that checks a table", () => {
  it("hashes what has a stable hash as it is, and everything else as text", () => {
    const query = tableQuery({
      schema: "public",
      name: "t",
      columns: [
        column("id", "int8"),
        column("kind", null),
        column("doc", "json"),
        column("note", "text", false),
      ],
    });
    assert.match(
      query,
      /ROW\("id", \("kind"::pg_catalog\.text COLLATE pg_catalog\."C"\), \("doc"::pg_catalog\.text COLLATE pg_catalog\."C"\), \("note"::pg_catalog\.text COLLATE pg_catalog\."C"\)\)/,
    );
    assert.match(query, /FROM ONLY "public"\."t"$/);
  });

  it("never takes a type that is no base type of PostgreSQL for stable", () => {
    fc.assert(
      fc.property(fc.constantFrom("money", "xml", "point", "regclass", "tsvector", "bit", null), (base) => {
        assert.match(
          tableQuery({ schema: "s", name: "t", columns: [column("c", base)] }),
          /"c"::pg_catalog\.text/,
        );
      }),
    );
  });

  it("quotes every name", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (schema, name) => {
        const query = tableQuery({ schema, name, columns: [column(name, "int4")] });
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        assert.ok(query.endsWith(`FROM ONLY ${quoted(schema)}.${quoted(name)}`));
        assert.ok(query.includes(`ROW(${quoted(name)})`));
      }),
    );
  });

  it("counts a table that has no columns", () => {
    assert.doesNotMatch(tableQuery({ schema: "s", name: "t", columns: [] }), /hash_record/);
  });
});

describe("a checksum", () => {
  it("is 16 hex digits of the sum modulo 2^64", () => {
    assert.equal(checksum("0"), "0000000000000000");
    assert.equal(checksum("-1"), "ffffffffffffffff");
    assert.equal(checksum((2n ** 64n + 10n).toString()), "000000000000000a");
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), (hashes) => {
        const sum = hashes.reduce((total, hash) => total + hash, 0n);
        assert.match(checksum(sum.toString()), /^[0-9a-f]{16}$/);
        assert.equal(BigInt(`0x${checksum(sum.toString())}`), BigInt.asUintN(64, sum));
      }),
    );
  });
});
