import assert from "node:assert/strict";
import fc from "fast-check";
import { formatConnections, summarizeConnections } from "../../../../cli/database/connections";
import { formatLogins } from "../../../../cli/database/logins";
import { formatSizes } from "../../../../cli/database/sizes";
import { shorten } from "../../../../statementText";

const session = (state: string, stateSeconds: number, pid = 1) => ({
  pid,
  role: "fitnesscrm_app",
  application: "gunicorn",
  state,
  stateSeconds,
  transactionSeconds: stateSeconds + 1,
});

describe("connections of the database (M27, M34)", () => {
  it("are counted by role and state, and leaks are named with what ends them", () => {
    const summary = summarizeConnections(
      [
        session("idle", 10),
        session("idle", 500, 2),
        session("idle in transaction", 59, 3),
        session("idle in transaction (aborted)", 61, 4),
      ],
      80,
    );
    assert.equal(summary.total, 4);
    assert.deepEqual(
      summary.groups.map(({ state, count, oldestSeconds, leaks }) => [state, count, oldestSeconds, leaks]),
      [
        ["idle", 2, 500, 0],
        ["idle in transaction", 1, 59, 0],
        ["idle in transaction (aborted)", 1, 61, 1],
      ],
    );
    assert.deepEqual(
      summary.leaks.map(({ pid }) => pid),
      [4],
    );
    assert.match(formatConnections(summary), /LEAK: 1 for 1 min or longer[\s\S]*pg_terminate_backend/);
  });
});

describe("failed logins of the last day (M48, M49)", () => {
  const now = new Date("2026-11-26T12:00:00Z");
  const row = {
    account: "ada@example.com",
    address: "192.0.2.1",
    failures: 12,
    first: "2026-11-26T11:00:00Z",
    last: "2026-11-26T11:59:30Z",
  };

  it("are shown by account and address", () => {
    assert.equal(
      formatLogins([row, { ...row, account: null, address: null, failures: 3 }], now),
      [
        "ACCOUNT          ADDRESS    FAILURES  FIRST    LAST",
        "ada@example.com  192.0.2.1        12  1 h ago  30 s ago",
        "not known        not known         3  1 h ago  30 s ago",
      ].join("\n"),
    );
    assert.match(formatLogins([], now), /^Nobody/);
  });

  it("steer no terminal, whatever a stranger typed as an account", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (account) => {
        const lines = formatLogins([{ ...row, account }], now).split("\n");
        assert.equal(lines.length, 2);
        assert.match(lines[1] ?? "", /^[\x20-\x7e]*$/);
      }),
    );
  });
});

describe("statements of the database (M31)", () => {
  const table: [string, string][] = [
    ["SELECT * FROM clients WHERE id = $1", "SELECT * FROM clients WHERE id = $1"],
    ["ALTER ROLE a PASSWORD 'it''s secret'", "ALTER ROLE a PASSWORD '…'"],
    ["SELECT E'a\\'secret', 1", "SELECT '…', …"],
    ["DO $body$ secret $body$", "DO '…'"],
    ["SELECT 'cut off sec", "SELECT '…'"],
    ["SELECT 1 -- secret\n+ 2.5 /* secret */", "SELECT … + …"],
    ["SELECT t1.c2 FROM t1", "SELECT t1.c2 FROM t1"],
  ];
  for (const [query, shown] of table) {
    it(`are shown without values: ${JSON.stringify(query)}`, () => assert.equal(shorten(query), shown));
  }

  it("never show what stands in quotes, and never much", () => {
    fc.assert(
      fc.property(fc.string(), fc.stringMatching(/^[a-z]{6}$/), (rest, secret) => {
        const shown = shorten(`ALTER ROLE x PASSWORD '${secret}${rest.replaceAll("'", "''")}'`);
        assert.ok(!shown.includes(secret) && shown.length <= 120);
      }),
    );
  });
});

describe("sizes of tables (M33)", () => {
  it("are shown with the last vacuum", () => {
    const one = { table: "public.clients", bytes: 2048, indexBytes: 1024, rows: 10, deadRows: 1 };
    const text = formatSizes(
      [
        { ...one, lastVacuum: "2026-11-26T10:00:00Z" },
        { ...one, table: "public.new", lastVacuum: null },
      ],
      new Date("2026-11-26T12:00:00Z"),
    );
    assert.match(text, /public\.clients +2\.0 KiB +1\.0 KiB +10 +1 +2 h ago/);
    assert.match(text, /public\.new .* never/);
  });
});
