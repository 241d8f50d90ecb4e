import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { GetObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { BackupEntry, BackupResult } from "../../../ops/backup/backup";
import { fileOf, type Manifest, parseManifest } from "../../../ops/backup/manifest";
import { docker, eventually, exec, tryDocker } from "../images/sandbox";
import { BUCKET, DATABASE, reason, Stage } from "./stage";

describe("the backup, against PostgreSQL 17, age and the AWS emulator", function () {
  this.timeout(600_000);
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());

  const upload = (script: string) =>
    docker(["exec", "--user", "root", "--workdir", "/uploads", stage.ops, "bash", "-c", script]);
  const run = (...args: string[]) => stage.ask<BackupResult>(stage.ops, "run", ...args);
  const manifestOf = async (id: string): Promise<Manifest> =>
    parseManifest(await exec(stage.ops, "cat", `/backups/${id}/manifest.json`));
  const objects = async () =>
    ((await stage.s3.send(new ListObjectsV2Command({ Bucket: BUCKET }))).Contents ?? []).map(
      ({ Key }) => Key ?? "",
    );
  const brokenUploads = async () =>
    (await stage.s3.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }))).Uploads ?? [];
  /** Nothing but complete backups, and no program or session of a run that ended. */
  const nothingLeft = async (container = stage.ops) => {
    const partial = (await stage.files(container)).filter((name) => name.startsWith(".partial"));
    assert.deepEqual(partial, []);
    assert.deepEqual(await stage.processes(container, "^(pg_dump|age|tar|zstd) "), []);
  };

  describe("that succeeds", () => {
    let made: BackupResult;
    before(async () => {
      await upload(`mkdir -p clients/1 && head -c 3000000 /dev/urandom > clients/1/photo.jpg && echo note > 'a b.txt'
        ln -s clients link && chmod 0640 'a b.txt' && chmod 0644 clients/1/photo.jpg && chmod 0644 'a b.txt'`);
      made = await run("30000", "before-1.2.0");
    });

    it("says what it holds, and that S3's copy was read back", async () => {
      const { id, tables, rows, sha256, bytes } = made.details;
      assert.match(
        made.reason,
        new RegExp(`^${id}: ${rows} rows of ${tables} tables and 3 uploads in \\d+ MB, verified in S3$`),
      );
      const manifest = await manifestOf(id);
      assert.equal(manifest.label, "before-1.2.0");
      assert.equal(manifest.release, "unknown");
      assert.match(manifest.serverVersion, /^17\./);
      assert.equal(manifest.tables.length, tables);
      assert.equal(
        manifest.tables.find(({ name }) => name === "every_type")?.rows,
        500,
        JSON.stringify(manifest.tables),
      );
      const sequence = (name: string) => manifest.sequences?.find((each) => each.name === name)?.next;
      assert.deepEqual(["invoice", "countdown", "every_type_id_seq"].map(sequence), ["5001", "-7", "501"]);
      assert.equal(manifest.largeObjects?.count, 3);
      assert.deepEqual(
        manifest.materializedViews?.map(({ name, rows: count }) => [name, count]),
        [
          ["later", null],
          ["totals", 4],
        ],
      );
      const sums = (await exec(stage.ops, "bash", "-c", `cd /backups/${id} && sha256sum *.age`)).split("\n");
      assert.deepEqual(
        sums.map((line) => line.split(/\s+/)),
        manifest.files.map((file) => [file.sha256, file.name]),
      );
      assert.equal(sha256, manifest.files[0]?.sha256);
      assert.equal(
        bytes,
        manifest.files.reduce((sum, file) => sum + file.bytes, 0),
      );
      await nothingLeft();
    });

    it("leaves folders that only ops can read, and no password", async () => {
      const modes = await exec(
        stage.ops,
        "bash",
        "-c",
        `stat -c %a /backups/${made.details.id} /backups/${made.details.id}/*`,
      );
      assert.deepEqual(modes.split("\n"), ["700", "600", "600", "600", "600"]);
      assert.deepEqual(await stage.files(stage.ops, "/tmp"), []);
    });

    it("is complete in S3, its bytes equal to the local ones", async () => {
      const { id } = made.details;
      assert.deepEqual((await objects()).filter((key) => key.includes(id)).sort(), [
        `backups/${id}/database.tar.age`,
        `backups/${id}/manifest.json`,
        `backups/${id}/uploads.tar.zst.age`,
        `backups/${id}/verified.json`,
      ]);
      assert.deepEqual(await brokenUploads(), []);
    });

    it("is listed, with where it is and since when it is verified", async () => {
      const [entry, ...others] = await stage.ask<BackupEntry[]>(stage.ops, "list");
      assert.equal(others.length, 0);
      assert.deepEqual(
        { ...entry, createdAt: "", verifiedAt: "" },
        {
          id: made.details.id,
          createdAt: "",
          bytes: made.details.bytes,
          sha256: made.details.sha256,
          label: "before-1.2.0",
          release: "unknown",
          local: true,
          s3: true,
          verifiedAt: "",
        },
      );
      assert.ok(Date.parse(entry?.verifiedAt ?? "") > Date.parse(entry?.createdAt ?? ""));
    });

    it("restores to equal tables, whatever types and names they have and however the databases are set", async () => {
      await stage.script("CREATE DATABASE restored TEMPLATE template0", "postgres");
      await stage.script("ALTER DATABASE restored SET datestyle = 'SQL, DMY'", "postgres");
      await stage.ask(stage.ops, "restore", made.details.id, "restored");
      assert.deepEqual(await stage.ask(stage.ops, "differences", made.details.id, "restored"), []);
      // The enum has another object id there: a checksum that used it would differ.
      assert.notEqual(
        await stage.script("SELECT 'mood'::regtype::oid", "restored"),
        await stage.script("SELECT 'mood'::regtype::oid"),
      );
      assert.equal(
        await stage.script("SELECT length(lo_get(content)) FROM photos WHERE name = 'one'", "restored"),
        "10000",
      );
      assert.equal(await stage.script("SELECT nextval('invoice')", "restored"), "5001");
      assert.equal(await stage.script("SELECT count(*) FROM totals WHERE who = 9", "restored"), "1");
    });

    for (const [what, sql, difference] of [
      [
        "a changed enum",
        "UPDATE every_type SET m = 'happy' WHERE id = 1 AND m <> 'happy'",
        /every_type .* other content/,
      ],
      ["a changed json", `UPDATE every_type SET j = '{"b":1}' WHERE id = 1`, /every_type .* other content/],
      [
        "a lost partition row",
        "DELETE FROM visits WHERE at = '2026-12-31'",
        /visits_2026_rest has \d+ rows, \d+ are/,
      ],
      [
        "a duplicate instead of another row",
        "UPDATE parent SET a = 1 WHERE a IS NULL",
        /parent .* other content/,
      ],
      [
        "a table of an odd name",
        `DELETE FROM "Odd ""Schema"""."Table, with ""quotes""; and $stuff"`,
        /has 0 rows, 50 are/,
      ],
      ["a table that is gone", "DROP TABLE dropped", /public\.dropped is missing \(1 rows expected\)/],
      [
        "two rows exchanged for others",
        "UPDATE bulk SET r = r + 1 WHERE id IN (1, 2)",
        /bulk .* other content/,
      ],
      [
        "a sequence that is behind",
        "SELECT setval('invoice', 4999)",
        /^the sequence public\.invoice would give 5000 next, 5001 is expected$/,
      ],
      [
        "a sequence that is behind by the number it has not given yet",
        "SELECT setval('invoice', 5000, false)",
        /^the sequence public\.invoice would give 5000 next, 5001 is expected$/,
      ],
      [
        "the sequence of a key that begins anew",
        "ALTER TABLE every_type ALTER id RESTART",
        /^the sequence public\.every_type_id_seq would give 1 next, 501 is expected$/,
      ],
      [
        "a sequence that counts down and is behind",
        "SELECT setval('countdown', -1)",
        /^the sequence public\.countdown would give -4 next, -7 is expected$/,
      ],
      [
        "a sequence that is gone",
        "DROP SEQUENCE invoice",
        /^the sequence public\.invoice is missing \(5001 is its next number\)$/,
      ],
      [
        "a large object that is gone",
        "SELECT lo_unlink(content) FROM photos WHERE name = 'one'",
        /^there are 2 large objects, 3 are expected$/,
      ],
      [
        "a byte in the second megabyte of a large object that is another",
        "SELECT lo_put(content, 1500000, '\\x01') FROM photos WHERE name = 'large'",
        /^there are 3 large objects as expected, but with other content$/,
      ],
      [
        "a materialized view that is gone",
        "DROP MATERIALIZED VIEW totals",
        /^the materialized view public\.totals is missing$/,
      ],
      [
        "a materialized view that is not filled",
        "REFRESH MATERIALIZED VIEW totals WITH NO DATA",
        /^the materialized view public\.totals is not filled \(4 rows were there\)$/,
      ],
    ] as const) {
      it(`notices ${what} in a restored database`, async () => {
        await stage.script("CREATE DATABASE changed TEMPLATE restored", "postgres");
        try {
          await stage.script(sql, "changed");
          const found = await stage.ask<string[]>(stage.ops, "differences", made.details.id, "changed");
          assert.equal(found.length, 1, found.join("\n"));
          assert.match(found[0] ?? "", difference);
        } finally {
          await stage.script("DROP DATABASE changed WITH (FORCE)", "postgres");
        }
      });
    }

    it("has uploads whose listing is that of the manifest", async () => {
      const { uploads } = await manifestOf(made.details.id);
      assert.deepEqual(await stage.ask(stage.ops, "listing", made.details.id), uploads);
      assert.equal(uploads.files, 3);
    });

    it("opens with its key only, and not when it was damaged", async () => {
      const file = `/backups/${made.details.id}/database.tar.age`;
      const wrong = await stage.command(stage.ops, "decrypt", "/run/secrets/other_identity", file);
      assert.equal(wrong.code, 1);
      assert.match(reason(wrong), /age failed .*no identity matched/);
      await exec(stage.ops, "bash", "-c", `cp ${file} /backups/.cut && truncate -s -100 /backups/.cut`);
      const cut = await stage.command(stage.ops, "decrypt", "/run/secrets/backup_identity", "/backups/.cut");
      assert.equal(cut.code, 1);
      assert.match(reason(cut), /age failed/);
      await exec(stage.ops, "rm", "/backups/.cut");
    });
  });

  describe("that fails", () => {
    let release: () => Promise<void> = async () => undefined;
    beforeEach(async () => {
      release = async () => undefined;
      await stage.setRelay("open");
    });
    afterEach(() => release());
    /** Starts a run that waits in the middle of its dump. */
    const held = async () => {
      release = await stage.hold();
      return stage.command(stage.ops, "run");
    };

    it("says so when pg_dump is killed in the middle, and leaves nothing", async () => {
      const before = await stage.files(stage.ops);
      release = await stage.hold();
      const result = stage.command(stage.ops, "run");
      await stage.dumping();
      const [pid] = await stage.processes(stage.ops, "^pg_dump ");
      await exec(stage.ops, "bash", "-c", `kill -9 ${pid}`);
      const { code, stderr } = await result;
      assert.equal(code, 1, stderr);
      assert.match(stderr.trim(), /ops: pg_dump was killed \(SIGKILL\)$/);
      await nothingLeft();
      assert.deepEqual(await stage.files(stage.ops), before);
    });

    it("refuses a second one at once, with since when the first runs", async () => {
      const first = held();
      await stage.dumping();
      const second = await stage.command(stage.ops, "run");
      assert.equal(second.code, 1);
      assert.match(reason(second), /^backup is running since \d{4}-.*Z: wait for its end$/);
      await release();
      assert.equal((await first).code, 0);
      await nothingLeft();
    });

    describe("because a table is locked", () => {
      const locked = async () => {
        const args = ["exec", "-i", stage.database, "psql", "-U", "postgres", "-d", DATABASE, "-AtqX"];
        const session = spawn("docker", args, { stdio: ["pipe", "pipe", "ignore"] });
        const ended = once(session, "close");
        session.stdin.write("BEGIN; LOCK TABLE parent; SELECT pg_backend_pid();\n");
        const [pid] = (await once(session.stdout, "data")) as [Buffer];
        const unlock = async () => {
          session.stdin.end();
          await ended;
        };
        return { pid: Number(String(pid)), unlock };
      };

      it("names the table and the session that holds it, after it has waited for it twice", async () => {
        const before = await stage.files(stage.ops);
        const { pid, unlock } = await locked();
        const result = await stage.command(stage.ops, "run", "30000", "", "1000").finally(unlock);
        assert.equal(result.code, 1);
        assert.equal(
          reason(result),
          `the database at db:5432 gave no snapshot: the table parent is locked by session ${pid} of postgres (psql), and was ` +
            "not free within 1 s, lock timeout: wait for what changes it, or end that session by pg_terminate_backend",
        );
        assert.match(result.stderr, /trying once more, because tables were changed meanwhile/);
        await nothingLeft();
        assert.deepEqual(await stage.files(stage.ops), before);
      });

      it("waits for it, and is made once it is free", async () => {
        const { unlock } = await locked();
        const result = stage.command(stage.ops, "run");
        await stage.dumping();
        await unlock();
        const { code, stderr } = await result;
        assert.equal(code, 0, stderr);
        await nothingLeft();
      });
    });

    it("ends every program when its signal comes", async () => {
      const result = held();
      await stage.dumping();
      const [pid] = await stage.processes(stage.ops, "^node /opt/ops/main.js run");
      await exec(stage.ops, "bash", "-c", `kill -TERM ${pid}`);
      const { code, stderr } = await result;
      assert.equal(code, 1);
      assert.match(stderr.trim(), /ops: the run was ended$/);
      await nothingLeft();
    });

    it("leaves only a partial folder when it is killed itself, which the next run removes with its sessions", async () => {
      const result = held();
      await stage.dumping();
      const [pid] = await stage.processes(stage.ops, "^node /opt/ops/main.js run");
      await exec(stage.ops, "bash", "-c", `kill -9 ${pid}`);
      await result;
      await eventually(
        "the programs die with it",
        async () => (await stage.processes(stage.ops, "^(pg_dump|age|tar|zstd) ")).length === 0,
      );
      assert.equal((await stage.files(stage.ops)).filter((name) => name.startsWith(".partial")).length, 1);
      await release();
      const made = await stage.command(stage.ops, "run");
      assert.equal(made.code, 0, made.stderr);
      assert.match(made.stderr, /removing \.partial-.*, which a run that was killed left behind/);
      await nothingLeft();
    });

    it("says so when PostgreSQL is killed, and the next run succeeds", async () => {
      const result = held();
      await stage.dumping();
      await docker(["kill", stage.database]);
      const { code, stderr } = await result;
      assert.equal(code, 1);
      assert.match(reason({ code, stderr, stdout: "" }), /server closed the connection|terminat|ECONNRESET/i);
      await release();
      release = async () => undefined;
      await nothingLeft();
      const away = await stage.command(stage.ops, "run");
      assert.match(reason(away), /^the database at db:5432 cannot be reached: /);
      await docker(["start", stage.database]);
      await eventually("PostgreSQL is back", async () => (await stage.script("SELECT 1")) === "1");
      await run();
    });

    it("names the upload that it may not read", async () => {
      await upload("echo x > secret && chmod 0600 secret");
      try {
        const result = await stage.command(stage.ops, "run");
        assert.equal(result.code, 1);
        assert.equal(
          reason(result),
          "the upload /uploads/secret cannot be read: this program may not read it",
        );
        await nothingLeft();
      } finally {
        await upload("rm secret");
      }
    });

    it("is not even begun on a disk that is too small", async () => {
      const container = await stage.startOpsWithDisk("20m");
      const result = await stage.command(container, "run");
      assert.equal(result.code, 1);
      assert.match(
        reason(result),
        /^the disk with \/backups has \d+ MB free and a backup needs about \d+ MB: make room/,
      );
      await nothingLeft(container);
    });

    it("says so when the disk runs full in the middle, and leaves nothing", async () => {
      await upload("head -c 120000000 /dev/urandom > film && chmod 0644 film");
      try {
        const container = await stage.startOpsWithDisk("98m");
        const result = await stage.command(container, "run");
        assert.equal(result.code, 1);
        assert.match(
          reason(result),
          /^the disk with \/backups ran full while the backup was made: make room \(.*(ENOSPC|No space)/,
        );
        await nothingLeft(container);
        assert.deepEqual(await stage.files(container), [".backup.lock"]);
      } finally {
        await upload("rm film");
      }
    });

    it("survives an S3 that is away for a moment", async () => {
      await stage.setRelay("closed");
      const result = stage.command(stage.ops, "run", "60000");
      await eventually("it has been refused", async () => {
        const waiting = await exec(stage.ops, "bash", "-c", "ls -d /backups/2* | wc -l");
        return Number(waiting) > 0;
      });
      await new Promise((later) => setTimeout(later, 4_000));
      await stage.setRelay("open");
      const { code, stderr } = await result;
      assert.equal(code, 0, stderr);
      assert.match(stderr, /trying again in \d+ s/);
    });

    it("keeps the local backup when S3 is away for good, says so, and the next run sends it first", async () => {
      await stage.setRelay("closed");
      const failed = await stage.command(stage.ops, "run", "3000");
      assert.equal(failed.code, 1);
      const [, id = ""] =
        /^backup (\S+) is complete on this machine only: S3 at http:\/\/s3:4566 could not take /.exec(
          reason(failed),
        ) ?? [];
      assert.notEqual(id, "", reason(failed));
      assert.deepEqual(await stage.ask(stage.ops, "listing", id), (await manifestOf(id)).uploads);
      const [unsent] = await stage.ask<BackupEntry[]>(stage.ops, "list");
      assert.deepEqual([unsent?.id, unsent?.local, unsent?.s3, unsent?.verifiedAt], [id, true, false, null]);
      await stage.setRelay("open");
      const made = await run();
      const list = await stage.ask<BackupEntry[]>(stage.ops, "list");
      for (const each of [id, made.details.id]) {
        const entry = list.find((one) => one.id === each);
        assert.ok(entry?.s3 && entry.verifiedAt !== null, `${each} is not verified`);
      }
    });

    it("sends again what was cut in the middle, and leaves no parts", async () => {
      await upload("head -c 60000000 /dev/urandom > film && chmod 0644 film");
      try {
        await stage.setRelay("cut 40000000");
        const made = await stage.command(stage.ops, "run", "30000");
        assert.equal(made.code, 0, made.stderr);
        assert.equal(await exec(stage.relay, "cat", "/tmp/relay"), "open");
        assert.deepEqual(await brokenUploads(), []);
      } finally {
        await upload("rm film");
      }
    });

    it("sends again what was cut by an S3 that was away for more than a minute, whole, and leaves no parts", async () => {
      await upload("head -c 60000000 /dev/urandom > film && chmod 0644 film");
      try {
        await stage.setRelay("sever 40000000");
        // Twenty seconds of its patience pass in one.
        const result = stage.command(stage.ops, "run", "180000", "", "60000", "20");
        const isCut = async () => (await exec(stage.relay, "cat", "/tmp/relay")) === "closed";
        await eventually("the upload is cut", isCut);
        assert.equal((await brokenUploads()).length, 1, "it was under way");
        await new Promise((later) => setTimeout(later, 4_000));
        await stage.setRelay("open");
        const { code, stdout, stderr } = await result;
        assert.equal(code, 0, stderr);
        const waits = [
          ...stderr.matchAll(/^S3 did not take \S+\/uploads\.tar\.zst\.age: .*; trying again in (\d+) s$/gm),
        ].map(([, seconds]) => Number(seconds));
        const away = waits.reduce((sum, seconds) => sum + seconds, 0);
        assert.ok(away > 60, `S3 was away for ${away} s by the clock of the run`);
        const { id } = (JSON.parse(stdout) as BackupResult).details;
        const copy = await stage.s3.send(
          new GetObjectCommand({ Bucket: BUCKET, Key: `backups/${id}/uploads.tar.zst.age` }),
        );
        const bytes = (await copy.Body?.transformToByteArray()) ?? new Uint8Array();
        const manifest = await manifestOf(id);
        assert.deepEqual(
          { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") },
          (({ bytes: size, sha256 }) => ({ bytes: size, sha256 }))(fileOf(manifest, "uploads.tar.zst.age")),
        );
        assert.deepEqual(await brokenUploads(), []);
      } finally {
        await upload("rm film");
      }
    });

    describe("because S3 does not answer", () => {
      afterEach(async () => {
        await tryDocker(["unpause", stage.emulator]);
        await tryDocker(["exec", "--user", "root", stage.ops, "rm", "-f", "/uploads/film"]);
      });
      const last = async () => (await stage.ask<BackupEntry[]>(stage.ops, "list"))[0];
      const local = async () => (await stage.files(stage.ops)).filter((name) => name.startsWith("2"));
      const seconds = (count: number) => new Promise((later) => setTimeout(later, count * 1000));
      /** Starts a run, and stops S3 when it has a part of the uploads. */
      const silenced = async (patienceMs: number) => {
        await upload("head -c 60000000 /dev/urandom > film && chmod 0644 film");
        await stage.setRelay("hold 40000000");
        const run = stage.command(stage.ops, "run", String(patienceMs));
        const isHeld = async () => (await exec(stage.relay, "cat", "/tmp/relay")) === "held";
        await eventually("the upload is under way", isHeld);
        assert.equal((await brokenUploads()).length, 1);
        await docker(["pause", stage.emulator]);
        await stage.setRelay("open");
        return { run };
      };

      it("for a minute from the middle of the dump on: it waits", async () => {
        const before = await local();
        release = await stage.hold();
        const result = stage.command(stage.ops, "run", "120000");
        await stage.dumping();
        await docker(["pause", stage.emulator]);
        await release();
        await eventually("the dump is complete", async () => (await local()).length > before.length);
        await seconds(60);
        await docker(["unpause", stage.emulator]);
        const { code, stderr } = await result;
        assert.equal(code, 0, stderr);
        const made = await last();
        assert.ok(made?.local && made.s3 && made.verifiedAt !== null && !before.includes(made.id));
        await nothingLeft();
      });

      it("for good in the middle of the upload: it says so, and the next run sends what is here", async () => {
        const { run: result } = await silenced(3_000);
        const failed = await result;
        assert.equal(failed.code, 1);
        const [, id = ""] =
          /^backup (\S+) is complete on this machine only: S3 at http:\/\/s3:4566 could not take \S+uploads\.tar\.zst\.age in the bucket \S+: no answer for 5 s$/.exec(
            reason(failed),
          ) ?? [];
        assert.notEqual(id, "", reason(failed));
        assert.ok((await local()).includes(id));
        await nothingLeft();
        await docker(["unpause", stage.emulator]);
        const there = (await objects()).filter((key) => key.includes(id));
        assert.deepEqual(there, [`backups/${id}/database.tar.age`], "no part is there under a final name");
        await run();
        const entry = (await stage.ask<BackupEntry[]>(stage.ops, "list")).find((each) => each.id === id);
        assert.ok(entry?.s3 && entry.verifiedAt !== null);
      });
    });

    it("sends nothing of a local backup that is damaged, and says which", async () => {
      await stage.setRelay("closed");
      const [, id = ""] =
        /^backup (\S+) is complete/.exec(reason(await stage.command(stage.ops, "run", "500"))) ?? [];
      await stage.setRelay("open");
      await exec(
        stage.ops,
        "bash",
        "-c",
        `printf x | dd of=/backups/${id}/database.tar.age bs=1 seek=5000 conv=notrunc status=none`,
      );
      const result = await stage.command(stage.ops, "run");
      assert.equal(result.code, 1);
      assert.match(
        reason(result),
        new RegExp(
          `is verified, but an earlier one is not: the local backup ${id} is damaged: database.tar.age has the SHA-256`,
        ),
      );
      assert.deepEqual(
        (await objects()).filter((key) => key.includes(id)),
        [],
      );
      await exec(stage.ops, "rm", "-r", `/backups/${id}`);
    });

    it("says that rows are hidden from its role instead of leaving them out", async () => {
      await stage.script(
        "CREATE TABLE hidden AS SELECT 1 AS a; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY",
      );
      try {
        const result = await stage.command(stage.ops, "run");
        assert.equal(result.code, 1);
        assert.match(reason(result), /row-level security policy for table "hidden"/);
      } finally {
        await stage.script("DROP TABLE hidden");
      }
    });
  });

  describe("as time goes by", () => {
    it("removes old local backups only once a newer one is verified", async () => {
      const first = (await stage.ask<BackupEntry[]>(stage.ops, "list")).at(-1);
      assert.ok(first !== undefined);
      const aged = "20200101T070000Z-abcd";
      await exec(
        stage.ops,
        "bash",
        "-c",
        `cp -r /backups/${first.id} /backups/${aged} && sed -i 's/${first.id}/${aged}/; s/"createdAt": "[^"]*"/"createdAt": "2020-01-01T07:00:00.000Z"/' /backups/${aged}/manifest.json`,
      );
      await stage.setRelay("closed");
      assert.equal((await stage.command(stage.ops, "run", "500")).code, 1);
      assert.ok((await stage.files(stage.ops)).includes(aged));
      await stage.setRelay("open");
      const made = await stage.command(stage.ops, "run");
      assert.equal(made.code, 0, made.stderr);
      const left = await stage.files(stage.ops);
      assert.ok(!left.includes(aged));
      assert.ok(left.includes(first.id));
    });

    it("is listed from S3 alone when the local ones are lost", async () => {
      await tryDocker(["exec", stage.ops, "bash", "-c", "rm -rf /backups/2*"]);
      const list = await stage.ask<BackupEntry[]>(stage.ops, "list");
      assert.ok(list.length > 3);
      assert.ok(list.every(({ local, s3, verifiedAt }) => !local && s3 && verifiedAt !== null));
      assert.equal(list.at(-1)?.label, "before-1.2.0");
    });
  });
});
