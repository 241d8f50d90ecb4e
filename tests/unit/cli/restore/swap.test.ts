import assert from "node:assert/strict";
import fc from "fast-check";
import {
  allowSql,
  commentSql,
  type DatabaseFacts,
  dropSql,
  identifier,
  keepSql,
  literal,
  type Swap,
  swapSql,
} from "../../../../cli/restore/swap";

function facts(change: Partial<DatabaseFacts> = {}): DatabaseFacts {
  return {
    name: "crm",
    owner: "postgres",
    allowConnections: true,
    connectionLimit: -1,
    comment: null,
    bytes: 1,
    privileges: null,
    settings: [],
    ...change,
  };
}

function swap(live: Partial<DatabaseFacts> = {}, target: Partial<DatabaseFacts> = {}): string[] {
  return lines({
    live: facts(live),
    target: facts({ name: "crm_restore_1", owner: "crm_app", ...target }),
    replaced: "crm_replaced_1",
    mark: "wanted",
    note: "kept",
  });
}

function lines(value: Swap): string[] {
  return swapSql(value).split(";\n").slice(0, -1);
}

describe("SQL of the swap", () => {
  it("refuses and ends connections first, then renames both in one transaction", () => {
    assert.deepEqual(swap({ connectionLimit: 90, comment: "it's ours" }), [
      "SET statement_timeout = '30s'",
      "DO 'BEGIN IF (SELECT shobj_description(oid, ''pg_database'') FROM pg_database WHERE datname = ''crm_restore_1'') " +
        "IS DISTINCT FROM ''wanted'' THEN RAISE EXCEPTION ''the swap was called off''; END IF; END'",
      'ALTER DATABASE "crm_restore_1" ALLOW_CONNECTIONS false',
      'ALTER DATABASE "crm" ALLOW_CONNECTIONS false',
      "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity " +
        "WHERE datname IN ('crm_restore_1', 'crm') AND pid <> pg_backend_pid()",
      "BEGIN",
      'ALTER DATABASE "crm" RENAME TO "crm_replaced_1"',
      'ALTER DATABASE "crm_restore_1" RENAME TO "crm"',
      'ALTER DATABASE "crm" OWNER TO "postgres"',
      'ALTER DATABASE "crm" CONNECTION LIMIT 90',
      "COMMENT ON DATABASE \"crm\" IS 'it''s ours'",
      'ALTER DATABASE "crm_replaced_1" ALLOW_CONNECTIONS true CONNECTION LIMIT 0',
      "COMMENT ON DATABASE \"crm_replaced_1\" IS 'kept'",
      'ALTER DATABASE "crm" ALLOW_CONNECTIONS true',
      "COMMIT",
    ]);
  });

  it("gives the new database exactly the live one's privileges", () => {
    const privileges = [
      { grantee: "postgres", privilege: "CREATE", grantable: false },
      { grantee: "postgres", privilege: "CONNECT", grantable: false },
      { grantee: "crm_app", privilege: "CONNECT", grantable: false },
      { grantee: "ops", privilege: "TEMPORARY", grantable: true },
      { grantee: "ops", privilege: "CONNECT", grantable: false },
    ];
    const about = swap(
      { privileges },
      { privileges: [{ grantee: "intruder", privilege: "CONNECT", grantable: false }] },
    ).filter((line) => /GRANT|REVOKE/.test(line));
    assert.deepEqual(about, [
      'REVOKE ALL ON DATABASE "crm" FROM PUBLIC, "postgres", "intruder" CASCADE',
      'GRANT CREATE, CONNECT ON DATABASE "crm" TO "postgres"',
      'GRANT CONNECT ON DATABASE "crm" TO "crm_app"',
      'GRANT TEMPORARY ON DATABASE "crm" TO "ops" WITH GRANT OPTION',
      'GRANT CONNECT ON DATABASE "crm" TO "ops"',
    ]);
  });

  it("takes everything away where the live one gives nothing, and gives the default where it has the default", () => {
    const revoked = swap({ privileges: [] }).filter((line) => /GRANT|REVOKE/.test(line));
    assert.deepEqual(revoked, ['REVOKE ALL ON DATABASE "crm" FROM PUBLIC, "postgres" CASCADE']);
    const restored = swap({ privileges: null }, { privileges: [] }).filter((line) =>
      /GRANT|REVOKE/.test(line),
    );
    assert.deepEqual(restored, [
      'REVOKE ALL ON DATABASE "crm" FROM PUBLIC, "postgres" CASCADE',
      'GRANT CONNECT, TEMPORARY ON DATABASE "crm" TO PUBLIC',
      'GRANT CONNECT, CREATE, TEMPORARY ON DATABASE "crm" TO "postgres"',
    ]);
    assert.deepEqual(
      swap().filter((line) => /GRANT|REVOKE/.test(line)),
      [],
    );
  });

  it("sets what was set for the database and for roles in it, lists as lists", () => {
    const about = swap(
      {
        settings: [
          {
            role: null,
            entries: ["work_mem=64MB", 'search_path="$user", public, "a ""b"', "app.note=a=b'c\\d"],
          },
          { role: "re porter", entries: ["statement_timeout=5s", "search_path="] },
        ],
      },
      { settings: [{ role: "old", entries: ["x=1"] }] },
    ).filter((line) => / SET | RESET /.test(line));
    assert.deepEqual(about, [
      'ALTER ROLE "old" IN DATABASE "crm" RESET ALL',
      'ALTER DATABASE "crm" SET "work_mem" TO \'64MB\'',
      "ALTER DATABASE \"crm\" SET \"search_path\" TO '$user', 'public', 'a \"b'",
      "ALTER DATABASE \"crm\" SET \"app.note\" TO E'a=b''c\\\\d'",
      'ALTER ROLE "re porter" IN DATABASE "crm" SET "statement_timeout" TO \'5s\'',
      'ALTER ROLE "re porter" IN DATABASE "crm" SET "search_path" TO \'\'',
    ]);
  });

  it("is built from one statement each for what surrounds a swap", () => {
    assert.equal(allowSql('a"b'), 'ALTER DATABASE "a""b" ALLOW_CONNECTIONS true;\n');
    assert.equal(dropSql("x"), 'DROP DATABASE IF EXISTS "x" WITH (FORCE);\n');
    assert.equal(commentSql("x", null), 'COMMENT ON DATABASE "x" IS NULL;\n');
    assert.equal(
      keepSql("x", "why"),
      'BEGIN;\nALTER DATABASE "x" ALLOW_CONNECTIONS true CONNECTION LIMIT 0;\n' +
        "COMMENT ON DATABASE \"x\" IS 'why';\nCOMMIT;\n",
    );
  });

  it("refuses what is no name, no text, no setting and no privilege of a database", () => {
    const message = (name: string): string =>
      `${JSON.stringify(name)} cannot be a PostgreSQL name: 1 to 63 bytes without NUL are allowed`;
    for (const name of ["", "a\0b", "x".repeat(64), "ä".repeat(32)]) {
      assert.throws(() => identifier(name), { message: message(name) });
    }
    assert.throws(() => literal("\0"), { message: "a PostgreSQL text cannot hold a NUL character" });
    assert.throws(() => swap({ settings: [{ role: null, entries: ["=1"] }] }), {
      message: 'the setting "=1" is not of the form name=value',
    });
    assert.throws(() => swap({ privileges: [{ grantee: null, privilege: "SELECT", grantable: false }] }), {
      message: 'the privilege "SELECT" on a database is not known',
    });
  });

  it("keeps every name and every text in its quotes, whatever it holds", () => {
    const strange = fc
      .string({ unit: "binary", minLength: 1, maxLength: 12 })
      .filter((text) => !text.includes("\0") && Buffer.byteLength(text) <= 63 && text.isWellFormed());
    const nasty = fc.oneof(
      strange,
      fc.constantFrom(
        '"; DROP DATABASE crm; --',
        "'; --",
        "\\",
        "\\'",
        "$$",
        '""',
        "''",
        "a\n;\nb",
        ":x",
        "\\!ls",
      ),
    );
    fc.assert(
      fc.property(nasty, nasty, nasty, nasty, (live, role, value, comment) => {
        const sql = swapSql({
          live: facts({
            name: live,
            owner: role,
            comment,
            privileges: [{ grantee: role, privilege: "CONNECT", grantable: false }],
            settings: [{ role, entries: [`app.x=${value}`] }],
          }),
          target: facts({ name: `t${live}`.slice(0, 10).toWellFormed() }),
          replaced: `r${live}`.slice(0, 10).toWellFormed(),
          mark: comment,
          note: value,
        });
        const tokens = lex(sql);
        const quoted = tokens.filter(({ kind }) => kind !== "plain").map(({ text }) => text);
        for (const wanted of [live, role, value, comment]) {
          assert.ok(quoted.includes(wanted), JSON.stringify(wanted));
        }
        // Outside of quotes there are only our own words.
        for (const { kind, text } of tokens) {
          assert.ok(kind !== "plain" || /^[A-Za-z0-9_\s();,=<>.-]*$/.test(text), JSON.stringify(text));
        }
      }),
      { numRuns: 400 },
    );
  });
});

interface Token {
  kind: "plain" | "name" | "text";
  text: string;
}

/** What PostgreSQL's own scanner makes of it, as far as quotes go. */
function lex(sql: string): Token[] {
  const tokens: Token[] = [];
  let plain = "";
  let at = 0;
  const end = (): void => {
    tokens.push({ kind: "plain", text: plain });
    plain = "";
  };
  while (at < sql.length) {
    const escapes = sql[at] === "E" && sql[at + 1] === "'" && !/\w/.test(sql[at - 1] ?? " ");
    const quote = escapes ? "'" : sql[at];
    if (quote !== "'" && quote !== '"') {
      plain += sql[at++];
      continue;
    }
    end();
    at += escapes ? 2 : 1;
    let text = "";
    for (;;) {
      assert.ok(at < sql.length, "a quote is not closed");
      if (sql[at] === quote && sql[at + 1] === quote) {
        text += quote;
        at += 2;
      } else if (sql[at] === quote) {
        at++;
        break;
      } else if (escapes && sql[at] === "\\") {
        assert.equal(sql[at + 1], "\\");
        text += "\\";
        at += 2;
      } else {
        // With standard_conforming_strings off a lone backslash would be an escape.
        assert.ok(quote === '"' || sql[at] !== "\\", "a backslash outside of an E string");
        text += sql[at++];
      }
    }
    tokens.push({ kind: quote === '"' ? "name" : "text", text });
  }
  end();
  return tokens;
}
