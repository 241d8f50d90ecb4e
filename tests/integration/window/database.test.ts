import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type ArchivePlace, applyRule } from "../../../ops/window/archive";
import { bloatedIndexes, reindex, vacuum, withDatabase } from "../../../ops/window/database";
import { activeUsers, type Users } from "../../../ops/window/users";
import { TempFolders } from "../../support/temp";
import { startServer, type TestServer } from "../plugins/postgresServer";

const LIMITS = { bloat: 0.5, bytes: 64 * 1024 };
const WINDOW = new Date("2026-12-06T07:00:00Z");
const NOT_STOPPED = new AbortController().signal;

describe("a maintenance window's work on a database", function () {
  this.timeout(300_000);
  const folders = new TempFolders();
  let server: TestServer;
  let url: string;

  before(async () => {
    server = await startServer("window-database-test");
    // As components/database declares them.
    await server.sql(`CREATE ROLE app LOGIN PASSWORD 'app'; GRANT CREATE, USAGE ON SCHEMA public TO app`);
    await server.sql(
      `CREATE ROLE maintenance LOGIN PASSWORD 'maintenance' IN ROLE pg_maintain, pg_read_all_data`,
    );
    await server.sql(`SET ROLE app;
      CREATE TABLE activity_log (id bigserial PRIMARY KEY, created_at timestamptz NOT NULL, at_local timestamp, action text);
      CREATE INDEX activity_log_action ON activity_log (action);
      INSERT INTO activity_log (created_at, at_local, action)
        SELECT '2026-12-06T07:00:00Z'::timestamptz - make_interval(days => n % 400), now(), 'action number ' || n
          FROM generate_series(1, 40000) n;
      CREATE TABLE "Order" (id int PRIMARY KEY);
      CREATE TABLE members (id int PRIMARY KEY, log bigint REFERENCES activity_log (id), created_at timestamptz);`);
    await server.sql("GRANT DELETE ON activity_log, members TO maintenance");
    const file = join(folders.create(), "url");
    writeFileSync(file, `postgresql://maintenance:maintenance@127.0.0.1:${server.port}/postgres\n`);
    url = file;
  });
  after(async () => {
    await server?.remove();
    folders.remove();
  });

  describe("has users to tell of a window (M38)", () => {
    const asked = (): Promise<Users> => activeUsers(reader);
    let reader: string;
    before(async () => {
      await server.sql(`CREATE ROLE reader LOGIN PASSWORD 'reader' IN ROLE pg_read_all_data`);
      reader = join(folders.create(), "url");
      writeFileSync(reader, `postgresql://reader:reader@127.0.0.1:${server.port}/postgres\n`);
    });
    afterEach(() => server.sql("DROP TABLE IF EXISTS users"));

    it("of a table that knows nothing but addresses", async () => {
      await server.sql(
        `CREATE TABLE users (email text); INSERT INTO users VALUES (' Ben@example.com'), ('ada@example.com'), ('nobody'), (NULL)`,
      );
      assert.deepEqual(await asked(), { addresses: ["ada@example.com", "ben@example.com"], unusable: 2 });
    });

    for (const [columns, inactive] of [
      ["is_active boolean", "false"],
      ["active smallint", "0"],
      ["deleted_at timestamptz", "now()"],
    ] as const) {
      it(`without those that are not active by ${columns}`, async () => {
        await server.sql(`CREATE TABLE users (email text, ${columns});
          INSERT INTO users VALUES ('ada@example.com', ${inactive}); INSERT INTO users VALUES ('ben@example.com', NULL)`);
        assert.deepEqual(await asked(), { addresses: ["ben@example.com"], unusable: 0 });
      });
    }

    it("or fails in one line that says what is missing", async () => {
      await assert.rejects(
        asked(),
        /^Error: users cannot be told by mail, a table "users" .* relation "users" does not exist;/,
      );
      await server.sql("CREATE TABLE users (name text)");
      await assert.rejects(asked(), /is needed: column "?(u\.)?email"? does not exist; without one set/);
    });
  });

  const asMaintenance = <T>(work: Parameters<typeof withDatabase<T>>[2], signal = NOT_STOPPED) =>
    withDatabase(url, signal, work);

  const log = (): void => undefined;

  it("vacuums and analyzes every table, without being its owner", async () => {
    await server.sql("DELETE FROM activity_log WHERE id % 10 = 0");
    await server.sql("SELECT pg_stat_force_next_flush()");
    const lines: string[] = [];
    const said = await asMaintenance((client) => vacuum(client, NOT_STOPPED, (line) => lines.push(line)));
    assert.match(said, /^3 tables, \d+ dead rows before$/);
    assert.ok(
      lines.some((line) => line.startsWith("Order: ")),
      lines.join(),
    );
    const [table] = await server.sql<{ vacuums: string; analyzes: string; dead: string }>(
      `SELECT vacuum_count AS vacuums, analyze_count AS analyzes, n_dead_tup AS dead FROM pg_stat_user_tables WHERE relname = 'activity_log'`,
    );
    assert.deepEqual(table, { vacuums: "1", analyzes: "1", dead: "0" });
  });

  it("leaves indexes alone that are full, and builds anew those that are mostly empty, while the table is used", async () => {
    assert.deepEqual(await asMaintenance((client) => bloatedIndexes(client, LIMITS)), []);
    assert.equal(
      await asMaintenance((client) => reindex(client, NOT_STOPPED, log, LIMITS)),
      "no index is bloated",
    );
    await server.sql("DELETE FROM activity_log WHERE id % 8 <> 0");
    await asMaintenance((client) => vacuum(client, NOT_STOPPED, log));
    const size = async (): Promise<number> => {
      const [row] = await server.sql<{ size: string }>(
        "SELECT pg_relation_size('activity_log_action') AS size",
      );
      return Number(row?.size);
    };
    const before = await size();
    const bloated = await asMaintenance((client) => bloatedIndexes(client, LIMITS));
    assert.deepEqual(bloated.map(({ name }) => name).sort(), ["activity_log_action", "activity_log_pkey"]);
    assert.match(
      await asMaintenance((client) => reindex(client, NOT_STOPPED, log, LIMITS)),
      /^2 indexes built anew: /,
    );
    assert.ok((await size()) < before / 2, `${await size()} of ${before} bytes`);
    await asMaintenance((client) => vacuum(client, NOT_STOPPED, log));
    assert.deepEqual(await asMaintenance((client) => bloatedIndexes(client, LIMITS)), []);
  });

  it("ends on the server when its container stops, and not only here", async () => {
    const stop = new AbortController();
    const sleeping = asMaintenance(
      (client) => client.query("SELECT pg_sleep(600)").then(() => undefined),
      stop.signal,
    );
    const busy = async (): Promise<number> =>
      (await server.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")).length;
    for (const end = Date.now() + 10_000; (await busy()) === 0 && Date.now() < end; );
    stop.abort(new Error("was stopped with its container"));
    await assert.rejects(sleeping, /was stopped with its container/);
    for (const end = Date.now() + 10_000; (await busy()) > 0 && Date.now() < end; );
    assert.equal(await busy(), 0);
  });

  /** S3, as a folder. */
  function place(send?: () => Promise<void>): ArchivePlace & { bucket: string; sent: string[] } {
    const bucket = folders.create();
    const sent: string[] = [];
    return {
      bucket,
      sent,
      scratch: join(bucket, "scratch"),
      pack: async (lines: Readable, file: string) => writeFile(file, await text(lines)),
      send: async (key, file) => {
        await send?.();
        sent.push(key);
        await writeFile(join(bucket, key.replaceAll("/", "_")), await readFile(file));
      },
    };
  }

  const rule = { table: "activity_log", column: "created_at", olderThanDays: 365, archive: true };
  const apply = (change: Partial<typeof rule>, where: ArchivePlace) =>
    asMaintenance((client) => applyRule(client, { ...rule, ...change }, WINDOW, where));
  const rows = async (condition: string): Promise<number> =>
    (await server.sql(`SELECT 1 FROM activity_log WHERE ${condition}`)).length;
  const OLD = "created_at < '2026-12-06T07:00:00Z'::timestamptz - interval '365 days'";

  it("removes nothing where the archive does not arrive", async () => {
    const before = await rows("true");
    const broken = place(async () => {
      throw new Error("S3 does not answer");
    });
    await assert.rejects(
      apply({}, broken),
      /^Error: archive rule of table activity_log: S3 does not answer; nothing is removed$/,
    );
    assert.equal(await rows("true"), before);
    assert.deepEqual(await readdir(broken.scratch), [], "what was packed is gone");
  });

  it("removes nothing where a row is changed between its archive and its removal", async () => {
    const before = await rows("true");
    const changed = place(async () => {
      await server.sql(`UPDATE activity_log SET action = 'changed' WHERE ${OLD}`);
    });
    await assert.rejects(apply({}, changed), /could not serialize access.*; nothing is removed$/);
    assert.equal(await rows("true"), before);
  });

  it("removes nothing where other rows still speak of the old ones", async () => {
    await server.sql(`INSERT INTO members SELECT 1, id, now() FROM activity_log WHERE ${OLD} LIMIT 1`);
    const before = await rows("true");
    await assert.rejects(apply({}, place()), /violates foreign key constraint.*; nothing is removed$/);
    assert.equal(await rows("true"), before);
    await server.sql("DELETE FROM members");
  });

  it("sends old rows to S3, each as it was, then removes these and no other", async () => {
    const where = place();
    const [old, kept] = [await rows(OLD), await rows(`NOT ${OLD}`)];
    assert.ok(old > 10 && kept > 10);
    const said = await apply({}, where);
    assert.match(
      said,
      new RegExp(`^activity_log: ${old} rows before 2025-12-06 archived and removed, \\d+ KiB in S3$`),
    );
    assert.deepEqual([await rows(OLD), await rows(`NOT ${OLD}`)], [0, kept]);
    assert.match(where.sent.join(), /^activity_log\/2025-12-06-\d+\.jsonl\.zst\.age$/);
    const stored = await readFile(join(where.bucket, where.sent[0]?.replaceAll("/", "_") ?? ""), "utf8");
    const lines = stored
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: number; action: string });
    assert.equal(new Set(lines.map(({ id }) => id)).size, old);
    assert.ok(lines.every(({ action }) => action.length > 0));
  });

  it("finds nothing the second time, and sends nothing then", async () => {
    const where = place();
    assert.equal(await apply({}, where), "activity_log: 0 rows before 2025-12-06 archived and removed");
    assert.deepEqual(where.sent, []);
  });

  it("only removes where a rule says so", async () => {
    const where = place();
    assert.match(
      await apply({ archive: false, olderThanDays: 300 }, where),
      /^activity_log: [1-9]\d* rows before 2026-02-09 removed$/,
    );
    assert.deepEqual(where.sent, []);
  });

  const WRONG: [what: string, change: Partial<typeof rule>, says: RegExp][] = [
    [
      "names no table",
      { table: "activity_logs" },
      /^Error: archive rule of table activity_logs: there is no such table in schema public: correct fitnesscrm:maintenance\.archive$/,
    ],
    [
      "names no column",
      { column: "made_at" },
      /it has no column made_at: it has id, created_at, at_local, action$/,
    ],
    ["names a column that is no time", { column: "action" }, /column action is a text, not a time$/],
    [
      "names a table that may not be cleaned",
      { table: "Order", column: "id" },
      /column id is a integer, not a time$/,
    ],
  ];
  for (const [what, change, says] of WRONG) {
    it(`is refused by a rule that ${what}, and says so`, async () => {
      await assert.rejects(apply(change, place()), says);
    });
  }
});
