import assert from "node:assert/strict";
import {
  docker,
  eventually,
  exec,
  exitCode,
  healthy,
  image,
  logs,
  Sandbox,
  stop,
  tryDocker,
} from "./sandbox";

// Every kind of character that a shell, a connection string or a password file could trip over.
const PASSWORD = "p'a\"s$s\\w:o rd`#%";
const DATA = "/var/lib/postgresql/data";

describe("the postgres image", function () {
  this.timeout(240_000);
  const sandbox = new Sandbox();
  let reference: string;

  before(async () => {
    await sandbox.open();
    reference = await image("images/postgres");
  });
  after(() => sandbox.close());

  interface Server {
    volume: string;
    password?: string;
    args?: string[];
    environment?: Record<string, string>;
    secrets?: Record<string, string>;
    user?: string;
  }
  async function start({
    volume,
    password = PASSWORD,
    args,
    environment,
    secrets,
    user,
  }: Server): Promise<string> {
    const folder = await sandbox.secrets(volume, secrets ?? { postgres_password: `${password}\n` });
    return sandbox.start({
      image: reference,
      args,
      environment,
      user,
      volumes: { [DATA]: volume, "/run/secrets": folder },
      tmpfs: ["/run/postgresql", "/tmp"],
    });
  }
  const sql = (container: string, text: string) =>
    exec(container, "psql", "-U", "postgres", "-d", "fitnesscrm", "-Atc", text);
  /** A log-in as a client elsewhere would do it: with a password, over TCP. */
  const login = (container: string, password: string) =>
    tryDocker([
      "exec",
      `--env=PGPASSWORD=${password}`,
      "--env=PGPASSFILE=/dev/null",
      container,
      ...["psql", "-w", "-h", "127.0.0.1", "-U", "postgres", "-d", "fitnesscrm", "-Atc", "SELECT 'in'"],
    ]);

  describe("on its first start", () => {
    let container: string;
    before(async () => {
      container = await start({
        volume: "first",
        args: [
          "-c",
          "max_connections=37",
          "-c",
          "log_statement=all",
          "-c",
          "shared_preload_libraries=pg_stat_statements",
        ],
      });
      await healthy(container);
    });

    it("has the database, UTF-8, checksums and the server arguments of the service", async () => {
      assert.equal(await sql(container, "SELECT current_database()"), "fitnesscrm");
      assert.equal(await sql(container, "SHOW server_encoding"), "UTF8");
      assert.equal(await sql(container, "SHOW data_checksums"), "on");
      assert.equal(await sql(container, "SHOW max_connections"), "37");
      assert.match(await sql(container, "SHOW server_version"), /^17\./);
      await sql(container, "CREATE EXTENSION pg_stat_statements");
    });

    it("lets the password in over TCP, and nothing else", async () => {
      assert.equal((await login(container, PASSWORD)).stdout.trim(), "in");
      const wrong = await login(container, "wrong");
      assert.notEqual(wrong.code, 0);
      assert.match(wrong.stderr, /password authentication failed/);
    });

    it("asks for a password on the socket too, so that a tunnel into it opens nothing", async () => {
      const { code, stderr } = await tryDocker([
        "exec",
        "--env=PGPASSFILE=/dev/null",
        container,
        ...["psql", "-w", "-U", "postgres", "-d", "fitnesscrm", "-c", "SELECT 1"],
      ]);
      assert.notEqual(code, 0);
      assert.match(stderr, /no password supplied/);
    });

    it("serves a tunnel through its socket", async () => {
      const { stdout } = await tryDocker([
        "exec",
        container,
        "sh",
        "-c",
        // An SSL request of the protocol: the server answers one byte, N or S.
        "printf '\\000\\000\\000\\010\\004\\322\\026\\057' | socat -t 2 - UNIX-CONNECT:/var/run/postgresql/.s.PGSQL.5432",
      ]);
      assert.match(stdout, /^[NS]$/);
    });

    it("never shows the password: not in processes, not in the container's description, not in the log", async () => {
      const processes = await exec(container, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
      for (const [where, text] of [
        ["processes", processes],
        ["inspect", await docker(["inspect", container])],
        ["log", await logs(container)],
      ]) {
        assert.equal(text?.includes(PASSWORD), false, where);
      }
    });

    it("runs as postgres without any capability", async () => {
      assert.equal(await exec(container, "id", "-un"), "postgres");
      assert.match(await exec(container, "cat", "/proc/1/status"), /CapBnd:\s0+\n/);
    });

    it("keeps its sessions when an orphan process ends badly", async () => {
      const started = await sql(container, "SELECT pg_postmaster_start_time()");
      const session = sql(container, "SELECT pg_sleep(2), 'survived'");
      await exec(container, "sh", "-c", "(sh -c 'sleep 0.3; exit 3' >/dev/null 2>&1 &)");
      await exec(container, "sh", "-c", "(sh -c 'sleep 0.3; kill -9 $$' >/dev/null 2>&1 &)");
      assert.match(await session, /survived/);
      assert.equal(await sql(container, "SELECT pg_postmaster_start_time()"), started);
      assert.doesNotMatch(await logs(container), /terminating any other active server processes/);
    });

    it("takes over a changed secret at its next start, in no log and in no statistics", async () => {
      const changed = "a-quite-new-password";
      await sandbox.secrets("first", { postgres_password: changed });
      await stop(container, 60);
      await docker(["start", container]);
      await healthy(container);
      assert.equal((await login(container, changed)).stdout.trim(), "in");
      assert.notEqual((await login(container, PASSWORD)).code, 0);
      const text = await logs(container);
      assert.match(text, /password of the role postgres was set from the secret postgres_password/);
      assert.equal(text.includes(changed), false);
      assert.doesNotMatch(text, /ALTER (USER|ROLE)/);
      assert.equal(
        await sql(container, "SELECT count(*) FROM pg_stat_statements WHERE query ~* 'alter (user|role)'"),
        "0",
      );
      assert.doesNotMatch(await exec(container, "cat", "/run/postgresql/pg_hba.conf"), /peer|trust/);
    });

    it("stops within seconds although a session is open, and cleanly", async () => {
      const session = tryDocker(["exec", container, "psql", "-U", "postgres", "-c", "SELECT pg_sleep(60)"]);
      await eventually(
        "the session is open",
        async () =>
          (await sql(container, "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'")) ===
          "1",
      );
      const took = await stop(container, 60);
      assert(took < 20_000, `it took ${took} ms`);
      await session;
      assert.equal(await exitCode(container), 0);
      assert.match(await logs(container), /database system is shut down/);
    });
  });

  it("keeps what was committed when it is killed, although its process id file stays behind", async () => {
    const container = await start({ volume: "crash" });
    await healthy(container);
    await sql(container, "CREATE TABLE kept AS SELECT 42 AS answer");
    await docker(["kill", container]);
    // What another image's server leaves: process 1, which is alive in every container.
    const peek = await sandbox.start({
      image: reference,
      entrypoint: "sh",
      args: [
        "-c",
        `sed -i '1s/.*/1/' ${DATA}/pgdata/postmaster.pid && head -n 1 ${DATA}/pgdata/postmaster.pid`,
      ],
      volumes: { [DATA]: "crash" },
    });
    assert.equal(await exitCode(peek), 0, await logs(peek));
    const next = await start({ volume: "crash" });
    await healthy(next);
    assert.equal(await sql(next, "SELECT answer FROM kept"), "42");
  });

  it("refuses to be the second server of a volume, and the first one notices nothing", async () => {
    const first = await start({ volume: "shared" });
    await healthy(first);
    const second = await start({ volume: "shared", environment: { LOCK_WAIT_SECONDS: "1" } });
    assert.equal(await exitCode(second), 1);
    assert.equal(
      await logs(second),
      `postgres: another server runs on ${DATA}: two servers must never share it; stop the other one first\n`,
    );
    assert.equal(await sql(first, "SELECT 1"), "1");
  });

  it("leaves nothing that looks like data when it is killed in its first start, and begins again", async () => {
    const container = await start({ volume: "interrupted" });
    await eventually(
      "initdb runs",
      async () =>
        (await tryDocker(["exec", container, "sh", "-c", `ls -d ${DATA}/.initdb-*/base`])).code === 0,
      30,
    );
    await docker(["kill", container]);
    const peek = await sandbox.start({
      image: reference,
      entrypoint: "ls",
      args: ["-A", DATA],
      volumes: { [DATA]: "interrupted" },
    });
    await exitCode(peek);
    assert.match(await logs(peek), /^\.initdb-\w+\n\.lock\n$/);
    const next = await start({ volume: "interrupted" });
    await healthy(next);
    assert.equal(await exec(next, "sh", "-c", `ls -A ${DATA}`), ".lock\npgdata");
  });

  it("stops at once when it is told to in its first start", async () => {
    const container = await start({ volume: "early" });
    await eventually(
      "initdb runs",
      async () => (await tryDocker(["exec", container, "sh", "-c", `ls -d ${DATA}/.initdb-*`])).code === 0,
      30,
    );
    const took = await stop(container, 30);
    assert(took < 15_000, `it took ${took} ms`);
    assert.notEqual(await exitCode(container), 137);
  });

  it("refuses data of another major version and says what to do", async () => {
    const prepare = await sandbox.start({
      image: reference,
      entrypoint: "sh",
      args: ["-c", `mkdir ${DATA}/pgdata && echo 16 > ${DATA}/pgdata/PG_VERSION`],
      volumes: { [DATA]: "old" },
    });
    assert.equal(await exitCode(prepare), 0);
    const container = await start({ volume: "old" });
    assert.equal(await exitCode(container), 1);
    assert.equal(
      await logs(container),
      `postgres: ${DATA}/pgdata was made by PostgreSQL 16 and this image runs 17: dump it with the old image and restore into a new volume, or run pg_upgrade; nothing was changed\n`,
    );
  });

  const refusals: [string, Partial<Server>, RegExp][] = [
    [
      "a missing secret",
      { secrets: {} },
      /^postgres: the secret \/run\/secrets\/postgres_password is missing or not readable for uid 999: .*\n$/,
    ],
    [
      "an empty secret",
      { password: "" },
      /^postgres: the secret \/run\/secrets\/postgres_password is empty: .*\n$/,
    ],
    [
      "a password of two lines",
      { password: "a\nb" },
      /^postgres: the secret .* has more than one line: .*\n$/,
    ],
    [
      "a database name that is none",
      { environment: { POSTGRES_DB: 'x"; DROP' } },
      /^postgres: POSTGRES_DB is "x"; DROP": .*\n$/,
    ],
    [
      "a volume of somebody else",
      { user: "12345" },
      /^postgres: \/var\/lib\/postgresql\/data is not writable for uid 12345: .*\n$/,
    ],
  ];
  for (const [what, server, message] of refusals) {
    it(`refuses ${what} with one line`, async () => {
      const container = await start({ volume: `refused-${what.replaceAll(" ", "-")}`, ...server });
      assert.notEqual(await exitCode(container), 0);
      assert.match(await logs(container), message);
    });
  }
});
