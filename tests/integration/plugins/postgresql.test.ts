import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as postgresql from "@pulumi/postgresql";
import fc from "fast-check";
import { parseConfig } from "../../../plugins/postgresql/config";
import { role } from "../../../plugins/postgresql/role";
import { schema } from "../../../plugins/postgresql/schema";
import { Server } from "../../../plugins/postgresql/server";
import type { RoleInputs } from "../../../plugins/postgresql/types";
import { conformance, official, type Suite } from "./harness";
import { docker, startServer, type TestServer, until } from "./postgresServer";

let server: TestServer;
const password = (): string => randomBytes(9).toString("hex");

/** A provider for the test's server; the engine takes it from the program like any other resource's option. */
function provider(args: Partial<postgresql.ProviderArgs> = {}): { provider: postgresql.Provider } {
  return {
    provider: new postgresql.Provider("pg", {
      host: "127.0.0.1",
      port: server.port,
      username: "postgres",
      password: server.password,
      sslmode: "disable",
      connectTimeout: 20,
      ...args,
    }),
  };
}

async function names(query: string): Promise<string[]> {
  const rows = await server.sql<{ name: string }>(query);
  return rows.map((row) => row.name);
}

const startUp = async () => {
  server = await startServer("conf-pg");
};
const tearDown = async () => {
  await server?.remove();
};

const suite = (rest: Omit<Suite, "plugins" | "before" | "after" | "anyOrder">): void =>
  conformance({ plugins: ["postgresql"], before: startUp, after: tearDown, anyOrder: true, ...rest });

const FIRST = password();
const SECOND = password();
const NASTY = `o'Brien "admin"; DROP ROLE postgres; -- \\ ü`;

suite({
  title: "postgresql.Role",
  secrets: [FIRST, SECOND],
  steps: [
    {
      name: "creates a role that can log in, with its settings",
      program: async () => {
        const options = provider();
        const group = new postgresql.Role("group", { name: "readers" }, options);
        new postgresql.Role(
          "app",
          {
            name: "app",
            login: true,
            password: FIRST,
            connectionLimit: 7,
            roles: [group.name],
            searchPaths: ["app", "$user"],
            statementTimeout: 30_000,
            idleInTransactionSessionTimeout: 60_000,
            validUntil: "2040-01-01T00:00:00Z",
          },
          options,
        );
        new postgresql.Role("nasty", { name: NASTY }, options);
      },
      expect: { group: "create", app: "create", nasty: "create" },
      async check({ state }) {
        assert.equal(state("app").id, "app");
        assert.equal(state("nasty").id, NASTY);
        assert.equal(state("app").outputs.password, FIRST);
        assert.ok(await server.canLogIn("app", FIRST));
        assert.deepEqual(
          await server.sql(
            "SELECT rolconnlimit, rolinherit, rolsuper, rolconfig FROM pg_roles WHERE rolname = 'app'",
          ),
          [
            {
              rolconnlimit: 7,
              rolinherit: true,
              rolsuper: false,
              rolconfig: [
                'search_path=app, "$user"',
                "statement_timeout=30000",
                "idle_in_transaction_session_timeout=60000",
              ],
            },
          ],
        );
        assert.deepEqual(
          await names(
            "SELECT rolname AS name FROM pg_roles WHERE pg_has_role('app', oid, 'member') AND rolname <> 'app'",
          ),
          ["readers"],
        );
        if (!official) {
          assert.ok(!(await server.log()).includes(FIRST), "the server's log holds the clear password");
        }
      },
    },
    {
      name: "changes attributes, settings and password in place",
      program: async () => {
        const options = provider();
        new postgresql.Role("group", { name: "readers" }, options);
        new postgresql.Role(
          "app",
          {
            name: "app",
            login: true,
            password: SECOND,
            connectionLimit: 9,
            createDatabase: true,
            statementTimeout: 40_000,
            validUntil: "2040-01-01T00:00:00Z",
          },
          options,
        );
        new postgresql.Role("nasty", { name: NASTY }, options);
      },
      expect: {
        group: "same",
        nasty: "same",
        app: {
          update: [
            "password",
            "connectionLimit",
            "createDatabase",
            "roles",
            "searchPaths",
            "statementTimeout",
            "idleInTransactionSessionTimeout",
          ],
        },
      },
      async check() {
        assert.ok(await server.canLogIn("app", SECOND));
        assert.ok(!(await server.canLogIn("app", FIRST)));
        assert.deepEqual(
          await server.sql("SELECT rolconnlimit, rolcreatedb, rolconfig FROM pg_roles WHERE rolname = 'app'"),
          [{ rolconnlimit: 9, rolcreatedb: true, rolconfig: ["statement_timeout=40000"] }],
        );
        assert.deepEqual(await server.sql("SELECT 1 FROM pg_auth_members WHERE member = 'app'::regrole"), []);
      },
    },
    {
      name: "sees and undoes what somebody altered behind its back",
      drift: async () => {
        await server.sql("ALTER ROLE app CONNECTION LIMIT 100 CREATEROLE");
        await server.sql("ALTER ROLE app SET statement_timeout TO '2min'");
        await server.sql("ALTER ROLE readers LOGIN");
        await server.sql("GRANT readers TO app");
      },
      drifted: {
        app: { update: ["connectionLimit", "createRole", "roles", "statementTimeout"] },
        group: { update: ["login"] },
      },
      expect: {
        nasty: "same",
        group: { update: ["login"] },
        app: { update: ["connectionLimit", "createRole", "roles", "statementTimeout"] },
      },
      async check() {
        assert.deepEqual(
          await server.sql("SELECT rolconnlimit, rolcreaterole FROM pg_roles WHERE rolname = 'app'"),
          [{ rolconnlimit: 9, rolcreaterole: false }],
        );
        assert.deepEqual(await server.sql("SELECT 1 FROM pg_auth_members WHERE member = 'app'::regrole"), []);
      },
    },
    ...(official
      ? []
      : [
          {
            name: "sees and undoes a changed password, which the official plugin cannot",
            drift: async () => {
              await server.sql("ALTER ROLE app PASSWORD 'another'");
            },
            drifted: { app: { update: ["password"] } },
            expect: { nasty: "same" as const, group: "same" as const, app: { update: ["password"] } },
            async check() {
              assert.ok(await server.canLogIn("app", SECOND));
            },
          },
        ]),
    {
      name: "makes a role again that somebody dropped",
      drift: async () => {
        await server.sql("DROP ROLE readers");
      },
      drifted: { group: "delete" },
      expect: { nasty: "same", app: "same", group: "create" },
      async check() {
        assert.deepEqual(await names("SELECT rolname AS name FROM pg_roles WHERE rolname = 'readers'"), [
          "readers",
        ]);
      },
    },
    {
      name: "says what to do about a role that exists already, and names no secret",
      program: async () => {
        const options = provider();
        new postgresql.Role("group", { name: "readers" }, options);
        new postgresql.Role("nasty", { name: NASTY }, options);
        new postgresql.Role("twin", { name: "postgres", password: FIRST }, options);
      },
      fails: official
        ? /already exists/
        : /role "postgres" exists already: import it \(pulumi import .*\) or remove it/,
      expect: { group: "same", nasty: "same", twin: "create", app: "delete" },
      check({ said }) {
        assert.ok(!said.includes(FIRST));
        assert.ok(!said.includes("SCRAM-SHA-256$"));
      },
    },
    {
      name: "drops a role together with what it owns, which goes to the provider's user",
      drift: async () => {
        await server.sql("GRANT CREATE ON SCHEMA public TO app");
        await server.sql("CREATE TABLE public.kept (id int)");
        await server.sql("ALTER TABLE public.kept OWNER TO app");
      },
      program: async () => {
        const options = provider();
        new postgresql.Role("group", { name: "readers" }, options);
        new postgresql.Role("nasty", { name: NASTY }, options);
      },
      expect: { group: "same", nasty: "same", app: "delete" },
      async check() {
        assert.deepEqual(
          await names("SELECT tableowner::text AS name FROM pg_tables WHERE tablename = 'kept'"),
          ["postgres"],
        );
        assert.deepEqual(await names("SELECT rolname AS name FROM pg_roles WHERE rolname = 'app'"), []);
      },
    },
  ],
  gone: async () => {
    assert.deepEqual(
      await names(
        "SELECT rolname AS name FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%' AND rolname <> 'postgres'",
      ),
      [],
    );
  },
});

suite({
  title: "postgresql.Database, Schema and Extension",
  steps: [
    {
      name: "creates them with the upstream defaults",
      program: async () => {
        const options = provider();
        const owner = new postgresql.Role("owner", { name: "owner" }, options);
        const database = new postgresql.Database(
          "db",
          { name: "crm", owner: owner.name, connectionLimit: 90 },
          options,
        );
        new postgresql.Schema("schema", { name: "reports", database: database.name }, options);
        new postgresql.Extension("ext", { name: "citext", database: database.name }, options);
        new postgresql.Database("auto", {}, options);
      },
      expect: { owner: "create", db: "create", schema: "create", ext: "create", auto: "create" },
      async check({ state }) {
        assert.equal(state("db").id, "crm");
        assert.equal(state("schema").id, "crm.reports");
        assert.equal(state("ext").id, "crm.citext");
        assert.match(state("auto").id, /^auto-[0-9a-f]{7}$/);
        const { outputs } = state("db");
        assert.equal(outputs.encoding, "UTF8");
        assert.equal(outputs.template, "template0");
        assert.equal(outputs.tablespaceName, "pg_default");
        assert.equal(outputs.isTemplate, false);
        assert.equal(state("ext").outputs.schema, "public");
        assert.equal(state("schema").outputs.owner, "postgres");
        assert.deepEqual(
          await names("SELECT datname AS name FROM pg_database WHERE datdba = 'owner'::regrole"),
          ["crm"],
        );
      },
    },
    {
      name: "changes owner, limit, name and schema in place",
      program: async () => {
        const options = provider();
        const owner = new postgresql.Role("owner", { name: "owner" }, options);
        const database = new postgresql.Database(
          "db",
          { name: "crm", connectionLimit: 80, owner: "postgres" },
          options,
        );
        const schema = new postgresql.Schema(
          "schema",
          { name: "statements", database: database.name, owner: owner.name },
          options,
        );
        new postgresql.Extension(
          "ext",
          { name: "citext", database: database.name, schema: schema.name },
          options,
        );
        new postgresql.Database("auto", {}, options);
      },
      expect: {
        owner: "same",
        auto: "same",
        db: { update: ["connectionLimit", "owner"] },
        schema: { update: ["name", "owner"] },
        ext: { update: ["schema"] },
      },
      async check() {
        assert.deepEqual(
          await server.sql(
            "SELECT nspname::text, pg_get_userbyid(nspowner)::text AS owner FROM pg_namespace WHERE nspname IN ('reports', 'statements')",
            [],
            "crm",
          ),
          [{ nspname: "statements", owner: "owner" }],
        );
        assert.deepEqual(
          await server.sql(
            "SELECT extnamespace::regnamespace::text AS schema FROM pg_extension WHERE extname = 'citext'",
            [],
            "crm",
          ),
          [{ schema: "statements" }],
        );
      },
    },
    {
      name: "sees and undoes a changed connection limit and a moved extension",
      drift: async () => {
        await server.sql("ALTER DATABASE crm CONNECTION LIMIT 1000");
        await server.sql("ALTER EXTENSION citext SET SCHEMA public", [], "crm");
      },
      drifted: { db: { update: ["connectionLimit"] }, ext: { update: ["schema"] } },
      expect: {
        owner: "same",
        auto: "same",
        schema: "same",
        db: { update: ["connectionLimit"] },
        ext: { update: ["schema"] },
      },
    },
    {
      name: "drops a schema and an extension",
      program: async () => {
        const options = provider();
        new postgresql.Role("owner", { name: "owner" }, options);
        new postgresql.Database("db", { name: "crm", connectionLimit: 80, owner: "postgres" }, options);
        new postgresql.Database("auto", {}, options);
      },
      expect: { owner: "same", auto: "same", db: "same", schema: "delete", ext: "delete" },
      async check() {
        const left =
          "SELECT nspname AS name FROM pg_namespace WHERE nspname = 'statements' UNION SELECT extname FROM pg_extension WHERE extname = 'citext'";
        assert.deepEqual(await server.sql(left, [], "crm"), []);
      },
    },
    {
      name: "replaces a database of the same name delete-first when its encoding changes",
      program: async () => {
        const options = provider();
        new postgresql.Role("owner", { name: "owner" }, options);
        new postgresql.Database(
          "db",
          {
            name: "crm",
            connectionLimit: 80,
            owner: "postgres",
            encoding: "SQL_ASCII",
            lcCollate: "C",
            lcCtype: "C",
          },
          options,
        );
        new postgresql.Database("auto", {}, options);
      },
      expect: {
        owner: "same",
        auto: "same",
        db: { replace: ["encoding", "lcCollate", "lcCtype"], deleteFirst: true },
      },
      async check() {
        assert.deepEqual(
          await names("SELECT pg_encoding_to_char(encoding) AS name FROM pg_database WHERE datname = 'crm'"),
          ["SQL_ASCII"],
        );
      },
    },
    {
      name: "says what to do about a database that exists already",
      program: async () => {
        const options = provider();
        new postgresql.Role("owner", { name: "owner" }, options);
        new postgresql.Database("twin", { name: "postgres" }, options);
      },
      fails: official ? /already exists/ : /database "postgres" exists already: import it .* or remove it/,
      expect: { owner: "same", twin: "create", db: "delete", auto: "delete" },
    },
  ],
  gone: async () => {
    assert.deepEqual(
      await names("SELECT datname AS name FROM pg_database WHERE datname NOT LIKE 'template_'"),
      ["postgres"],
    );
  },
});

interface Grants {
  readonly table?: string[];
  readonly grantOption?: boolean;
  readonly defaults?: string[];
  readonly admin?: boolean;
}

const grants =
  ({
    table = ["SELECT", "INSERT"],
    grantOption = false,
    defaults = ["SELECT"],
    admin = false,
  }: Grants = {}) =>
  async () => {
    const options = provider();
    const reader = new postgresql.Role(
      "reader",
      { name: "reader", roles: ["pg_monitor", "pg_signal_backend"] },
      options,
    );
    const on = { database: "postgres", role: reader.name };
    new postgresql.Grant("connect", { ...on, objectType: "database", privileges: ["CONNECT"] }, options);
    new postgresql.Grant(
      "usage",
      { ...on, schema: "public", objectType: "schema", privileges: ["USAGE"] },
      options,
    );
    const tables = new postgresql.Grant(
      "tables",
      { ...on, schema: "public", objectType: "table", privileges: table, withGrantOption: grantOption },
      options,
    );
    new postgresql.Grant(
      "column",
      {
        ...on,
        schema: "public",
        objectType: "column",
        objects: ["one"],
        columns: ["b"],
        privileges: ["UPDATE"],
      },
      // A grant on all tables takes what columns have first, as it does upstream.
      { ...options, dependsOn: [tables] },
    );
    new postgresql.Grant(
      "function",
      { ...on, schema: "public", objectType: "function", objects: ["f(integer)"], privileges: ["EXECUTE"] },
      options,
    );
    new postgresql.Grant(
      "revoked",
      { database: "postgres", role: "public", schema: "public", objectType: "schema", privileges: [] },
      options,
    );
    new postgresql.DefaultPrivileges(
      "defaults",
      { ...on, schema: "public", owner: "postgres", objectType: "table", privileges: defaults },
      options,
    );
    new postgresql.GrantRole(
      "member",
      { role: reader.name, grantRole: "pg_signal_backend", withAdminOption: admin },
      { ...options, deleteBeforeReplace: true },
    );
  };

const SAME = {
  reader: "same",
  connect: "same",
  usage: "same",
  tables: "same",
  column: "same",
  function: "same",
  revoked: "same",
  defaults: "same",
  member: "same",
} as const;

/** Membership in a role that GrantRole manages shows in Role.roles too, as it does upstream: declared in both. */
suite({
  title: "postgresql.Grant, GrantRole and DefaultPrivileges",
  steps: [
    {
      name: "grants on every kind of object that the project uses",
      drift: async () => {
        await server.sql("CREATE TABLE one (a int, b int); CREATE TABLE two (a int)");
        await server.sql("CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1'");
        await server.sql("REVOKE ALL ON FUNCTION f(integer) FROM public");
      },
      program: async () => {
        await grants()();
      },
      expect: Object.fromEntries(Object.keys(SAME).map((name) => [name, "create" as const])),
      async check({ state }) {
        assert.equal(state("connect").id, "reader_postgres_database");
        assert.equal(state("usage").id, "reader_postgres_public_schema");
        assert.equal(state("tables").id, "reader_postgres_public_table");
        assert.equal(state("column").id, "reader_postgres_public_column_one_b");
        assert.equal(state("function").id, "reader_postgres_public_function_f(integer)");
        assert.equal(state("defaults").id, "reader_postgres_public_postgres_table");
        assert.equal(state("member").id, "reader_pg_signal_backend_false");
        const [row] = await server.sql(`SELECT has_database_privilege('reader', 'postgres', 'CONNECT') AS c,
          has_table_privilege('reader', 'one', 'INSERT') AS i, has_table_privilege('reader', 'two', 'SELECT') AS s,
          has_table_privilege('reader', 'two', 'DELETE') AS d, has_column_privilege('reader', 'one', 'b', 'UPDATE') AS b,
          has_column_privilege('reader', 'one', 'a', 'UPDATE') AS a,
          has_function_privilege('reader', 'f(integer)', 'EXECUTE') AS f,
          pg_has_role('reader', 'pg_signal_backend', 'MEMBER') AS m`);
        assert.deepEqual(row, { c: true, i: true, s: true, d: false, b: true, a: false, f: true, m: true });
        await server.sql("CREATE TABLE later (a int)");
        const [later] = await server.sql("SELECT has_table_privilege('reader', 'later', 'SELECT') AS s");
        assert.deepEqual(later, { s: true });
        await server.sql("DROP TABLE later");
      },
    },
    {
      name: "changes privileges in place",
      program: async () => {
        await grants({ table: ["SELECT"], defaults: ["SELECT", "UPDATE"] })();
      },
      expect: { ...SAME, tables: { update: ["privileges[]"] }, defaults: { update: ["privileges[]"] } },
      async check() {
        const [row] = await server.sql(`SELECT has_table_privilege('reader', 'one', 'INSERT') AS i,
          has_table_privilege('reader', 'one', 'SELECT') AS s, has_column_privilege('reader', 'one', 'b', 'UPDATE') AS b`);
        assert.deepEqual(row, { i: false, s: true, b: false });
        // Taking everything back on all tables takes the columns' privileges too, as it does upstream.
        await server.sql("GRANT UPDATE (b) ON one TO reader");
      },
    },
    {
      name: "sees a revoked grant, an extra one and a lost membership, and sets them right",
      drift: async () => {
        await server.sql("REVOKE SELECT ON two FROM reader");
        await server.sql("REVOKE USAGE ON SCHEMA public FROM reader");
        await server.sql("GRANT CREATE ON DATABASE postgres TO reader");
        await server.sql("GRANT USAGE ON SCHEMA public TO public");
        await server.sql("REVOKE pg_signal_backend FROM reader");
        await server.sql("REVOKE EXECUTE ON FUNCTION f(integer) FROM reader");
      },
      drifted: {
        tables: { update: ["privileges"] },
        usage: { update: ["privileges"] },
        connect: { update: ["privileges[]"] },
        revoked: { update: ["privileges"] },
        function: { update: ["privileges"] },
        reader: { update: ["roles[]"] },
        member: "delete",
      },
      expect: {
        ...SAME,
        tables: { update: ["privileges"] },
        usage: { update: ["privileges"] },
        connect: { update: ["privileges[]"] },
        revoked: { update: ["privileges"] },
        function: { update: ["privileges"] },
        reader: { update: ["roles[]"] },
        member: "create",
      },
      async check() {
        const [row] = await server.sql(`SELECT has_table_privilege('reader', 'two', 'SELECT') AS s,
          has_database_privilege('reader', 'postgres', 'CREATE') AS c,
          has_schema_privilege('reader', 'public', 'USAGE') AS u, pg_has_role('reader', 'pg_signal_backend', 'MEMBER') AS m`);
        assert.deepEqual(row, { s: true, c: false, u: true, m: true });
        await server.sql("GRANT UPDATE (b) ON one TO reader");
      },
    },
    {
      name: "replaces what cannot change in place, a grant delete-first",
      program: async () => {
        await grants({ table: ["SELECT"], defaults: ["SELECT", "UPDATE"], grantOption: true, admin: true })();
      },
      expect: {
        ...SAME,
        tables: { replace: ["withGrantOption"], deleteFirst: true },
        member: { replace: ["withAdminOption"], deleteFirst: true },
      },
      async check({ state }) {
        assert.equal(state("member").id, "reader_pg_signal_backend_true");
        const [row] = await server.sql(
          "SELECT has_table_privilege('reader', 'one', 'SELECT WITH GRANT OPTION') AS g",
        );
        assert.deepEqual(row, { g: true });
        await server.sql("GRANT UPDATE (b) ON one TO reader");
      },
    },
    {
      name: "makes new tables' default privileges again after they were taken away",
      drift: async () => {
        await server.sql("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM reader");
      },
      drifted: { defaults: "delete" },
      expect: { ...SAME, defaults: "create" },
    },
  ],
  gone: async () => {
    assert.deepEqual(await server.sql("SELECT 1 FROM pg_default_acl"), []);
    assert.deepEqual(await names("SELECT rolname AS name FROM pg_roles WHERE rolname = 'reader'"), []);
  },
});

/** What the engine adds nothing to: handlers against the server, without the minute that an engine costs. */
if (!official) {
  describe("the postgresql plugin's handlers", function () {
    this.timeout(120_000);
    const opened: Server[] = [];

    const connected = (more: Record<string, unknown> = {}): Server => {
      const made = new Server(
        parseConfig({
          host: "127.0.0.1",
          port: server.port,
          username: "postgres",
          password: server.password,
          sslmode: "disable",
          connectTimeout: 20,
          ...more,
        }),
      );
      opened.push(made);
      return made;
    };
    const context = { urn: "urn", signal: new AbortController().signal, log: () => undefined };
    const checked = (inputs: RoleInputs): RoleInputs =>
      role.check?.(inputs, undefined, "urn").inputs ?? assert.fail();
    const create = (to: Server, inputs: RoleInputs) => role.create(to, checked(inputs), context);

    before(startUp);
    after(async () => {
      await Promise.all(opened.map((one) => one.close()));
      await tearDown();
    });

    it("round-trip any name: created, read without a difference, dropped", async () => {
      const to = connected();
      const name = fc
        .string({ minLength: 1, maxLength: 15, unit: "grapheme" })
        .filter(
          (text) =>
            !text.includes("\0") && Buffer.byteLength(text) <= 63 && !/^(pg_|public$|none$)/.test(text),
        );
      await fc.assert(
        fc.asyncProperty(name, async (text) => {
          const inputs = checked({ name: text, searchPaths: [text] });
          const { id, state } = await role.create(to, inputs, context);
          try {
            assert.equal(id, text);
            assert.deepEqual((await role.read(to, id, state, inputs))?.inputs, inputs);
          } finally {
            await role.delete(to, id, state, context);
          }
          assert.equal(await role.read(to, id, state, inputs), undefined);
        }),
        { numRuns: 40, examples: [[`o'B"; \\ --`], ["\\"], ['""'], ["'"]] },
      );
    });

    it("set a password beyond ASCII that PostgreSQL's own client can log in with", async () => {
      const to = connected();
      const secret = "Pass\u2168wörd\u00A0\u00ADß";
      const { id, state } = await create(to, { name: "unicode", login: true, password: secret });
      // The container trusts its own loopback no more than anybody else.
      const said = await docker(
        ...["exec", "-e", `PGPASSWORD=${secret}`, server.container],
        ...["psql", "-h", "127.0.0.1", "-U", "unicode", "-d", "postgres", "-Atc", "SELECT current_user"],
      );
      assert.equal(said, "unicode");
      await role.delete(to, id, state, context);
    });

    it("import a role with what it has", async () => {
      await server.sql("CREATE ROLE foreigner LOGIN CONNECTION LIMIT 3 PASSWORD 'unknown to us'");
      const found = await role.read(connected(), "foreigner", undefined, undefined);
      assert.equal(found?.inputs?.connectionLimit, 3);
      assert.equal(found?.inputs?.login, true);
      assert.match(String(found?.inputs?.password), /^SCRAM-SHA-256\$/);
      await server.sql("DROP ROLE foreigner");
    });

    it("keep a renamed role under its first id and still find it", async () => {
      const to = connected();
      const { id, state } = await create(to, { name: "before", login: true, password: FIRST });
      const news = checked({ name: "after", login: true, password: FIRST });
      const renamed =
        (await role.update?.(to, id, state, news, checked({ name: "before" }), context)) ?? assert.fail();
      assert.ok(await server.canLogIn("after", FIRST));
      assert.deepEqual((await role.read(to, id, renamed, news))?.inputs, news);
      await role.delete(to, id, renamed, context);
    });

    it("work for a user who is no superuser, whose temporary memberships end with the change", async () => {
      const secret = password();
      await server.sql(`CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD '${secret}'`);
      await server.sql("CREATE DATABASE managed OWNER admin");
      const to = connected({ username: "admin", password: secret, database: "managed", superuser: false });
      const { id, state } = await create(to, { name: "tenant", login: true, password: FIRST });
      const schemaInputs =
        schema.check?.({ name: "tenant", owner: "tenant" }, undefined, "urn").inputs ?? assert.fail();
      const made = await schema.create(to, schemaInputs, context);
      const memberships = await server.sql(
        "SELECT 1 FROM pg_auth_members WHERE member = 'admin'::regrole AND set_option",
      );
      assert.deepEqual(memberships, []);
      assert.deepEqual((await schema.read(to, made.id, made.state, schemaInputs))?.inputs, schemaInputs);
      assert.equal((await role.read(to, id, state, checked({ name: "tenant" })))?.state.password, FIRST);
      await schema.delete(to, made.id, made.state, context);
      await role.delete(to, id, state, context);
      await to.close();
      await server.sql("DROP DATABASE managed");
      await server.sql("DROP ROLE admin");
    });

    it("make many changes at once without disturbing each other", async () => {
      const to = connected();
      await server.sql("CREATE ROLE crowd");
      const grants = Array.from({ length: 30 }, (_, index) => `crowd${index}`);
      const made = await Promise.all(grants.map((name) => create(to, { name, roles: ["crowd"] })));
      await Promise.all(made.map(({ id, state }) => role.delete(to, id, state, context)));
      await server.sql("DROP ROLE crowd");
    });

    it("find the server again after it was restarted", async () => {
      const to = connected();
      assert.equal((await role.read(to, "postgres", undefined, undefined))?.state.superuser, true);
      await docker("restart", "-t", "10", server.container);
      await until("the server is back", () =>
        server.sql("SELECT 1").then(
          () => true,
          () => false,
        ),
      );
      assert.equal((await role.read(to, "postgres", undefined, undefined))?.state.superuser, true);
    });

    it("succeed in deleting what is gone", async () => {
      const to = connected();
      const { id, state } = await create(to, { name: "ghost" });
      await server.sql("DROP ROLE ghost");
      await role.delete(to, id, state, context);
    });

    it("say which server refuses which user, and nothing of the password", async () => {
      await assert.rejects(
        create(connected({ password: "wrong-password" }), { name: "x" }),
        (error: Error) => {
          assert.equal(
            error.message,
            `PostgreSQL at 127.0.0.1:${server.port} refuses user "postgres": check the provider's username and password (password authentication failed for user "postgres")`,
          );
          return true;
        },
      );
    });

    it("say what keeps a role from being dropped", async () => {
      const to = connected();
      const { id, state } = await create(to, { name: "landlord" });
      await server.sql("CREATE DATABASE house OWNER postgres");
      await server.sql("GRANT ALL ON SCHEMA public TO landlord", [], "house");
      await assert.rejects(
        role.delete(to, id, state, context),
        /^Error: role "landlord": cannot delete it: [^\n]*some objects depend on it[^\n]*house[^\n]*then try again$/,
      );
      await to.leave("house");
      await server.sql("DROP DATABASE house");
      await role.delete(to, id, state, context);
    });
  });
}
