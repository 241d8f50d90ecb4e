import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { FILES, type Manifest } from "../../../ops/backup/manifest";
import type { DrillResult } from "../../../ops/restore/drill";
import type { Loaded } from "../../../ops/restore/load";
import type { TaskRecord } from "../../../ops/tasks/records";
import { docker, eventually, exec } from "../images/sandbox";
import { type Objects, RestoreStage, why } from "./restoreStage";
import { DATABASE } from "./stage";

const target = (number: number) => `${DATABASE}_restore_2026010203040${number}`;

/**
 * Runs a command, and once it runs `program` does `then` to its process `$node`. Prints the command's exit code. A command line
 * tells those that run from what was killed before: that has none any more.
 */
const interrupted = (command: string, program: string, then: string) => `
  exec 3<&0
  node /opt/ops/main.js ${command} <&3 & node=$!
  until grep -qszx '${program}' /proc/[0-9]*/cmdline; do kill -0 $node || exit 90; done
  ${then}
  wait $node; echo "ended with $?"`;

describe("restores and drills, against PostgreSQL 17, age and the AWS emulator", function () {
  this.timeout(600_000);
  const world = new RestoreStage();
  before(() => world.open());
  after(() => world.close());
  beforeEach(() => world.settle("backups/"));
  afterEach(async () => {
    for (const name of await world.databases()) await world.drop(name);
    await exec(world.restore, "rm", "-f", "/tmp/seen", "/tmp/stopped", "/tmp/go-on");
  });

  const nothingLeft = async () => {
    assert.deepEqual(await world.databases(), []);
    assert.deepEqual(await world.leftovers(), []);
  };
  const edit = (objects: Objects, change: (manifest: Manifest) => void) => {
    const manifest = JSON.parse(String(objects[FILES.manifest])) as Manifest;
    change(manifest);
    objects[FILES.manifest] = Buffer.from(JSON.stringify(manifest));
  };
  const flip = (objects: Objects, name: string) => {
    const bytes = objects[name];
    assert.ok(bytes !== undefined && bytes.length > 1000);
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
  };
  /** A dump whose sequence is where it was before the last number was given, behind sums that fit. */
  const setBack = async (objects: Objects) => {
    const dump = await world.rewritten(
      objects[FILES.database],
      "s/setval('\\''public.invoice'\\'', 5000,/setval('\\''public.invoice'\\'', 4000,/",
    );
    objects[FILES.database] = dump;
    edit(objects, ({ files }) => {
      for (const file of files) {
        if (file.name !== FILES.database) continue;
        file.bytes = dump.length;
        file.sha256 = createHash("sha256").update(dump).digest("hex");
      }
    });
  };
  const behind =
    /what the manifest says: the sequence public\.invoice would give 4001 next, 5001 is expected$/;
  const largest = ({ tables }: Manifest) => {
    const [table] = [...tables].sort((a, b) => b.rows - a.rows);
    assert.ok(table !== undefined && table.rows > 100);
    return table;
  };

  describe("a load", () => {
    for (const from of ["any", "s3"] as const) {
      it(`brings every row back (from ${from}), into a database that is open to all once it was compared`, async () => {
        const { code, stdout, stderr } = await world.load(from, target(1));
        assert.equal(code, 0, stderr);
        const loaded = JSON.parse(String(stdout)) as Loaded;
        const rows = world.good.tables.reduce((sum, table) => sum + table.rows, 0);
        assert.deepEqual(
          { id: loaded.id, target: loaded.target, tables: loaded.tables, rows: loaded.rows },
          { id: world.good.id, target: target(1), tables: world.good.tables.length, rows },
        );
        assert.equal(loaded.createdAt, world.good.createdAt);
        assert.match(
          stderr,
          new RegExp(`fetching backup ${loaded.id} \\(${from === "any" ? "local" : "s3"}\\)`),
        );
        const { stage } = world;
        assert.deepEqual(await stage.ask(stage.ops, "differences", loaded.id, target(1)), []);
        const facts = `SELECT datconnlimit || ' ' || pg_get_userbyid(datdba) FROM pg_database WHERE datname = '${target(1)}'`;
        assert.equal(await stage.script(facts), `-1 ${DATABASE}_app`);
        const owner = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'parent'";
        assert.equal(await stage.script(owner, target(1)), `${DATABASE}_app`);
        assert.deepEqual(await world.leftovers(), []);
      });
    }

    it("does not touch a database that is there already", async () => {
      await world.stage.script(`CREATE DATABASE ${target(1)}`, "postgres");
      assert.match(why(await world.load("any", target(1))), /could not be created: .*already exists/);
      assert.deepEqual(await world.databases(), [target(1)]);
      assert.match(why(await world.load("any", DATABASE)), /is not one of a restore/);
    });

    it("refuses a password that is wrong, without showing it", async () => {
      const result = await world.load("any", target(1), { password: "wr0ng-secret" });
      assert.match(why(result), /the server at db:5432 cannot be used: .*authentication failed/);
      assert.doesNotMatch(result.stderr, /wr0ng/);
      await nothingLeft();
    });

    it("says that there is no backup at all, and no such backup", async () => {
      await world.settle("empty/");
      assert.match(why(await world.load("s3", target(1))), /^there is no backup in S3: make one/);
      const id = "20200101T000000Z-0000";
      assert.match(
        why(await world.load("any", target(1), { id })),
        /^there is no complete backup 2020.* here or in S3/,
      );
      await nothingLeft();
    });

    const faults: [string, (objects: Objects) => void | Promise<void>, RegExp][] = [
      ["a dump whose sequence is behind", setBack, behind],
      [
        "a manifest that lies about large objects",
        (objects) =>
          edit(objects, (manifest) => {
            manifest.largeObjects = { count: 4, checksum: "0" };
          }),
        /^what was restored is not what the manifest says: there are 3 large objects, 4 are expected$/,
      ],
      [
        "a copy that is cut",
        (objects) => {
          objects[FILES.database] = objects[FILES.database]?.subarray(0, -100) ?? Buffer.alloc(0);
        },
        /^the copy of \S+ in S3 is damaged: database\.tar\.age has \d+ bytes, \d+ are expected$/,
      ],
      [
        "a copy with one bit that flipped",
        (objects) => flip(objects, FILES.database),
        /^the copy of \S+ in S3 is damaged: database\.tar\.age has the SHA-256/,
      ],
      [
        "a copy whose file is missing",
        (objects) => {
          delete objects[FILES.database];
        },
        /^the copy of \S+ in S3 is not complete: database\.tar\.age is missing$/,
      ],
      [
        "a manifest that lies about a sum",
        (objects) =>
          edit(objects, ({ files }) => {
            for (const file of files) file.sha256 = "0".repeat(64);
          }),
        /database\.tar\.age has the SHA-256 [0-9a-f]{64}, 0{64} is expected$/,
      ],
      [
        "a manifest that lies about rows",
        (objects) =>
          edit(objects, (manifest) => {
            largest(manifest).rows += 1;
          }),
        /^what was restored is not what the manifest says: \S+ has (\d+) rows, \d+ are expected$/,
      ],
      [
        "a manifest that lies about a table's content",
        (objects) =>
          edit(objects, (manifest) => {
            largest(manifest).checksum = "0123456789abcdef";
          }),
        /^what was restored is not what the manifest says: \S+ has \d+ rows as expected, but other content$/,
      ],
      [
        "a manifest that knows a table more",
        (objects) =>
          edit(objects, ({ tables }) => {
            tables.push({ schema: "public", name: "ghost", rows: 3, checksum: "0" });
          }),
        /public\.ghost is missing \(3 rows expected\)$/,
      ],
      [
        "a manifest that is cut",
        (objects) => {
          objects[FILES.manifest] = objects[FILES.manifest]?.subarray(0, 200) ?? Buffer.alloc(0);
        },
        /^backup \S+ in S3 cannot be used: the manifest is not JSON: it is cut or damaged: see/,
      ],
      [
        "a manifest that is missing",
        (objects) => {
          delete objects[FILES.manifest];
        },
        /^there is no complete backup \S+ in S3/,
      ],
      [
        "a backup of a newer server",
        (objects) =>
          edit(objects, (manifest) => {
            manifest.serverVersion = "18.1 (Debian 18.1-1)";
            manifest.serverVersionNum = 180001;
          }),
        /^backup \S+ is of PostgreSQL 18\.1 \(Debian 18\.1-1\) and the server is 17\..*: restore it into version 18 or newer$/,
      ],
    ];
    for (const [what, fault, reason] of faults) {
      it(`refuses ${what}, and leaves nothing`, async () => {
        await world.damaged(fault);
        assert.match(why(await world.load("s3", target(1), { id: world.good.id })), reason);
        await nothingLeft();
      });
    }

    it("refuses content that was changed behind a sum that fits: the encryption tells", async () => {
      await world.damaged((objects) => {
        flip(objects, FILES.database);
        const sha256 = createHash("sha256")
          .update(objects[FILES.database] ?? "")
          .digest("hex");
        edit(objects, ({ files }) => {
          for (const file of files) if (file.name === FILES.database) file.sha256 = sha256;
        });
      });
      assert.match(why(await world.load("s3", target(1))), /^database\.tar\.age cannot be decrypted: /);
      await nothingLeft();
    });

    it("refuses the wrong key by its name", async () => {
      await world.useWrongKey();
      try {
        assert.match(
          why(await world.load("s3", target(1))),
          /^the key \/run\/secrets\/backup_identity does not open database\.tar\.age/,
        );
        await nothingLeft();
      } finally {
        await world.useKey(world.stage.identity);
      }
    });

    it("takes a backup of before its manifest told of sequences, large objects and materialized views", async () => {
      await world.damaged((objects) =>
        edit(objects, (manifest) => {
          delete manifest.sequences;
          delete manifest.largeObjects;
          delete manifest.materializedViews;
        }),
      );
      const { code, stderr } = await world.load("s3", target(1));
      assert.equal(code, 0, stderr);
    });

    it("takes a backup of an older server", async () => {
      await world.damaged((objects) =>
        edit(objects, (manifest) => {
          manifest.serverVersion = "15.10";
          manifest.serverVersionNum = 150010;
        }),
      );
      const { code, stderr } = await world.load("s3", target(1));
      assert.equal(code, 0, stderr);
    });

    it("takes the copy in S3 where the local one is damaged and both may be read, and only then", async () => {
      const file = `/backups/${world.good.id}/${FILES.database}`;
      await exec(world.stage.ops, "bash", "-c", `cp ${file} ${file}.kept && truncate -s -10 ${file}`);
      try {
        assert.match(
          why(await world.load("local", target(1))),
          /^the local backup \S+ is damaged: database\.tar\.age has \d+ bytes, \d+ are expected: take .*--from s3$/,
        );
        await nothingLeft();
        const { code, stderr } = await world.load("any", target(1));
        assert.equal(code, 0, stderr);
        assert.match(stderr, /the local backup \S+ is damaged: .*; the copy in S3 is taken/);
      } finally {
        await exec(world.stage.ops, "mv", `${file}.kept`, file);
      }
    });

    it("finds out before it begins that the disk is too small", async () => {
      const small = await world.start("small", "64k");
      assert.match(
        why(await world.load("s3", target(1), {}, small)),
        /^the disk with \/var\/lib\/restore has .* make room$/,
      );
      assert.deepEqual(await world.leftovers(small), []);
      assert.deepEqual(await world.databases(), []);
    });

    it("that is killed leaves a database that nobody can use, which the next load drops and says so", async () => {
      const input = JSON.stringify({ from: "s3", ...world.server(target(1)) });
      const killed = await world.script(interrupted("load", "pg_restore", "kill -KILL $node"), input);
      assert.match(String(killed.stdout), /ended with 137/);
      const limit = `SELECT datconnlimit FROM pg_database WHERE datname = '${target(1)}'`;
      assert.equal(await world.stage.script(limit), "0");
      assert.notDeepEqual(await world.leftovers(), []);
      const { code, stderr } = await world.load("s3", target(2));
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        new RegExp(`dropping the database ${target(1)}, which a restore that was killed left`),
      );
      assert.match(
        stderr,
        /removing \/var\/lib\/restore\/\.load-\S+, which a run that was killed left behind/,
      );
      assert.match(stderr, /removing \/tmp\/load-\S+, which a run that was killed left behind/);
      assert.deepEqual(await world.databases(), [target(2)]);
      assert.deepEqual(await world.leftovers(), []);
    });

    it("shows no password to other programs, keeps a second one off, and is not swept away by one elsewhere", async () => {
      const elsewhere = await world.start("restore-elsewhere");
      const input = JSON.stringify({ from: "s3", ...world.server(target(1)) });
      const look = `kill -STOP $node; touch /tmp/stopped
        cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' > /tmp/seen
        stat -c '%a %n' /tmp/load-*/pgpass
        until [ -e /tmp/go-on ]; do sleep 0.1; done; kill -CONT $node`;
      const first = world.script(interrupted("load", "pg_restore", look), input);
      try {
        await eventually("the first is stopped", async () =>
          (await exec(world.restore, "ls", "-A", "/tmp")).includes("stopped"),
        );
        assert.match(
          why(await world.load("s3", target(2))),
          /^a restore is running since 20\S+: wait for its end$/,
        );
        assert.equal((await world.load("s3", target(3), {}, elsewhere)).code, 0);
        assert.deepEqual(await world.databases(), [target(1), target(3)]);
      } finally {
        await exec(world.restore, "touch", "/tmp/go-on");
        await first;
      }
      const { stdout } = await first;
      const seen = await exec(world.restore, "cat", "/tmp/seen");
      assert.match(String(stdout), /^600 \/tmp\/load-\S+\/pgpass$/m);
      assert.match(String(stdout), /ended with 0/);
      assert.match(seen, /^pg_restore$/m);
      assert.ok(!seen.includes(world.password), "the password is in a command line or an environment");
      const left = await world.leftovers();
      assert.deepEqual(
        left.filter((name) => !["go-on", "seen", "stopped"].includes(name)),
        [],
      );
    });

    it("that is told to end drops its database and says what ended it", async () => {
      const input = JSON.stringify({ from: "s3", ...world.server(target(1)) });
      const ended = await world.script(interrupted("load", "pg_restore", "kill -TERM $node"), input);
      assert.match(String(ended.stdout), /ended with 1$/m);
      assert.match(ended.stderr, /ops: ended by SIGTERM/);
      await nothingLeft();
    });
  });

  describe("the uploads of a backup", () => {
    it("come as a plain tar of the very files", async () => {
      const { code, stdout, stderr } = await world.say(["uploads"], { id: world.good.id, from: "s3" });
      assert.equal(code, 0, stderr);
      const inside = await docker([
        "exec",
        world.stage.ops,
        "bash",
        "-c",
        "cd /uploads && sha256sum a/photo.jpg 'a b.txt'",
      ]);
      const unpack = `mkdir /tmp/out && tar -x -C /tmp/out && cd /tmp/out && sha256sum a/photo.jpg 'a b.txt'; rm -r /tmp/out`;
      const there = await world.script(`base64 -d | { ${unpack}; }`, stdout.toString("base64"));
      assert.equal(String(there.stdout).trim(), inside);
      assert.deepEqual(await world.leftovers(), []);
    });

    it("give not one byte when they are damaged or not what the manifest says", async () => {
      for (const [fault, reason] of [
        [(objects: Objects) => flip(objects, FILES.uploads), /uploads\.tar\.zst\.age has the SHA-256/],
        [
          (objects: Objects) =>
            edit(objects, ({ uploads }) => {
              uploads.files += 1;
            }),
          /^the uploads of \S+ are not what the manifest says: 2 files of \d+ bytes, 3 of \d+ are expected/,
        ],
      ] as const) {
        await world.damaged(fault);
        const result = await world.say(["uploads"], { id: world.good.id, from: "s3" });
        assert.match(why(result), reason);
        assert.equal(result.stdout.length, 0);
        assert.deepEqual(await world.leftovers(), []);
      }
    });
  });

  describe("a drill", () => {
    const drill = (container?: string) => world.say(["run", "restore-drill"], {}, container);

    it("restores the newest copy in S3 into a server of its own, and is recorded with its time", async () => {
      const { code, stdout, stderr } = await drill();
      assert.equal(code, 0, stderr);
      const record = JSON.parse(String(stdout)) as TaskRecord;
      const details = record.details as unknown as DrillResult;
      assert.equal(record.result, "ok");
      assert.deepEqual(
        [details.id, details.ok, details.tables],
        [world.good.id, true, world.good.tables.length],
      );
      assert.ok(
        details.seconds > 0 && (details.timings.restore ?? 0) > 0 && (details.timings.uploads ?? 0) > 0,
      );
      await nothingLeft();
    });

    const faults: [string, (objects: Objects) => void | Promise<void>, RegExp][] = [
      ["a dump whose sequence is behind", setBack, behind],
      ["a damaged dump", (objects) => flip(objects, FILES.database), /database\.tar\.age has the SHA-256/],
      [
        "damaged uploads",
        (objects) => flip(objects, FILES.uploads),
        /uploads\.tar\.zst\.age has the SHA-256/,
      ],
      [
        "a row that is missing",
        (objects) =>
          edit(objects, (manifest) => {
            largest(manifest).rows += 1;
          }),
        /what was restored is not what the manifest says: /,
      ],
      [
        "a newest manifest that is damaged",
        (objects) => {
          objects[FILES.manifest] = Buffer.from("{");
        },
        /^backup \S+ in S3 cannot be used/,
      ],
      [
        "a backup of a newer server",
        (objects) =>
          edit(objects, (manifest) => {
            manifest.serverVersion = "18.1";
            manifest.serverVersionNum = 180001;
          }),
        /is of PostgreSQL 18\.1 and the server is 17/,
      ],
    ];
    for (const [what, fault, reason] of faults) {
      it(`fails on ${what}, is recorded as failed, and leaves nothing`, async () => {
        await world.damaged(fault);
        assert.match(why(await drill()), reason);
        const last = await exec(
          world.restore,
          "tail",
          "-n1",
          "/var/lib/restore/.records/restore-drill.jsonl",
        );
        const record = JSON.parse(last) as TaskRecord;
        assert.equal(record.result, "failed");
        assert.match(record.reason, reason);
        await nothingLeft();
      });
    }

    it("says which disk ran full in the middle", async () => {
      await world.damaged((objects) =>
        edit(objects, ({ database }) => {
          // Or it would be found out before.
          database.bytes = 0;
        }),
      );
      const small = await world.start("drill-small", "20m");
      assert.match(why(await drill(small)), /^the disk with \/var\/lib\/restore ran full: make room \(/);
      assert.deepEqual(
        (await world.leftovers(small)).filter((name) => name !== ".records"),
        [],
      );
    });

    it("that is killed leaves a server's folder, which the next one removes", async () => {
      const killed = await world.script(
        interrupted("run restore-drill", "pg_restore", "kill -KILL $node"),
        "",
      );
      assert.match(String(killed.stdout), /ended with 137/);
      assert.notDeepEqual(await world.leftovers(), []);
      const { code, stderr } = await drill();
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /removing \/var\/lib\/restore\/\.drill-\S+, which a run that was killed left behind/,
      );
      await nothingLeft();
    });
  });
});
