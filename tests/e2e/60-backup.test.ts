import assert from "node:assert/strict";
import { S3 } from "@aws-sdk/client-s3";
import { MANUAL } from "../../manual";
import { taskDefinitions } from "../../tasks";
import { ADMIN_EMAIL, addClient, api, logIn } from "./support/app";
import { containersOf, docker, serviceName, sql } from "./support/docker";
import { mustOnStack, onStack, PORTS, STACK, URL_OF_STACK } from "./support/launcher";
import { ensureStack, loseHost } from "./support/stack";
import { waitFor } from "./support/wait";

interface Backup {
  id: string;
  createdAt: string;
  bytes: number;
  sha256: string;
  label: string | null;
  release: string;
  local: boolean;
  s3: boolean;
  verifiedAt: string | null;
}

const s3 = new S3({
  endpoint: `http://127.0.0.1:${PORTS.aws}`,
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

async function backups(): Promise<Backup[]> {
  return JSON.parse((await mustOnStack("backups", "--json")).stdout) as Backup[];
}

async function bucket(): Promise<string> {
  const { stdout } = await mustOnStack("pulumi", "stack", "output", "bucket");
  return stdout.trim();
}

const clients = (): Promise<string> => sql("select string_agg(name, ',' order by name) from clients");

/** Rows and checksum of every table of the application. */
async function everyRow(): Promise<string[]> {
  const tables = await sql("select tablename from pg_tables where schemaname = 'public' order by 1");
  const sums = tables
    .split("\n")
    .map(
      (table) =>
        `select '${table} ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, '' order by t::text)), '') from "${table}" t`,
    );
  return (await sql(sums.join(" union all "))).split("\n").sort();
}

async function addUpload(content: string): Promise<string> {
  const form = new FormData();
  form.append("file", new Blob([content], { type: "image/png" }), "logo.png");
  const response = await fetch(`${URL_OF_STACK}/api/uploads`, {
    method: "POST",
    body: form,
    headers: { cookie: await logIn() },
  });
  assert.equal(response.status, 201);
  return ((await response.json()) as { url: string }).url;
}

async function upload(url: string): Promise<string | undefined> {
  const response = await fetch(`${URL_OF_STACK}${url}`, { headers: { cookie: await logIn() } });
  const text = await response.text();
  return response.status === 200 ? text : undefined;
}

describe("backups (M6, M42 to M44)", function () {
  this.timeout(900_000);
  before(ensureStack);

  it("one can be made at any time, under a label, and stands in both places with its sum", async () => {
    await mustOnStack("backup", "--label", "by-hand");
    const [newest] = await backups();
    assert.ok(newest !== undefined);
    assert.equal(newest.label, "by-hand");
    assert.equal(newest.local && newest.s3, true);
    const [ops = ""] = await containersOf("ops");
    const sum = await docker("exec", ops, "sha256sum", `/backups/${newest.id}/database.tar.age`);
    assert.equal(sum.split(" ")[0], newest.sha256);
    const copy = await s3.getObject({
      Bucket: await bucket(),
      Key: `backups/${newest.id}/database.tar.age`,
    });
    const bytes = Buffer.from((await copy.Body?.transformToByteArray()) ?? []);
    assert.equal(bytes.subarray(0, 21).toString(), "age-encryption.org/v1");
  });

  it("the calendar tells what runs when, in the manual's zone", async () => {
    const { stdout } = await mustOnStack(
      "schedule",
      "--json",
      "--from",
      "2026-03-07T12:00:00Z",
      "--count",
      "3",
    );
    const plan = JSON.parse(stdout) as { task: string; zone: string; next: string[] }[];
    const daily = plan.find(({ task }) => task === "backup");
    assert.equal(daily?.zone, "America/New_York");
    // On the 8th 02:00 does not exist there.
    assert.deepEqual(
      daily?.next.map((iso) => new Date(iso).toISOString()),
      ["2026-03-08T07:00:00.000Z", "2026-03-09T06:00:00.000Z", "2026-03-10T06:00:00.000Z"],
    );
  });

  it("every run is on record", async () => {
    const tasks = JSON.parse((await mustOnStack("tasks", "--json")).stdout) as {
      name: string;
      last: { result: string; details: { id: string } } | null;
    }[];
    const declared = taskDefinitions().map(({ name }) => name);
    assert.deepEqual(tasks.map(({ name }) => name).sort(), declared.sort());
    assert.equal(tasks.find(({ name }) => name === "backup")?.last?.result, "ok");
  });
});

describe("restore (M7, M47)", function () {
  this.timeout(900_000);
  before(ensureStack);

  it("brings back rows and uploads exactly, tells what was lost, and can be undone", async () => {
    await addClient("Berta Before");
    const kept = await addUpload("kept");
    await mustOnStack("backup", "--label", "restore-me");
    const wanted = await clients();
    await addClient("Aaron After");
    const later = await addUpload("later");
    const lost = await clients();
    await sql("delete from clients where name = 'Berta Before'");
    const beforeRestore = await clients();

    const { stdout, stderr } = await mustOnStack("restore", "--latest", "--yes");
    assert.equal(await clients(), wanted);
    assert.match(stdout + stderr, /clients/);
    assert.equal(await upload(kept), "kept");
    assert.equal(await upload(later), undefined);
    assert.notEqual(wanted, lost);
    await mustOnStack("preview", "--refresh", "--expect-no-changes");

    await mustOnStack("restore", "--undo", "--yes");
    assert.equal(await clients(), beforeRestore);
    assert.equal(await upload(later), "later");
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("tries everything but the swap when it is asked to", async () => {
    const rows = await clients();
    const { stdout, stderr } = await mustOnStack("restore", "--latest", "--dry-run", "--yes");
    assert.match(stdout + stderr, /dry run|nothing was changed/i);
    assert.equal(await clients(), rows);
    assert.equal(
      await sql("select count(*) from pg_database where datname like 'fitnesscrm_restore_%'"),
      "0",
    );
  });

  it("asks nobody without a terminal: it is refused", async () => {
    const { code, stderr } = await onStack("restore", "--latest");
    assert.notEqual(code, 0);
    assert.match(stderr, /--yes/);
  });

  it("goes to a moment between two backups", async () => {
    await addClient("Pia Point");
    await sql("select pg_switch_wal()", "postgres");
    const moment = (
      await sql("select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    ).trim();
    await addClient("Nora Never");
    await sql("select pg_switch_wal()", "postgres");
    await waitFor(
      "the log to be in S3",
      async () =>
        (await sql(
          "select count(*) from pg_stat_archiver where last_archived_time > now() - interval '1 minute'",
        )) === "1",
      120,
    );
    await mustOnStack("restore", "--to-time", moment, "--yes");
    const names = await clients();
    assert.match(names, /Pia Point/);
    assert.doesNotMatch(names, /Nora Never/);
  });
});

describe("restore drill (M14)", function () {
  this.timeout(900_000);
  before(ensureStack);

  it("passes on a good copy, and is timed", async () => {
    await mustOnStack("backup", "--label", "drill");
    const { stdout } = await mustOnStack("drill", "restore", "--json");
    const run = JSON.parse(stdout) as { result: string; details: { rows: number; seconds: number } };
    assert.equal(run.result, "ok");
    assert.ok(run.details.seconds > 0 && run.details.rows > 0);
  });

  it("fails on a damaged one, with the reason, and that is on record", async () => {
    const [newest] = await backups();
    const Bucket = await bucket();
    const Key = `backups/${newest?.id}/database.tar.age`;
    const good = Buffer.from(
      (await (await s3.getObject({ Bucket, Key })).Body?.transformToByteArray()) ?? [],
    );
    const bad = Buffer.from(good);
    bad[Math.floor(bad.length / 2)] = (bad[Math.floor(bad.length / 2)] ?? 0) ^ 1;
    await s3.putObject({ Bucket, Key, Body: bad });
    try {
      const { code, stderr } = await onStack("drill", "restore");
      assert.equal(code, 1);
      assert.match(stderr, /in S3 is damaged: database\.tar\.age has the SHA-256/);
      const tasks = JSON.parse((await mustOnStack("tasks", "--json")).stdout) as {
        name: string;
        last: { result: string } | null;
      }[];
      assert.equal(tasks.find(({ name }) => name === "restore-drill")?.last?.result, "failed");
    } finally {
      await s3.putObject({ Bucket, Key, Body: good });
    }
  });
});

describe("the loss of the data volume (M45, M46)", function () {
  this.timeout(1_200_000);
  before(ensureStack);

  it("ends with every row and upload, from S3 alone", async () => {
    await addClient("Lena Lost");
    const file = await addUpload("precious");
    await mustOnStack("backup", "--label", "before-the-loss");
    const wanted = await clients();
    const names = ["postgres", "uploads", "backups"].map(serviceName);
    await mustOnStack("down");
    for (const name of names) {
      // The engine keeps a stopped task's container, and with it the volume, until it is told otherwise.
      const users = await docker("container", "ls", "--all", "--quiet", "--filter", `volume=${name}`);
      for (const id of users.split("\n").filter((one) => one !== "")) {
        await docker("container", "rm", "--force", id);
      }
      await docker("volume", "rm", name);
    }
    const { stderr } = await mustOnStack("up");
    assert.match(
      stderr,
      new RegExp(
        `volume fitnesscrm-${STACK}-postgres was gone and is made again, empty: \\./fitnesscrm restore`,
      ),
    );
    assert.equal(await sql("select count(*) from clients where name = 'Lena Lost'"), "0");

    await mustOnStack("restore", "--latest", "--from", "s3", "--yes");
    assert.equal(await clients(), wanted);
    assert.equal(await upload(file), "precious");
    assert.equal((await api("/api/health")).status, 200);
    assert.notEqual(await logIn(), "", `${ADMIN_EMAIL} can log in again`);
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
    await mustOnStack("restore", "--confirm", "--yes");
    assert.equal(
      await sql("select count(*) from pg_database where datname like 'fitnesscrm_replaced_%'"),
      "0",
    );
  });
});

describe("the loss of the whole host (M45, M46)", function () {
  this.timeout(1_200_000);
  before(ensureStack);

  it("ends with every row and upload within the objective, from the bucket and the state alone", async () => {
    await addClient("Holly Host");
    const file = await addUpload("irreplaceable");
    await mustOnStack("backup", "--label", "before-the-host-is-lost");
    const wanted = await everyRow();
    await loseHost();

    const lost = performance.now();
    const { stderr } = await mustOnStack("up");
    assert.match(stderr, /gone from the engine and made again: .*fitnesscrm-\S+-db/);
    for (const [volume, whatNow] of [
      ["postgres", "./fitnesscrm restore brings its data back"],
      ["uploads", "./fitnesscrm restore brings its data back"],
      ["backups", "the copies in S3 are not touched by it"],
    ] as const) {
      const line = `volume ${serviceName(volume)} was gone and is made again, empty: ${whatNow}`;
      assert.ok(stderr.includes(line), `${line} is not in ${stderr}`);
    }
    assert.equal(await sql("select count(*) from clients where name = 'Holly Host'"), "0");
    await mustOnStack("restore", "--latest", "--from", "s3", "--yes");
    const seconds = (performance.now() - lost) / 1000;

    assert.deepEqual(await everyRow(), wanted);
    assert.equal(await upload(file), "irreplaceable");
    assert.equal((await api("/api/health")).status, 200);
    const objective = MANUAL.backup.recoveryTimeObjectiveHours * 3600;
    console.log(`      recovered after ${seconds.toFixed(0)} s; the objective is ${objective} s`);
    assert.ok(seconds < objective);
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
    // What is saved of the new host is complete, and no longer depends on the old one's.
    await mustOnStack("restore", "--confirm", "--yes");
    await mustOnStack("backup", "--label", "of-the-new-host");
    const [newest] = await backups();
    assert.equal(newest?.label, "of-the-new-host");
    assert.notEqual(newest.verifiedAt, null);
  });
});
