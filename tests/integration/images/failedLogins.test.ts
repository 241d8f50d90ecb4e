import assert from "node:assert/strict";
import { Client } from "pg";
import { LOGINS_SQL, logins } from "../../../cli/database/logins";
import { countFailedLogins, type FailedLogins } from "../../../ops/security/failedLogins";
import { healthy, image, logs, Sandbox } from "./sandbox";

const PASSWORD = "password-of-the-test";
const READER = "password-of-the-reader";

describe("failed logins are counted from activity_log (M48, M49)", function () {
  this.timeout(240_000);
  const sandbox = new Sandbox();
  let container: string;
  let port: number;
  let admin: Client;

  before(async () => {
    await sandbox.open();
    container = await sandbox.start({
      image: await image("images/postgres"),
      args: ["-c", "log_statement=ddl", "-c", "timezone=America/New_York"],
      volumes: {
        "/var/lib/postgresql/data": "failed-logins",
        "/run/secrets": await sandbox.secrets("failed-logins", { postgres_password: PASSWORD }),
      },
      tmpfs: ["/run/postgresql", "/tmp"],
      publish: [5432],
    });
    await healthy(container);
    port = await sandbox.port(container, 5432);
    admin = new Client({ connectionString: url("postgres", PASSWORD) });
    await admin.connect();
    await admin.query(`CREATE ROLE reader LOGIN PASSWORD '${READER}' IN ROLE pg_read_all_data`);
  });
  beforeEach(() => admin.query("DROP TABLE IF EXISTS activity_log"));
  after(async () => {
    await admin?.end();
    await sandbox.close();
  });

  const url = (role: string, password: string) =>
    `postgresql://${role}:${password}@127.0.0.1:${port}/fitnesscrm`;
  const count = (minutes: number): Promise<FailedLogins> =>
    countFailedLogins({ url: url("reader", READER), minutes, timeoutMs: 5000 });

  async function table(created: string): Promise<void> {
    await admin.query(
      `CREATE TABLE activity_log (action text NOT NULL, email text, ip_address inet, created_at ${created})`,
    );
  }
  async function record(action: string, email: string, address: string, age: string): Promise<void> {
    await admin.query(
      `INSERT INTO activity_log SELECT $1, $2, $3::inet, (now() AT TIME ZONE 'UTC' - $4::interval) AT TIME ZONE zone
       FROM (SELECT CASE data_type WHEN 'timestamp with time zone' THEN 'UTC' ELSE current_setting('TimeZone') END AS zone
         FROM information_schema.columns WHERE table_name = 'activity_log' AND column_name = 'created_at') c`,
      [action, email, address, age],
    );
  }

  // An application may keep times without a zone, which then are UTC.
  for (const created of ["timestamptz NOT NULL", "timestamp NOT NULL"]) {
    it(`of the last minutes only, by account and address, with ${created}`, async () => {
      await table(created);
      for (const [email, address, age] of [
        ["ada@example.com", "192.0.2.1", "10 seconds"],
        ["ada@example.com", "192.0.2.2", "2 minutes"],
        ["ada@example.com", "192.0.2.2", "4 minutes"],
        ["ben@example.com", "192.0.2.2", "3 minutes"],
        ["cyd@example.com", "192.0.2.2", "6 minutes"],
      ] as const) {
        await record("login_failure", email, address, age);
      }
      await record("login", "ada@example.com", "192.0.2.2", "1 minute");
      assert.deepEqual(await count(5), { total: 4, worstAccount: 3, worstAddress: 3 });
      assert.deepEqual(await count(1), { total: 1, worstAccount: 1, worstAddress: 1 });
    });
  }

  it("in a table that says neither who nor from where", async () => {
    await admin.query("CREATE TABLE activity_log (action text, created_at timestamptz DEFAULT now())");
    await admin.query("INSERT INTO activity_log SELECT 'login_failure' FROM generate_series(1, 7)");
    assert.deepEqual(await count(1), { total: 7, worstAccount: 0, worstAddress: 0 });
  });

  it("to none where none failed", async () => {
    await table("timestamptz");
    assert.deepEqual(await count(10), { total: 0, worstAccount: 0, worstAddress: 0 });
  });

  it("and are not taken for none where there is no such table", async () => {
    await assert.rejects(count(10), /relation "activity_log" does not exist/);
  });

  it("and listed for a person, the most first", async () => {
    await table("timestamptz");
    await record("login_failure", "ben@example.com", "192.0.2.9", "1 minute");
    await record("login_failure", "ada@example.com", "192.0.2.1", "2 minutes");
    await record("login_failure", "ada@example.com", "192.0.2.1", "3 minutes");
    await record("login_failure", "old@example.com", "192.0.2.1", "25 hours");
    const { rows } = await admin.query(`SELECT json_agg(row) AS found FROM (${LOGINS_SQL}) row`);
    const found = logins.parse((rows[0] as { found: unknown }).found);
    assert.deepEqual(
      found.map(({ account, address, failures }) => [account, address, failures]),
      [
        ["ada@example.com", "192.0.2.1", 2],
        ["ben@example.com", "192.0.2.9", 1],
      ],
    );
  });

  it("while the server's log has every change of roles and rights, and of the schema (M51)", async () => {
    await admin.query("CREATE ROLE intruder");
    await admin.query("GRANT pg_read_all_data TO intruder");
    await admin.query("ALTER ROLE intruder SUPERUSER");
    await admin.query("CREATE TABLE planted (id int)");
    const log = await logs(container);
    for (const statement of [
      "CREATE ROLE intruder",
      "GRANT pg_read_all_data TO intruder",
      "ALTER ROLE intruder SUPERUSER",
      "CREATE TABLE planted",
    ]) {
      assert.ok(log.includes(`statement: ${statement}`), statement);
    }
  });
});
