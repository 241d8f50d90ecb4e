import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "pg";
import { applyRule } from "../../../../ops/window/archive";

const WINDOW = new Date("2026-12-06T07:00:00Z");

/** A server that has one table with one old row; a foreign key with an action of its own refers to it from each of `referring`. */
function server(referring: readonly string[]): { client: Client; said: string[] } {
  const said: string[] = [];
  const query = async (sql: string): Promise<{ rows: object[]; rowCount: number }> => {
    said.push(sql);
    if (sql.includes("pg_attribute")) {
      return { rows: [{ column: "created_at", type: "timestamp with time zone" }], rowCount: 1 };
    }
    if (sql.includes("pg_constraint")) {
      return { rows: referring.map((name) => ({ name })), rowCount: referring.length };
    }
    return { rows: sql.includes("count(*)") ? [{ count: "1" }] : [], rowCount: 1 };
  };
  return { client: { query } as unknown as Client, said };
}

describe("old rows of a table", () => {
  let scratch = "";
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), "fitnesscrm-archive-"));
  });
  afterEach(() => rm(scratch, { recursive: true }));

  const apply = (client: Client, archive: boolean) =>
    applyRule(client, { table: "clients", column: "created_at", olderThanDays: 90, archive }, WINDOW, {
      scratch,
      pack: async () => assert.fail("rows are packed"),
      send: async () => assert.fail("rows are sent"),
    });

  it("are not archived where a foreign key would take rows of other tables along, which are in no archive", async () => {
    const { client, said } = server(["measurements", "payments"]);
    await assert.rejects(
      apply(client, true),
      /^Error: archive rule of table clients: rows of measurements, payments would be removed or changed /,
    );
    assert.ok(!said.some((sql) => sql.startsWith("DELETE")));
  });

  it("are removed where nobody wants to keep them, whatever refers to them", async () => {
    const { client, said } = server(["tokens"]);
    assert.equal(await apply(client, false), "clients: 1 rows before 2026-09-07 removed");
    assert.ok(said.some((sql) => sql.startsWith("DELETE")));
  });
});
