import assert from "node:assert/strict";
import { Client } from "pg";
import { run } from "../../../cli/exec";
import { spareRoleStatements } from "../../../cli/rotation/spareRole";
import { healthy, image, logs, Sandbox } from "./sandbox";

const [POSTGRES, APP, NEXT, LATER] = ["superuser", "application", "next", "later"].map(
  (name) => `password-of-the-${name}`,
) as [string, string, string, string];

describe("the spare role, as which the application logs in while its password is replaced", function () {
  this.timeout(240_000);
  const sandbox = new Sandbox();
  let container: string;
  let port: number;

  before(async () => {
    await sandbox.open();
    container = await sandbox.start({
      image: await image("images/postgres"),
      args: ["-c", "log_statement=ddl"],
      volumes: {
        "/var/lib/postgresql/data": "spare-role",
        "/run/secrets": await sandbox.secrets("spare-role", { postgres_password: POSTGRES }),
      },
      tmpfs: ["/run/postgresql", "/tmp"],
      publish: [5432],
    });
    await healthy(container);
    port = await sandbox.port(container, 5432);
    await as("postgres", POSTGRES, [
      `CREATE ROLE fitnesscrm_app LOGIN PASSWORD '${APP}'`,
      "REVOKE CONNECT ON DATABASE fitnesscrm FROM PUBLIC",
      "GRANT CONNECT ON DATABASE fitnesscrm TO fitnesscrm_app",
      "GRANT CREATE, USAGE ON SCHEMA public TO fitnesscrm_app",
    ]);
    await as("fitnesscrm_app", APP, ["CREATE TABLE clients (name text)"]);
    await prepare(NEXT);
  });
  after(() => sandbox.close());

  /** Runs statements in one session. @returns The rows of the last one. */
  async function as(role: string, password: string, statements: string[]): Promise<unknown[]> {
    const client = new Client({
      connectionString: `postgresql://${role}:${password}@127.0.0.1:${port}/fitnesscrm`,
    });
    try {
      await client.connect();
      let rows: unknown[] = [];
      for (const statement of statements) {
        ({ rows } = await client.query(statement));
      }
      return rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async function prepare(password: string): Promise<void> {
    const psql = [
      "exec",
      "-i",
      container,
      "psql",
      "-U",
      "postgres",
      "-XAtq",
      "-v",
      "ON_ERROR_STOP=1",
      "-d",
      "fitnesscrm",
    ];
    const { code, stderr } = await run("docker", psql, {
      input: spareRoleStatements("fitnesscrm", password, 10),
      timeoutSeconds: 30,
    });
    assert.equal(code, 0, stderr);
  }

  it("reads and writes what the application's role has, while that logs in as before", async () => {
    await as("fitnesscrm_app", APP, ["INSERT INTO clients VALUES ('old')"]);
    await as("fitnesscrm_app_spare", NEXT, [
      "INSERT INTO clients VALUES ('new')",
      "ALTER TABLE clients ADD age int",
    ]);
    assert.deepEqual(await as("fitnesscrm_app", APP, ["SELECT name FROM clients ORDER BY 1"]), [
      { name: "new" },
      { name: "old" },
    ]);
  });

  it("owns nothing of what it creates, so that it can go", async () => {
    await as("fitnesscrm_app_spare", NEXT, ["CREATE TABLE made_by_spare (id int)"]);
    const rows = await as("postgres", POSTGRES, [
      "SELECT tableowner FROM pg_tables WHERE tablename = 'made_by_spare'",
    ]);
    assert.deepEqual(rows, [{ tableowner: "fitnesscrm_app" }]);
    await as("postgres", POSTGRES, ["DROP ROLE fitnesscrm_app_spare"]);
    await prepare(NEXT);
  });

  it("takes another password when it is prepared once more, as after a kill", async () => {
    await prepare(LATER);
    assert.deepEqual(await as("fitnesscrm_app_spare", LATER, ["SELECT current_user::text AS role"]), [
      { role: "fitnesscrm_app" },
    ]);
    await assert.rejects(as("fitnesscrm_app_spare", NEXT, ["SELECT 1"]), /password authentication failed/);
  });

  it("leaves no password in the server's log", async () => {
    const log = await logs(container);
    assert.match(log, /ALTER ROLE "fitnesscrm_app_spare"/);
    for (const password of [NEXT, LATER]) {
      assert.equal(log.includes(password), false);
    }
  });
});
