import assert from "node:assert/strict";
import fc from "fast-check";
import { grantStatement, revokeStatement, type Target } from "../../../plugins/postgresql/grantSql";
import { ident, literal, parseMilliseconds, parseNameList, routine } from "../../../plugins/postgresql/sql";

const name = fc.string({ minLength: 1, unit: "binary" }).filter((text) => !text.includes("\0"));
const nasty = fc.oneof(
  name,
  fc.constantFrom(
    'a"b',
    "a'b",
    '"; DROP ROLE postgres; --',
    "\\",
    "\\'",
    '""',
    "a b",
    "ü",
    "SELECT",
    "$user",
    "a, b",
  ),
);

/** Reads a quoted name back as PostgreSQL's lexer does: the text between the quotes, doubled quotes undone. */
function readIdent(sql: string): string {
  const match = /^"((?:[^"]|"")+)"$/s.exec(sql);
  assert.ok(match, `${sql} is not one quoted name`);
  return (match[1] ?? "").replaceAll('""', '"');
}

/** Reads a string constant back, plain or with the escapes of an E'' constant. */
function readLiteral(sql: string): string {
  const match = /^(E?)'((?:[^'\\]|''|\\\\)*)'$/s.exec(sql);
  assert.ok(match, `${sql} is not one string constant`);
  const body = (match[2] ?? "").replaceAll("''", "'");
  assert.ok(
    match[1] === "E" || !body.includes("\\"),
    "a backslash outside of an E'' constant depends on a setting",
  );
  return match[1] === "E" ? body.replaceAll("\\\\", "\\") : body;
}

describe("quoting for PostgreSQL", () => {
  it("keeps any name in one piece", () => {
    fc.assert(fc.property(nasty, (text) => assert.equal(readIdent(ident(text)), text)));
  });

  it("keeps any text in one piece, whatever the server makes of backslashes", () => {
    fc.assert(
      fc.property(fc.oneof(nasty, fc.constant("")), (text) => assert.equal(readLiteral(literal(text)), text)),
    );
  });

  it("refuses what PostgreSQL cannot store", () => {
    assert.throws(() => ident(""), /must not be empty/);
    assert.throws(() => ident("a\0b"), /NUL/);
    assert.throws(() => literal("a\0b"), /NUL/);
  });

  it("quotes a function's name and leaves its argument types", () => {
    assert.equal(routine("f"), '"f"');
    assert.equal(routine("f(text, integer[])"), '"f"(text, integer[])');
    assert.equal(routine('a"b(text)'), '"a""b"(text)');
  });

  it("lets nothing but types stand behind a function's name", () => {
    for (const text of ["f(text); DROP TABLE x", "f(text) TO public --", "f(a'b)", "f(text", "f((text))"]) {
      assert.throws(() => routine(text), /is no function/, text);
    }
  });

  it("reads a search path back into the names it was made of", () => {
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 1 }), (paths) => {
        assert.deepEqual(parseNameList(paths.map(ident).join(", ")), paths);
      }),
    );
    assert.deepEqual(parseNameList('"$user", public'), ["$user", "public"]);
    assert.deepEqual(parseNameList("app,public"), ["app", "public"]);
  });

  it("reads durations in any unit that the server stores", () => {
    const stored = ["5000", "5s", "2min", "1h", "1d", "100ms", "1500us"];
    assert.deepEqual(stored.map(parseMilliseconds), [5000, 5000, 120_000, 3_600_000, 86_400_000, 100, 2]);
    assert.throws(() => parseMilliseconds("soon"), /no duration/);
  });
});

describe("grants in SQL", () => {
  const target = (more: Partial<Target>): Target => ({
    database: "crm",
    schema: "public",
    role: "reader",
    objectType: "table",
    objects: [],
    columns: [],
    ...more,
  });

  it("is about all objects of a schema when none is named", () => {
    assert.equal(
      grantStatement(target({}), ["SELECT", "INSERT"], false),
      'GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA "public" TO "reader"',
    );
    assert.equal(
      revokeStatement(target({}), ["SELECT"]),
      'REVOKE ALL PRIVILEGES ON ALL TABLES IN SCHEMA "public" FROM "reader"',
    );
  });

  it("takes from named objects only what it gave, so that privileges on their columns stay", () => {
    const named = target({ objects: ["one", "two"] });
    assert.equal(
      grantStatement(named, ["SELECT"], true),
      'GRANT SELECT ON TABLE "public"."one", "public"."two" TO "reader" WITH GRANT OPTION',
    );
    assert.equal(
      revokeStatement(named, ["SELECT"]),
      'REVOKE SELECT ON TABLE "public"."one", "public"."two" FROM "reader"',
    );
  });

  it("names every kind of object as PostgreSQL does", () => {
    const on = (more: Partial<Target>) =>
      grantStatement(target(more), ["ALL"], false).replace(/^GRANT ALL( \([^)]*\))? ON (.*) TO .*$/, "$2");
    assert.equal(on({ objectType: "database" }), 'DATABASE "crm"');
    assert.equal(on({ objectType: "schema" }), 'SCHEMA "public"');
    assert.equal(on({ objectType: "sequence" }), 'ALL SEQUENCES IN SCHEMA "public"');
    assert.equal(on({ objectType: "procedure" }), 'ALL PROCEDURES IN SCHEMA "public"');
    assert.equal(on({ objectType: "function", objects: ["f(text)"] }), 'FUNCTION "public"."f"(text)');
    assert.equal(on({ objectType: "foreign_data_wrapper", objects: ["w"] }), 'FOREIGN DATA WRAPPER "w"');
    assert.equal(on({ objectType: "foreign_server", objects: ["s"] }), 'FOREIGN SERVER "s"');
    assert.equal(on({ objectType: "column", objects: ["one"], columns: ["a", "b"] }), 'TABLE "public"."one"');
  });

  it("grants on columns by naming them", () => {
    const column = target({ objectType: "column", objects: ["one"], columns: ["a", "b"] });
    assert.equal(
      grantStatement(column, ["UPDATE"], false),
      'GRANT UPDATE ("a", "b") ON TABLE "public"."one" TO "reader"',
    );
    assert.equal(revokeStatement(column, []), undefined);
  });
});
