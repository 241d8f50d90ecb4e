import assert from "node:assert/strict";
import type { Request } from "../../../../cli/restore/plan";
import { restore } from "../../../../cli/restore/restore";
import { TempFolders } from "../../../support/temp";
import { BACKUP, contents, NOW, PASSWORD, World } from "./world";

const LATEST: Request = { what: "restore", choice: { latest: true }, from: "any", dryRun: false };

const LS = (service: string): string =>
  "container ls --quiet --no-trunc --filter label=fitnesscrm.stack=unit " +
  `--filter label=fitnesscrm.service=${service} --filter status=running`;
const PSQL = (database = "postgres"): string =>
  `exec -i db-container psql --username postgres --dbname ${database} --no-psqlrc --quiet --tuples-only --no-align ` +
  "-v ON_ERROR_STOP=1";
const IMAGE = "container inspect --format {{.Image}} db-container";
const UPLOADS = (action: string): string =>
  "run --rm -i --network none --user 0 --read-only --security-opt no-new-privileges --cap-drop ALL --cap-add CHOWN " +
  "--cap-add DAC_OVERRIDE --cap-add FOWNER --cap-add FSETID --entrypoint /bin/bash -v fitnesscrm-unit-uploads:/uploads:nocopy " +
  `sha256:postgres -c SCRIPT restore /uploads ${action}`;
const REPLICAS = "service inspect --format {{.Spec.Mode.Replicated.Replicas}} fitnesscrm-unit-backend";
const SCALE = (replicas: number): string =>
  `service update --detach --quiet --replicas ${replicas} fitnesscrm-unit-backend`;

describe("restore", () => {
  const folders = new TempFolders();
  afterEach(() => folders.remove());
  const world = (): World => new World(folders.create());

  it("loads beside the live database, stops the backend, swaps, and starts it again", async () => {
    const unit = world();
    const summary = await restore(unit.tools(), LATEST);
    assert.deepEqual(unit.log, [
      // What is there, and which backup.
      LS("db"),
      PSQL(),
      LS("db"),
      PSQL(),
      "ops: backups",
      // Loaded and counted, with the application at work.
      "restore: load",
      LS("db"),
      PSQL("fitnesscrm_restore_20250131100000"),
      LS("restore"),
      LS("db"),
      IMAGE,
      'exec -i restore-container node /opt/ops/main.js uploads <<< {"id":"20250131T070000Z-1a2b","from":"any"} | ' +
        UPLOADS("stage 20250131100000"),
      // Its log saved, marked, stopped, swapped.
      REPLICAS,
      "ops: run log-archive",
      LS("db"),
      PSQL(),
      SCALE(0),
      "service ps --format {{.CurrentState}} fitnesscrm-unit-backend",
      LS("db"),
      PSQL(),
      LS("db"),
      PSQL(),
      REPLICAS,
      LS("db"),
      IMAGE,
      UPLOADS("swap 20250131100000"),
      // Started, noted, and what was lost is counted.
      REPLICAS,
      SCALE(2),
      LS("db"),
      PSQL(),
      LS("db"),
      PSQL("fitnesscrm_replaced_20250131100000"),
    ]);
    assert.equal(unit.server.databases.get("fitnesscrm")?.content, "new");
    assert.equal(unit.stored, undefined);
    assert.ok(summary !== undefined);
    const { seconds, stoppedSeconds, steps, ...rest } = summary;
    assert.deepEqual(rest, {
      stack: "unit",
      kind: "restore",
      id: BACKUP.id,
      createdAt: BACKUP.createdAt,
      tables: [
        { table: "public.contacts", before: 12, after: 10 },
        { table: "public.notes", before: 3, after: null },
        { table: "public.tags", before: null, after: 1 },
      ],
      replaced: "fitnesscrm_replaced_20250131100000",
      uploads: "those of the backup, the replaced ones are kept beside the database",
    });
    assert.deepEqual(
      steps.map(({ name }) => name),
      ["load and compare", "uploads", "stop the backend", "swap", "health"],
    );
    assert.ok(seconds >= stoppedSeconds && stoppedSeconds > 0);
  });

  it("asks with the stack, the backup, its age and what is lost, and does nothing after a no", async () => {
    const unit = world();
    unit.answer = false;
    assert.equal(await restore(unit.tools(), LATEST), undefined);
    assert.deepEqual(unit.questions, [
      "Restore stack unit to backup 20250131T070000Z-1a2b of 2025-01-31 07:00:00 UTC, 3 hours old? Everything written since " +
        "then is lost to the application (it is kept until `./fitnesscrm restore --confirm`).",
    ]);
    assert.deepEqual(unit.said, ["restore: nothing was changed"]);
    assert.deepEqual(unit.loads, []);
    assert.deepEqual(unit.server.executed, []);
  });

  it("goes on where the backend's log cannot be archived, and says that it goes with the containers", async () => {
    const unit = world();
    unit.archiveFault = "S3 does not answer";
    const summary = await restore(unit.tools(), LATEST);
    assert.equal(summary?.id, BACKUP.id);
    assert.deepEqual(unit.said, [
      "restore: what the backend logged since the last archive goes with its containers: S3 does not answer",
    ]);
  });

  it("gives the password by standard input alone", async () => {
    const unit = world();
    await restore(unit.tools(), LATEST);
    assert.deepEqual(unit.loads, [
      {
        args: ["load"],
        input: {
          id: BACKUP.id,
          from: "any",
          target: "fitnesscrm_restore_20250131100000",
          host: "db",
          port: 5432,
          password: PASSWORD,
        },
      },
    ]);
    assert.doesNotMatch(JSON.stringify([unit.log, unit.said, unit.server.executed]), new RegExp(PASSWORD));
  });

  it("swaps nothing in a dry run, asks nothing, leaves nothing, and says what would be lost", async () => {
    const unit = world();
    const summary = await restore(unit.tools(), { ...LATEST, dryRun: true });
    assert.deepEqual(unit.questions, []);
    assert.ok(!unit.log.some((line) => line.startsWith("service ")), unit.log.join("\n"));
    assert.deepEqual([...unit.server.databases.keys()], ["fitnesscrm", "postgres"]);
    assert.deepEqual(unit.ours(), []);
    assert.deepEqual(summary?.tables[0], { table: "public.contacts", before: 12, after: 10 });
    assert.equal(summary?.replaced, null);
  });

  it("goes to a point in time by the log, and leaves the uploads where there are some", async () => {
    const unit = world();
    const toTime = "2025-01-31T09:30:00.000Z";
    const request: Request = { what: "restore", choice: { toTime }, from: "any", dryRun: false };
    const summary = await restore(unit.tools(), request);
    assert.deepEqual(
      unit.loads.map(({ input }) => input),
      [{ toTime, target: "fitnesscrm_restore_20250131100000", host: "db", port: 5432, password: PASSWORD }],
    );
    assert.equal(summary?.uploads, "left as they are, the log does not hold them");
    assert.equal(unit.uploads()["photo.jpg"], "old photo");
    assert.match(
      unit.questions[0] ?? "",
      /^Restore stack unit to the state of 2025-01-31 09:30:00 UTC, 30 minutes old\?/,
    );
    assert.deepEqual(unit.ours(), []);
  });

  it("takes the uploads of the nearest earlier backup where there are none, as on a new machine", async () => {
    const unit = world();
    const { rmSync, mkdirSync } = await import("node:fs");
    rmSync(unit.volume, { recursive: true });
    mkdirSync(unit.volume);
    unit.backups = [{ ...BACKUP, id: "20250131T093100Z-ffff", createdAt: "2025-01-31T09:31:00Z" }, BACKUP];
    const choice = { toTime: "2025-01-31T09:30:00.000Z" };
    const summary = await restore(unit.tools(), { what: "restore", choice, from: "any", dryRun: false });
    assert.equal(summary?.uploads, `those of backup ${BACKUP.id}, the nearest one before that time`);
    assert.equal(unit.uploads()["photo.jpg"], "new photo");
  });

  it("undoes and undoes that again: nothing is ever lost", async () => {
    const unit = world();
    await restore(unit.tools(), LATEST);
    for (const expected of ["old", "new", "old"]) {
      const summary = await restore(unit.tools(), { what: "undo" });
      assert.equal(summary?.kind, "undo");
      assert.equal(unit.server.databases.get("fitnesscrm")?.content, expected);
      assert.equal(unit.uploads()["photo.jpg"], `${expected} photo`);
      assert.equal(unit.server.databases.size, 3);
      const [kept = ""] = unit.ours();
      assert.notEqual(contents(`${unit.volume}/${kept}`)["photo.jpg"], `${expected} photo`);
    }
    assert.match(
      unit.questions[1] ?? "",
      /^Put database fitnesscrm_replaced_20250131100000 and its uploads back as stack unit's data \(they were replaced by the restore to 20250131T070000Z-1a2b\)\?/,
    );
  });

  it("says that there is nothing to undo, or that the uploads that belong to it are gone", async () => {
    const unit = world();
    await assert.rejects(restore(unit.tools(), { what: "undo" }), {
      message: "restore --undo: stack unit keeps no replaced database: nothing to go back to",
    });
    await restore(unit.tools(), LATEST);
    const { rmSync } = await import("node:fs");
    rmSync(`${unit.volume}/${unit.ours()[0]}`, { recursive: true });
    await assert.rejects(restore(unit.tools(), { what: "undo" }), {
      message:
        "restore --undo: the uploads that belong to fitnesscrm_replaced_20250131100000 are gone from volume " +
        "fitnesscrm-unit-uploads: restore a backup instead",
    });
  });

  it("drops what was replaced only after naming it", async () => {
    const unit = world();
    await restore(unit.tools(), { what: "confirm" });
    assert.deepEqual(unit.said, ["restore: stack unit keeps nothing of an earlier restore"]);
    await restore(unit.tools(), LATEST);
    unit.now = new Date(NOW.getTime() + 2 * 86_400_000);
    unit.answer = false;
    await restore(unit.tools(), { what: "confirm" });
    assert.equal(unit.server.databases.size, 3);
    assert.match(
      unit.questions.at(-1) ?? "",
      /^Drop for good what restores of stack unit have put aside: database fitnesscrm_replaced_20250131100000 \(8\.0 MiB, replaced 2 days ago\), uploads \.replaced-20250131100000 \([\d.]+ KiB\)\?$/,
    );
    unit.answer = true;
    await restore(unit.tools(), { what: "confirm" });
    assert.deepEqual([...unit.server.databases.keys()], ["postgres", "fitnesscrm"]);
    assert.deepEqual(unit.ours(), []);
    assert.equal(unit.uploads()["photo.jpg"], "new photo");
  });

  it("leaves the application alone when the backup cannot be loaded", async () => {
    const unit = world();
    unit.loadFails = "backup 20250131T070000Z-1a2b: database.tar.age is damaged: its sha256 differs";
    await assert.rejects(restore(unit.tools(), LATEST), {
      message:
        "restore: backup 20250131T070000Z-1a2b: database.tar.age is damaged: its sha256 differs: the restore to " +
        "20250131T070000Z-1a2b that was ended before the swap was reversed: nothing has changed",
    });
    assert.ok(!unit.log.some((line) => line.startsWith("service update")));
  });

  it("tells the reason and the details of what the server refuses, and opens it again", async () => {
    const unit = world();
    const psql = unit.server.psql.bind(unit.server);
    let swaps = 0;
    unit.server.psql = (database, sql) => {
      if (sql.includes("RENAME TO") && ++swaps > 0) {
        const [refuse = ""] = sql.split("BEGIN");
        psql(database, refuse);
        return {
          code: 3,
          stdout: "",
          stderr:
            'psql:<stdin>:7: ERROR:  database "fitnesscrm" is being accessed by other users\n' +
            "DETAIL:  There is 1 prepared transaction using the database.\n",
        };
      }
      return psql(database, sql);
    };
    await assert.rejects(restore(unit.tools(), LATEST), {
      message:
        'restore: swapping fitnesscrm_restore_20250131100000 and fitnesscrm: database "fitnesscrm" is being accessed by ' +
        "other users (There is 1 prepared transaction using the database.): the restore to 20250131T070000Z-1a2b that was " +
        "ended before the swap was reversed (database fitnesscrm_restore_20250131100000 was dropped, the backend was " +
        "started): nothing has changed",
    });
    assert.equal(swaps, 3);
    assert.equal(unit.server.databases.get("fitnesscrm")?.allowConnections, true);
    assert.equal(unit.replicas, 2);
  });

  it("is called off by an interrupt until the swap, and says so", async () => {
    const unit = world();
    unit.onHold = () => "SIGINT";
    await assert.rejects(restore(unit.tools(), LATEST), {
      message:
        "restore: was interrupted by SIGINT: the restore to 20250131T070000Z-1a2b that was ended before the swap was " +
        "reversed (database fitnesscrm_restore_20250131100000 was dropped): nothing has changed",
    });
    assert.equal(unit.server.databases.get("fitnesscrm")?.content, "old");
    assert.equal(unit.replicas, 2);
  });

  it("gives the backend back though the server stays away", async function () {
    this.timeout(120_000);
    const unit = world();
    const psql = unit.server.psql.bind(unit.server);
    let gone = false;
    unit.server.psql = (database, sql) => {
      gone ||= sql.includes("RENAME TO");
      return gone ? { code: 2, stdout: "", stderr: "psql: error: connection refused" } : psql(database, sql);
    };
    // Time goes by quickly here: the wait for the server is a minute.
    const realNow = Date.now;
    let ahead = 0;
    Date.now = () => {
      ahead += 30_000;
      return realNow() + ahead;
    };
    try {
      await assert.rejects(
        restore(unit.tools(), LATEST),
        /connection refused: and putting it right failed as well \(.*connection refused\): run \.\/fitnesscrm restore, which goes on with it$/,
      );
    } finally {
      Date.now = realNow;
    }
    assert.equal(unit.replicas, 2);
    assert.equal(unit.stored?.step, "swap");
    unit.server.psql = psql;
    await restore(unit.tools(), { what: "settle" });
    assert.equal(unit.stored, undefined);
    assert.deepEqual([...unit.server.databases.keys()], ["fitnesscrm", "postgres"]);
  });

  it("keeps the restored data when the stack is not healthy with it, and names the way back", async () => {
    const unit = world();
    unit.healthy = false;
    await assert.rejects(restore(unit.tools(), LATEST), {
      message:
        "stack unit holds the restored data but is not healthy: see the lines above; ./fitnesscrm restore --undo goes back " +
        "to fitnesscrm_replaced_20250131100000",
    });
    assert.deepEqual(unit.said, ["FAIL  backend  it is ill"]);
    assert.equal(unit.stored, undefined);
    unit.healthy = true;
    await restore(unit.tools(), { what: "undo" });
    assert.equal(unit.server.databases.get("fitnesscrm")?.content, "old");
  });

  it("leaves a backend at zero that was at zero", async () => {
    const unit = world();
    unit.replicas = 0;
    unit.healthy = false;
    const summary = await restore(unit.tools(), LATEST);
    assert.equal(unit.replicas, 0);
    assert.equal(summary?.kind, "restore");
  });

  it("drops what was loaded a day ago and forgotten, and nothing that is younger", async () => {
    const unit = world();
    const loaded = { ...structuredClone(unit.server.databases.get("postgres")), content: "loaded" } as never;
    unit.server.databases.set("fitnesscrm_restore_20250130095959", loaded);
    unit.server.databases.set("fitnesscrm_restore_20250130100001", loaded);
    unit.server.databases.set("fitnesscrm_restored", loaded);
    await restore(unit.tools(), LATEST);
    assert.deepEqual(unit.said, [
      "restore: database fitnesscrm_restore_20250130095959, left by an earlier restore, was dropped",
    ]);
    assert.ok(unit.server.databases.has("fitnesscrm_restore_20250130100001"));
    assert.ok(unit.server.databases.has("fitnesscrm_restored"));
  });

  it("says what to do without a database, without a backup and without a wish", async () => {
    const unit = world();
    await assert.rejects(restore(unit.tools(), { what: "settle" }), {
      message:
        "restore: say what to restore: --latest, --id ID, --to-time TIME, or --undo for what the last one replaced",
      exitCode: 2,
    });
    unit.backups = [];
    await assert.rejects(restore(unit.tools(), LATEST), {
      message: "stack unit has no backup: ./fitnesscrm backup makes one",
    });
    unit.server.databases.delete("fitnesscrm");
    await assert.rejects(restore(unit.tools(), LATEST), {
      message:
        "database fitnesscrm does not exist: run ./fitnesscrm up --refresh --stack unit first, which makes it",
    });
  });
});
