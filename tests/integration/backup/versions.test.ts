import assert from "node:assert/strict";
import type { BackupResult } from "../../../ops/backup/backup";
import { parseManifest } from "../../../ops/backup/manifest";
import type { Loaded } from "../../../ops/restore/load";
import type { TaskRecord } from "../../../ops/tasks/records";
import { exec } from "../images/sandbox";
import { type OtherStage, otherServers, startOther } from "./otherServers";
import { RestoreStage } from "./restoreStage";
import { DATABASE, reason } from "./stage";

const TARGET = `${DATABASE}_restore_20260102030405`;

/** A sum of each table's rows as text, under settings that are the same on both servers. */
const EVERY_ROW = `
SET timezone = 'UTC'; SET intervalstyle = 'postgres'; SET datestyle = 'ISO, YMD';
SELECT string_agg(format('SELECT %L || count(*) || %L || coalesce(md5(string_agg(t::text, %L ORDER BY t::text COLLATE "C")), %L) FROM %s t',
  relname || ' ', ' ', ',', 'none', oid::regclass), ' UNION ALL ')
FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' \\gexec`;

describe("servers of other major versions (M14, M44, M47)", function () {
  this.timeout(300_000);
  const world = new RestoreStage();
  const { stage } = world;
  let servers: Awaited<ReturnType<typeof otherServers>>;
  before(async () => {
    servers = await otherServers();
    await world.open();
  });
  after(async () => {
    await world.close();
    await servers.remove();
  });

  describe("an older one", () => {
    let older: OtherStage;
    let made: BackupResult;
    before(async () => {
      older = await startOther(stage, servers.folder, "older");
      made = await stage.ask<BackupResult>(older.ops, "run", "30000", "of-the-old-server");
      await world.settle(older.prefix);
    });

    it("is saved, and the manifest says what it was", async () => {
      const text = await exec(older.ops, "cat", `/backups/${made.details.id}/manifest.json`);
      const manifest = parseManifest(text);
      assert.match(manifest.serverVersion, /^15\./);
      assert.equal(Math.floor(manifest.serverVersionNum / 10_000), 15);
      assert.match(await stage.script("SHOW server_version"), /^17\./);
      assert.ok(made.details.rows > 200_000);
    });

    it("comes back on ours with every row, sequence and large object", async () => {
      const { code, stdout, stderr } = await world.load("s3", TARGET);
      assert.equal(code, 0, stderr);
      const loaded = JSON.parse(String(stdout)) as Loaded;
      assert.deepEqual([loaded.id, loaded.rows], [made.details.id, made.details.rows]);
      const there = (await stage.script(EVERY_ROW, TARGET)).split("\n").sort();
      const before = (await stage.script(EVERY_ROW, DATABASE, older.database)).split("\n").sort();
      assert.equal(before.length, made.details.tables);
      assert.deepEqual(there, before);
      assert.equal(await stage.script("SELECT nextval('invoice')", TARGET), "5001");
      await world.drop(TARGET);
    });

    it("passes a drill", async () => {
      const { code, stdout, stderr } = await world.say(["run", "restore-drill"]);
      assert.equal(code, 0, stderr);
      const record = JSON.parse(String(stdout)) as TaskRecord;
      assert.equal(record.result, "ok");
      assert.equal((record.details as { id?: string } | null)?.id, made.details.id);
    });
  });

  describe("a newer one", () => {
    it("is not saved by programs that are older than it, which is said in one line, and nothing is left", async () => {
      const newer = await startOther(stage, servers.folder, "newer");
      const result = await stage.command(newer.ops, "run");
      assert.equal(result.code, 1);
      assert.match(
        reason(result),
        /^the server is PostgreSQL 18\.\d+\S*, and pg_dump 17\.\d+ saves none of a newer version: run an ops image of the server's own version$/,
      );
      assert.deepEqual(await stage.files(newer.ops), [".backup.lock"]);
      await world.settle(newer.prefix);
      const { code, stderr } = await world.load("s3", TARGET);
      assert.equal(code, 1);
      assert.match(stderr, /ops: there is no backup in S3: make one/);
    });
  });
});
