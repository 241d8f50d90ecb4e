import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { S3 } from "@aws-sdk/client-s3";
import { archiveSettings, pgbackrestConf } from "../../../components/backup/archive";
import { bundleOps } from "../../../ops/build";
import type { LoadedPointInTime } from "../../../ops/restore/pointInTime";
import { docker, eventually, image, type Result, Sandbox, tryDocker } from "../images/sandbox";
import { emulatorImage, emulatorIsReady } from "../plugins/aws-emulator";

const PASSWORD = "p@ss:word\\1 of the test";
const BUCKET = "wal-test";
const DATA = "/var/lib/postgresql/data";
/** What a stack without load may lose at the most: the objective. */
const OBJECTIVE_SECONDS = 300;

describe("the database's log in S3", function () {
  this.timeout(600_000);

  const sandbox = new Sandbox();
  const emulator = `${sandbox.prefix}-aws`;
  let s3: S3;
  let work: string;
  let restore: string;
  let blind: string;
  let database: string;
  /** Between the rows `kept` and `later`. */
  let between: Date;
  /** When a commit that was confirmed last before the kill was confirmed, by the server's clock. */
  let killed: Date;

  before(async () => {
    await sandbox.open();
    work = await mkdtemp(join(tmpdir(), "wal-test-"));
    await docker([
      ...["run", "--detach", "--name", emulator, "--network", sandbox.prefix, "--network-alias", "aws"],
      ...["--publish", "127.0.0.1::4566", await emulatorImage()],
    ]);
    const endpoint = `http://${await docker(["port", emulator, "4566/tcp"])}`.split("\n")[0] ?? "";
    await emulatorIsReady(endpoint);
    s3 = new S3({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "wal", secretAccessKey: "wal" },
    });
    await s3.createBucket({ Bucket: BUCKET });
    const program = join(work, "main.js");
    await bundleOps(program, join(__dirname, "recoveryProgram.ts"));
    const ops = await image("images/ops", { files: { "main.js": program } });
    restore = await startRestore(ops, "restore", {});
    blind = await startRestore(ops, "blind", { cipherPass: "another-passphrase-than-it" });
  });
  after(async () => {
    await tryDocker(["unpause", emulator]);
    await tryDocker(["rm", "--force", "--volumes", emulator]);
    await sandbox.close();
    await rm(work, { recursive: true, force: true });
  });

  const conf = (changes: { cipherPass?: string } = {}) =>
    pgbackrestConf({
      bucket: BUCKET,
      prefix: "wal/",
      region: "us-east-1",
      endpoint: "http://aws:4566",
      key: "wal",
      keySecret: "wal+/=",
      cipherPass: "a-passphrase-of-the-test",
      ...changes,
    });

  async function startRestore(reference: string, name: string, changes: { cipherPass?: string }) {
    const secrets = await sandbox.secrets(name, { pgbackrest_conf: conf(changes) });
    return sandbox.start({
      image: reference,
      entrypoint: "sleep",
      args: ["infinity"],
      volumes: { "/var/lib/restore": name, "/run/secrets": secrets },
      tmpfs: ["/tmp"],
    });
  }

  /** The server as the stack runs it, but that it looks after its backups every few seconds. */
  async function startDatabase(volume: string, alias = "db", config = conf()): Promise<string> {
    const secrets = await sandbox.secrets(alias, { postgres_password: PASSWORD, pgbackrest_conf: config });
    const container = await sandbox.start({
      image: await image("images/postgres"),
      alias,
      args: Object.entries(archiveSettings()).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      environment: { ARCHIVE_CHECK_SECONDS: "5", ARCHIVE_RETRY_SECONDS: "2" },
      volumes: { [DATA]: volume, "/run/secrets": secrets },
      tmpfs: ["/run/postgresql", "/tmp"],
    });
    await eventually("a full backup is made", async () =>
      /a full backup is in S3/.test(await logs(container)),
    );
    return container;
  }

  async function logs(container: string): Promise<string> {
    const { stdout, stderr } = await tryDocker(["logs", container]);
    return stdout + stderr;
  }
  const sql = (text: string, name = "fitnesscrm") =>
    docker(["exec", database, "psql", "-U", "postgres", "-d", name, "-Atc", text]);
  const now = async () =>
    new Date(await sql("SELECT to_char(clock_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS.MSOF:00')"));

  function recover(container: string, request: { toTime: string; target?: string }): Promise<Result> {
    return new Promise((done) => {
      const child = spawn("docker", ["exec", "-i", container, "node", "/opt/ops/main.js"]);
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
      });
      child.stderr.on("data", (chunk) => {
        stderr += chunk;
      });
      child.on("close", (code) => done({ code: code ?? -1, stdout, stderr }));
      child.stdin.end(
        JSON.stringify({ target: "refused", host: "db", port: 5432, password: PASSWORD, ...request }),
      );
    });
  }
  async function recovered(toTime: Date, target: string): Promise<LoadedPointInTime> {
    const { code, stdout, stderr } = await recover(restore, { toTime: toTime.toISOString(), target });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }
  /** The reason of a restore that must fail: the last line, and the only one of a failure. */
  async function refused(container: string, toTime: Date): Promise<string> {
    const { code, stderr } = await recover(container, { toTime: toTime.toISOString() });
    assert.equal(code, 1, stderr);
    assert.equal(await sql("SELECT count(*) FROM pg_database WHERE datname = 'refused'"), "0");
    const left = await docker(["exec", container, "sh", "-c", "ls -A /var/lib/restore /tmp"]);
    assert.doesNotMatch(left, /recovery-(?!lock)/);
    return stderr.trim().split("\n").at(-1) ?? "";
  }

  it("is kept from the first start on, with a full backup, and S3 sees nothing of it in clear", async () => {
    database = await startDatabase("lost");
    await sql(
      "CREATE ROLE fitnesscrm_app LOGIN; CREATE TABLE notes (id serial PRIMARY KEY, text text, at timestamptz DEFAULT clock_timestamp()); ALTER TABLE notes OWNER TO fitnesscrm_app",
    );
    const { Contents = [] } = await s3.listObjectsV2({ Bucket: BUCKET });
    assert(Contents.length > 5);
    for (const { Key = "" } of Contents) {
      assert.match(Key, /^wal\//);
      const { Body } = await s3.getObject({ Bucket: BUCKET, Key });
      // What the cipher writes before the salt, or the middle of a file that it is the start of.
      assert.match(
        Buffer.from((await Body?.transformToByteArray()) ?? []).toString("latin1"),
        /^Salted__/,
        Key,
      );
    }
  });

  it("never shows its credentials: not in processes, not in the container's description, not in the log", async () => {
    const processes = await docker(["exec", database, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]);
    for (const text of [processes, await docker(["inspect", database]), await logs(database)]) {
      assert.doesNotMatch(text, /a-passphrase-of-the-test|wal\+\/=/);
    }
  });

  it("waits on the server while S3 is away, and catches up when it is back", async () => {
    await sql("INSERT INTO notes (text) VALUES ('kept')");
    await delay(1_100);
    between = await now();
    await delay(1_100);
    await sql("INSERT INTO notes (text) VALUES ('later')");
    await docker(["pause", emulator]);
    const away = Date.now();
    const behind = await sql("SELECT pg_walfile_name(pg_switch_wal())");
    await sql("INSERT INTO notes (text) VALUES ('while S3 was away')");
    await eventually("the failure is told", async () =>
      new RegExp(`postgres: archive: ${behind} is not in S3 yet: .+`).test(await logs(database)),
    );
    await delay(Math.max(0, away + 60_000 - Date.now()));
    await docker(["unpause", emulator]);
    const back = Date.now();
    await eventually(
      "the log is in S3",
      async () => (await sql("SELECT last_archived_wal FROM pg_stat_archiver")) >= behind,
      180,
    );
    console.log(`      caught up ${Math.round((Date.now() - back) / 1000)} s after S3 was back`);
    assert.equal(await sql("SELECT count(*) FROM notes"), "3");
  });

  it("loses a minute when the server is killed and its volume is gone", async () => {
    const writer = docker(
      [
        "exec",
        database,
        "bash",
        "-c",
        "end=$((SECONDS + 100)); while ((SECONDS < end)); do psql -U postgres -d fitnesscrm -qc \"INSERT INTO notes (text) VALUES ('tick')\" || exit 0; sleep 0.2; done",
      ],
      200_000,
    ).catch(() => "");
    await delay(95_000);
    killed = await now();
    await docker(["kill", "--signal=KILL", database]);
    await writer;
    await docker(["rm", "--volumes", database]);
    await docker(["volume", "rm", `${sandbox.prefix}-lost`]);
    database = await startDatabase("new");
    await sql("CREATE ROLE fitnesscrm_app LOGIN");
    const { seconds, timings } = await recovered(killed, "after_the_kill");
    const newest = new Date(
      await sql("SELECT to_char(max(at), 'YYYY-MM-DD\"T\"HH24:MI:SS.MSOF:00') FROM notes", "after_the_kill"),
    );
    const lost = (killed.getTime() - newest.getTime()) / 1000;
    console.log(
      `      RPO reached ${lost.toFixed(1)} s; recovered in ${seconds} s: ${JSON.stringify(timings)}`,
    );
    assert(lost >= 0 && lost < OBJECTIVE_SECONDS, `${lost} s are lost`);
    assert.equal(
      await sql("SELECT count(*) FROM notes WHERE text IN ('kept', 'later')", "after_the_kill"),
      "2",
    );
  });

  it("goes on beside that of the lost cluster when the volume was replaced", async () => {
    assert.match(await logs(database), /this is another cluster than before/);
    const { CommonPrefixes = [] } = await s3.listObjectsV2({
      Bucket: BUCKET,
      Prefix: "wal/archive/main/",
      Delimiter: "/",
    });
    assert.deepEqual(
      CommonPrefixes.map(({ Prefix }) => Prefix),
      ["wal/archive/main/17-1/", "wal/archive/main/17-2/"],
    );
    assert.equal(await sql("SELECT failed_count FROM pg_stat_archiver WHERE last_archived_wal IS NULL"), "");
  });

  it("brings back what was there at a time, and nothing later, owned by the application", async () => {
    const { createdAt, rows, tables, target } = await recovered(between, "at_a_time");
    assert.deepEqual(
      { createdAt, rows, tables, target },
      { createdAt: between.toISOString(), rows: 1, tables: 1, target: "at_a_time" },
    );
    assert.equal(await sql("SELECT string_agg(text, ',') FROM notes", "at_a_time"), "kept");
    assert.equal(
      await sql("SELECT tableowner FROM pg_tables WHERE tablename = 'notes'", "at_a_time"),
      "fitnesscrm_app",
    );
    assert.equal(
      await sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'at_a_time'"),
      "fitnesscrm_app",
    );
  });

  it("refuses a time before the first backup and names the earliest", async () => {
    assert.match(
      await refused(restore, new Date("2020-01-01T00:00:00Z")),
      /^ops: 2020-01-01T00:00:00.000Z is before the first backup: the earliest time that can be restored is 20\d\d-.*Z$/,
    );
  });

  it("refuses a time in the future", async () => {
    assert.match(
      await refused(restore, new Date(Date.now() + 3_600_000)),
      /is in the future: it is .*Z now$/,
    );
  });

  it("refuses a time after the last commit in S3, and the newest one that it names can be restored", async () => {
    await sql("CREATE TABLE fresh AS SELECT 1 AS one; SELECT pg_switch_wal()");
    const segment = await sql("SELECT pg_walfile_name(pg_current_wal_lsn() - 1)");
    await sql("SELECT pg_current_xact_id(); SELECT pg_switch_wal()");
    await eventually(
      "it is archived",
      async () => (await sql("SELECT last_archived_wal FROM pg_stat_archiver")) >= segment,
    );
    const reason = await refused(restore, new Date());
    const named = /is after the last commit in S3: the newest time that can be restored is (.*Z)$/.exec(
      reason,
    )?.[1];
    assert(named !== undefined, reason);
    await recovered(new Date(named), "newest");
  });

  it("refuses to work with another passphrase", async () => {
    assert.equal(
      await refused(blind, new Date(Date.now() - 1_000)),
      "ops: the database's log in S3 cannot be opened: it was encrypted with another passphrase than this stack's",
    );
  });

  it("is dropped rather than fill the disk, which is told, and a backup ends the gap when S3 is back", async () => {
    const small = conf()
      .replace("repo1-path=/wal", "repo1-path=/wal-small")
      .replace("archive-push-queue-max=4GiB", "archive-push-queue-max=32MiB");
    const container = await startDatabase("small", "small", small);
    await docker(["pause", emulator]);
    const write =
      "CREATE TABLE IF NOT EXISTS filler (text text); INSERT INTO filler VALUES ('x'); SELECT pg_switch_wal()";
    for (let segment = 0; segment < 4; segment++) {
      await docker(["exec", container, "psql", "-U", "postgres", "-qAtc", write]);
    }
    await eventually(
      "it is dropped",
      async () => /no point in time from here to the next backup/.test(await logs(container)),
      300,
    );
    await docker(["exec", container, "test", "-e", `${DATA}/.archive-gap`]);
    await docker(["unpause", emulator]);
    await eventually(
      "a backup is made",
      async () => /a diff backup is in S3/.test(await logs(container)),
      180,
    );
    await eventually(
      "the gap is behind us",
      async () => (await tryDocker(["exec", container, "test", "-e", `${DATA}/.archive-gap`])).code === 1,
    );
    await docker(["rm", "--force", container]);
  });

  it("says at once that S3 is away", async () => {
    await docker(["stop", emulator]);
    const started = Date.now();
    assert.match(await refused(restore, between), /^ops: S3 at aws:4566 cannot be reached: .+$/);
    assert(Date.now() - started < 20_000);
  });

  it("does not archive without its configuration, and the server keeps no log for it", async () => {
    const secrets = await sandbox.secrets("plain", { postgres_password: PASSWORD });
    const container = await sandbox.start({
      image: await image("images/postgres"),
      args: Object.entries(archiveSettings()).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      volumes: { [DATA]: "plain", "/run/secrets": secrets },
      tmpfs: ["/run/postgresql", "/tmp"],
    });
    await eventually(
      "it is healthy",
      async () => (await tryDocker(["exec", container, "healthcheck"])).code === 0,
    );
    assert.equal(
      await docker(["exec", container, "psql", "-U", "postgres", "-Atc", "SHOW archive_mode"]),
      "off",
    );
    assert.doesNotMatch(await logs(container), /archive:/);
  });
});
