import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { DockerHost } from "../../../cli/docker";
import { createReporter } from "../../../cli/reporter";
import { dockerEngine, type Engine } from "../../../cli/restore/engine";
import type { Journal } from "../../../cli/restore/journal";
import type { Request } from "../../../cli/restore/plan";
import { restore } from "../../../cli/restore/restore";
import { type Tools, toolsOf } from "../../../cli/restore/tools";
import { docker, eventually, exec, healthy, image, Sandbox, tryDocker } from "../images/sandbox";

const BACKUP = {
  id: "20250131T070000Z-1a2b",
  createdAt: "2025-01-31T07:00:00.000Z",
  bytes: 1,
  sha256: "00",
  label: null,
  release: "sha256:x",
  local: true,
  s3: true,
  verifiedAt: null,
};
const LATEST: Request = { what: "restore", choice: { latest: true }, from: "any", dryRun: false };
const PASSWORD = randomBytes(12).toString("hex");

/** The application's database as the stack declares it, with what no dump of it carries. */
const PROVISION = `
CREATE ROLE fitnesscrm_app LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE fitnesscrm_readonly LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE "odd ""role" NOLOGIN;
REVOKE ALL ON DATABASE fitnesscrm FROM PUBLIC;
GRANT CONNECT ON DATABASE fitnesscrm TO fitnesscrm_app, fitnesscrm_readonly;
GRANT TEMPORARY ON DATABASE fitnesscrm TO "odd ""role" WITH GRANT OPTION;
ALTER DATABASE fitnesscrm CONNECTION LIMIT 42;
ALTER DATABASE fitnesscrm SET search_path TO "$user", public, "a ""b";
ALTER DATABASE fitnesscrm SET "app.note" TO 'it''s a\\b = c';
ALTER ROLE fitnesscrm_readonly IN DATABASE fitnesscrm SET statement_timeout TO '7s';
COMMENT ON DATABASE fitnesscrm IS 'the application''s \\ own';
GRANT CREATE, USAGE ON SCHEMA public TO fitnesscrm_app;
GRANT USAGE ON SCHEMA public TO fitnesscrm_readonly;
ALTER DEFAULT PRIVILEGES FOR ROLE fitnesscrm_app IN SCHEMA public GRANT SELECT ON TABLES TO fitnesscrm_readonly;
SET ROLE fitnesscrm_app;
CREATE TABLE "odd "" table" (id int PRIMARY KEY);
CREATE TABLE contacts (id int PRIMARY KEY, name text);
INSERT INTO contacts SELECT n, 'contact ' || n FROM generate_series(1, 100) n;
`;

/** All that stands outside of a database and belongs to it. */
const OUTSIDE = `SELECT json_build_object(
  'owner', pg_get_userbyid(datdba), 'allow', datallowconn, 'limit', datconnlimit,
  'acl', ARRAY(SELECT e::text FROM unnest(datacl) e ORDER BY 1),
  'settings', ARRAY(SELECT setrole::regrole::text || ': ' || array_to_string(setconfig, ' | ')
    FROM pg_db_role_setting WHERE setdatabase = d.oid ORDER BY 1),
  'comment', shobj_description(d.oid, 'pg_database'))
FROM pg_database d WHERE datname = 'fitnesscrm'`;

/** What the dump must have brought along: grants inside of the database. */
const INSIDE = `SELECT json_build_object(
  'schema', (SELECT ARRAY(SELECT e::text FROM unnest(nspacl) e ORDER BY 1) FROM pg_namespace WHERE nspname = 'public'),
  'defaults', ARRAY(SELECT defaclrole::regrole::text || defaclobjtype::text || defaclacl::text FROM pg_default_acl ORDER BY 1),
  'owner', (SELECT relowner::regrole FROM pg_class WHERE relname = 'contacts'))`;

describe("the swap on a real server", function () {
  this.timeout(300_000);
  const sandbox = new Sandbox();
  const stack = `launcher-${randomBytes(3).toString("hex")}`;
  const volume = `fitnesscrm-${stack}-uploads`;
  let database: string;
  let postgres: string;
  let dump: string;
  let replicas = 2;
  let journal: Journal | undefined;
  const said: string[] = [];

  const sql = (text: string, name = "fitnesscrm"): Promise<string> =>
    exec(database, "psql", "-U", "postgres", "-d", name, "-v", "ON_ERROR_STOP=1", "-Atqc", text);
  const login = (role: string, text: string, name = "fitnesscrm") =>
    tryDocker([
      ...["exec", `--env=PGPASSWORD=${PASSWORD}`, "--env=PGPASSFILE=/dev/null", database],
      ...["psql", "-w", "-h", "127.0.0.1", "-U", role, "-d", name, "-Atc", text],
    ]);
  /** Runs a shell in the uploads volume as a user of the application. */
  const inUploads = (script: string, user = "1000"): Promise<string> =>
    docker([
      ...[
        "run",
        "--rm",
        "--user",
        user,
        "--network=none",
        "--entrypoint=/bin/bash",
        `--volume=${volume}:/uploads:nocopy`,
      ],
      ...["--workdir=/uploads", postgres, "-c", script],
    ]);

  before(async () => {
    await sandbox.open();
    postgres = await image("images/postgres");
    const secrets = await sandbox.secrets("db", { postgres_password: `${PASSWORD}\n` });
    database = await sandbox.start({
      image: postgres,
      volumes: { "/var/lib/postgresql/data": "data", "/run/secrets": secrets },
      tmpfs: ["/run/postgresql", "/tmp"],
    });
    await healthy(database);
    await sql(PROVISION);
    await docker(["volume", "create", volume]);
    await inUploads("chown 1000:1000 .; chmod 0750 .", "0");
    await inUploads(
      "umask 077; echo old >photo.jpg; mkdir -p members; echo old >members/-x; echo odd >$'new\\nline'",
    );
    dump = await exec(database, "pg_dump", "-U", "postgres", "fitnesscrm");
  });
  after(async () => {
    await sandbox.close();
    await tryDocker(["volume", "rm", "--force", volume]);
  });

  /** Docker itself, but for what this test has no stack for: the services, and the container that opens backups. */
  function engine(): Engine {
    const real = dockerEngine(new DockerHost(""));
    return {
      run: async (args, options) => {
        const words = args.join(" ");
        if (words.startsWith("container ls ")) {
          return { code: 0, stdout: `${database}\n`, stderr: "" };
        }
        if (args[0] !== "service") {
          return real.run(args, options);
        }
        if (args[1] === "update") {
          replicas = Number(args[args.indexOf("--replicas") + 1]);
        }
        return { code: 0, stdout: args[1] === "inspect" ? `${replicas}\n` : "", stderr: "" };
      },
      pipe: (_, sink) => {
        const script = `
          mkdir -p /tmp/backup/members && cd /tmp/backup && echo new >photo.jpg && echo new >members/new.txt &&
          chmod 0640 photo.jpg && tar -c --owner=1000 --group=1000 photo.jpg members`;
        return real.pipe(["exec", "-i", database, "/bin/bash", "-c", script], sink);
      },
    };
  }

  function tools(): Tools {
    return toolsOf({
      stack,
      live: "fitnesscrm",
      engine: engine(),
      journal: {
        read: () => journal,
        write: (entry) => {
          journal = entry;
        },
        remove: () => {
          journal = undefined;
        },
      },
      ops: async (_, args, options) => (args[0] === "backups" ? [BACKUP] : load(options?.input ?? "")),
      password: async () => PASSWORD,
      health: async () => ({ healthy: true, components: [] }),
      ask: async () => true,
      reporter: createReporter({ stream: { write: () => true, isTTY: false, columns: 80 } }),
      say: (line) => said.push(line),
      now: () => new Date(),
      interruption: { hold: () => {}, release: () => {}, held: undefined },
    });
  }

  /** As the restore container does it: a new database of the application's role, and the dump in it. */
  async function load(input: string): Promise<unknown> {
    const { target } = JSON.parse(input) as { target: string };
    await sql(`CREATE DATABASE "${target}" TEMPLATE template0 OWNER fitnesscrm_app`, "postgres");
    const psql = [
      "exec",
      "-i",
      database,
      "psql",
      "-U",
      "postgres",
      "-d",
      target,
      "-v",
      "ON_ERROR_STOP=1",
      "-q",
    ];
    const { code, stderr } = await dockerEngine(new DockerHost("")).run(psql, { input: dump });
    assert.equal(code, 0, stderr);
    return { id: BACKUP.id, createdAt: BACKUP.createdAt, target, tables: 2, rows: 100, seconds: 1 };
  }

  const state = async () => ({
    outside: JSON.parse(await sql(OUTSIDE)) as { acl: string[]; settings: string[] },
    inside: JSON.parse(await sql(INSIDE)) as unknown,
  });
  const rows = () => sql("SELECT count(*) FROM contacts");
  const uploads = () => inUploads("find . -type f -printf '%P %u %m ' -exec cat {} \\; | sort");

  it("changes the data and nothing else, with clients that keep coming", async () => {
    const before = await state();
    assert.equal(before.outside.acl.length, 4, "the provisioning has had its effect");
    assert.equal(before.outside.settings.length, 2);
    await sql("DELETE FROM contacts WHERE id > 40; CREATE TABLE later (x int); INSERT INTO later VALUES (1)");
    // One session stays in the database and more come all the time: the rename waits for nobody.
    const crowd = spawn("docker", [
      ...["exec", `--env=PGPASSWORD=${PASSWORD}`, "--env=PGPASSFILE=/dev/null", database, "/bin/bash", "-c"],
      "psql -w -h 127.0.0.1 -U fitnesscrm_app -d fitnesscrm -c 'SELECT pg_sleep(600)' & " +
        "for n in $(seq 400); do psql -w -h 127.0.0.1 -U fitnesscrm_app -d fitnesscrm -c 'SELECT 1'; done",
    ]);
    const sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'fitnesscrm_app'";
    await eventually("the clients are in", async () => Number(await sql(sessions)) > 0);
    const summary = await restore(tools(), LATEST);
    crowd.kill();

    assert.equal(await rows(), "100");
    assert.deepEqual(await state(), before);
    assert.equal(replicas, 2);
    assert.equal(journal, undefined);
    assert.deepEqual(summary?.tables, [
      { table: "public.contacts", before: 40, after: 100 },
      { table: "public.later", before: 1, after: null },
      { table: 'public.odd " table', before: 0, after: 0 },
    ]);
    assert.equal((await login("fitnesscrm_app", "SELECT count(*) FROM contacts")).stdout.trim(), "100");
    assert.equal((await login("fitnesscrm_readonly", "SHOW statement_timeout")).stdout.trim(), "7s");
    assert.equal(
      (await login("fitnesscrm_app", "SHOW search_path")).stdout.trim(),
      '"$user", public, "a ""b"',
    );
    const replaced = summary?.replaced ?? "";
    assert.match(
      (await login("fitnesscrm_app", "SELECT 1", replaced)).stderr,
      /too many connections for database/,
    );
    assert.equal(await sql("SELECT count(*) FROM contacts", replaced), "40");
  });

  it("has put the backup's uploads in place, with their owner and mode", async () => {
    assert.equal(await uploads(), "members/new.txt 1000 644 new\nphoto.jpg 1000 640 new");
    assert.equal(await inUploads("stat -c '%u %g %a' ."), "1000 1000 750");
  });

  it("undoes all of it", async () => {
    const before = await state();
    await restore(tools(), { what: "undo" });
    assert.equal(await rows(), "40");
    assert.deepEqual(await state(), before);
    assert.equal(await inUploads("cat photo.jpg members/-x $'new\\nline'"), "old\nold\nodd");
    assert.equal(await inUploads("stat -c '%u %a' photo.jpg"), "1000 600");
  });

  it("puts the volume and the server right after a kill between the two", async () => {
    const broken = tools();
    broken.uploads.swap = async () => {
      throw new Error("killed");
    };
    broken.backend.start = async () => {
      throw new Error("killed");
    };
    await assert.rejects(restore(broken, LATEST), /killed/);
    assert.deepEqual([await rows(), replicas, journal?.step], ["100", 0, "swap"]);
    await restore(tools(), { what: "settle" });
    assert.match(said.at(-1) ?? "", /that was ended after the swap was finished$/);
    assert.deepEqual([await rows(), replicas, journal], ["100", 2, undefined]);
    assert.equal(await uploads(), "members/new.txt 1000 644 new\nphoto.jpg 1000 640 new");
  });

  it("calls off the swap of a restore that was reversed", async () => {
    const slow = tools();
    let late = "";
    slow.server.swap = async (swap) => {
      const { swapSql } = await import("../../../cli/restore/swap");
      late = swapSql(swap);
      throw new Error("killed");
    };
    const before = await state();
    await assert.rejects(restore(slow, LATEST), /was reversed/);
    const server = await tryDocker([
      ...["exec", database, "psql", "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", late],
    ]);
    assert.match(server.stderr, /the swap was called off/);
    assert.deepEqual(await state(), before);
    assert.deepEqual([await rows(), replicas], ["100", 2]);
  });

  it("drops everything that was kept, and only that", async () => {
    await restore(tools(), { what: "confirm" });
    const databases = await sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1");
    assert.deepEqual(databases.split("\n"), ["fitnesscrm", "postgres"]);
    assert.equal(await inUploads("ls -A", "0"), "members\nphoto.jpg");
    assert.match(
      said.at(-1) ?? "",
      /^restore: dropped database fitnesscrm_replaced_\d{14} \([\d.]+ MiB, replaced /,
    );
  });
});
