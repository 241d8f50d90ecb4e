import assert from "node:assert/strict";
import { UNKNOWN } from "../../../plugins/lib/types";
import { checkConfig, parseConfig } from "../../../plugins/postgresql/config";
import { plugin } from "../../../plugins/postgresql/plugin";
import { samePrivileges, upstreamOrder } from "../../../plugins/postgresql/privileges";
import { Server } from "../../../plugins/postgresql/server";
import { liveInputs } from "../../../plugins/postgresql/shape";

const handler = (type: string) =>
  plugin.resources.find(({ token }) => token.endsWith(`:${type}`)) ?? assert.fail(`no handler for ${type}`);

function check(type: string, inputs: Record<string, unknown>) {
  const result = handler(type).check?.(inputs, undefined, "urn") ?? assert.fail("no check");
  return {
    inputs: result.inputs,
    failures: result.failures.map(({ property, reason }) => `${property} ${reason}`),
  };
}

describe("the postgresql plugin's resource types", () => {
  it("are those of the SDK, token by token", async () => {
    const sdk = await import("@pulumi/postgresql");
    const tokens = [
      sdk.Role,
      sdk.Database,
      sdk.Schema,
      sdk.Grant,
      sdk.GrantRole,
      sdk.DefaultPrivileges,
      sdk.Extension,
    ].map((resource) => (resource as unknown as { __pulumiType: string }).__pulumiType);
    assert.deepEqual(
      plugin.resources.map(({ token }) => token),
      tokens,
    );
  });

  it("keep passwords secret in the state whatever the program says", () => {
    assert.ok(handler("Role").secretOutputs?.includes("password"));
    assert.deepEqual(plugin.secretConfig, ["password"]);
  });
});

describe("the postgresql plugin's inputs", () => {
  it("of a role get the upstream defaults", () => {
    assert.deepEqual(check("Role", { name: "app" }), {
      inputs: {
        name: "app",
        login: false,
        superuser: false,
        createDatabase: false,
        createRole: false,
        inherit: true,
        replication: false,
        bypassRowLevelSecurity: false,
        connectionLimit: -1,
        validUntil: "infinity",
        skipDropRole: false,
        skipReassignOwned: false,
        encryptedPassword: true,
      },
      failures: [],
    });
  });

  it("of the other types get the upstream defaults", () => {
    assert.deepEqual(check("Database", { name: "d" }).inputs, {
      name: "d",
      connectionLimit: -1,
      allowConnections: true,
      alterObjectOwnership: false,
    });
    assert.deepEqual(check("Schema", { name: "s" }).inputs, {
      name: "s",
      ifNotExists: true,
      dropCascade: false,
    });
    assert.deepEqual(check("Extension", { name: "e" }).inputs, {
      name: "e",
      createCascade: false,
      dropCascade: false,
    });
    assert.equal(check("GrantRole", { role: "a", grantRole: "b" }).inputs.withAdminOption, false);
  });

  it("are refused by name where they are wrong or not supported", () => {
    assert.deepEqual(check("Role", { name: "a", conectionLimit: 1 }).failures, [
      "conectionLimit is not a property of this resource",
    ]);
    assert.deepEqual(check("Role", { name: "a", connectionLimit: -2 }).failures, [
      "connectionLimit -2 is below -1",
    ]);
    assert.deepEqual(check("Role", { name: "a", login: "yes" }).failures, ["login must be a boolean"]);
    assert.match(check("Role", { name: "ü".repeat(32) }).failures[0] ?? "", /longer than 63 bytes/);
    assert.match(
      check("Role", { name: "a", passwordWo: "x" }).failures[0] ?? "",
      /passwordWo is not supported/,
    );
    assert.match(check("Role", { name: "a", encryptedPassword: false }).failures[0] ?? "", /must be true/);
    assert.match(check("Schema", { name: "a", policies: [] }).failures[0] ?? "", /use postgresql.Grant/);
  });

  it("of a grant are judged before anything is done", () => {
    const grant = { role: "r", database: "d", objectType: "table", schema: "public", privileges: ["SELECT"] };
    const failures = (more: Record<string, unknown>) => check("Grant", { ...grant, ...more }).failures;
    assert.deepEqual(failures({}), []);
    assert.match(failures({ schema: undefined })[0] ?? "", /^schema is required/);
    assert.match(failures({ objectType: "view" })[0] ?? "", /"view" is not one of/);
    assert.match(failures({ privileges: ["EXECUTE"] })[0] ?? "", /"EXECUTE" is no privilege of a table/);
    assert.match(
      failures({ objectType: "schema", objects: ["x"], privileges: ["USAGE"] })[0] ?? "",
      /^objects must not be set/,
    );
    assert.match(failures({ columns: ["x"] })[0] ?? "", /^columns is for objectType column only/);
    assert.match(failures({ objectType: "column", objects: ["x"] })[0] ?? "", /^columns is required/);
    assert.deepEqual(failures({ privileges: UNKNOWN, role: UNKNOWN, schema: UNKNOWN }), []);
    const defaults = { ...grant, owner: "o", objectType: "schema", privileges: ["USAGE"] };
    assert.match(check("DefaultPrivileges", defaults).failures[0] ?? "", /^schema must not be set/);
    assert.match(
      check("DefaultPrivileges", { ...defaults, schema: undefined, role: "public", withGrantOption: true })
        .failures[0] ?? "",
      /^withGrantOption must be false/,
    );
  });
});

describe("what a preview shows", () => {
  it("is unknown where the server fills it in, and kept where it is known already", () => {
    const fresh = handler("Database").preview({ name: "d" }, undefined);
    assert.equal(fresh.owner, UNKNOWN);
    assert.equal(handler("Database").preview({ name: "d" }, { owner: "me" }).owner, "me");
    assert.equal(handler("Database").preview({ name: "d", owner: "you" }, { owner: "me" }).owner, "you");
  });
});

describe("the inputs that a live object would have", () => {
  const rules = {
    name: { type: "string", required: true },
    limit: { type: "number", default: -1 },
    roles: { type: "set" },
    paths: { type: "list" },
    owner: { type: "string", computed: true },
    skip: { type: "boolean", default: false, notRead: true },
  } as const;

  it("keep the declared spelling of what still holds", () => {
    const old = { name: "n", limit: 5, roles: ["b", "a"], paths: [], skip: true };
    const live = { name: "n", limit: 5, roles: ["a", "b"], paths: undefined, owner: "x", skip: false };
    assert.deepEqual(liveInputs(rules, live, old), old);
  });

  it("show what differs, and what nobody declared only where the upstream provider would undo it", () => {
    const live = { name: "n", limit: 7, roles: ["a"], paths: ["b", "a"], owner: "x", skip: false };
    assert.deepEqual(liveInputs(rules, live, { name: "n", limit: 5, paths: ["a", "b"] }), {
      name: "n",
      limit: 7,
      roles: ["a"],
      paths: ["b", "a"],
    });
  });

  it("are all of them on import", () => {
    const live = { name: "n", limit: -1, roles: [], paths: undefined, owner: "x", skip: false };
    assert.deepEqual(liveInputs(rules, live, undefined), { name: "n", limit: -1, owner: "x", skip: false });
  });
});

describe("privileges", () => {
  const session = (version: number) => ({ version, query: async () => [] });

  it("compare ALL with what the server's version means by it", () => {
    const upTo16 = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];
    assert.ok(samePrivileges(upTo16, ["ALL"], "table", session(16)));
    assert.ok(!samePrivileges(upTo16, ["ALL"], "table", session(17)));
    assert.ok(samePrivileges([...upTo16, "MAINTAIN"], ["ALL"], "table", session(17)));
    assert.ok(samePrivileges(["SELECT", "INSERT"], ["INSERT", "SELECT"], "table", session(17)));
    assert.ok(!samePrivileges(["SELECT"], ["INSERT", "SELECT"], "table", session(17)));
  });

  it("list objects in the upstream's order, by the text of their CRC-32", () => {
    // CRC-32: "a" 3904355907, "b" 1908338681, "c" 112844655
    assert.deepEqual(upstreamOrder(["a", "b", "c", "a"]), ["c", "b", "a"]);
  });
});

describe("the postgresql plugin's configuration", () => {
  it("is read with the upstream defaults", () => {
    const saved = Object.entries(process.env).filter(([name]) => name.startsWith("PG"));
    for (const [name] of saved) delete process.env[name];
    try {
      assert.deepEqual(parseConfig({}), {
        host: "localhost",
        port: 5432,
        database: "postgres",
        username: "postgres",
        password: undefined,
        sslmode: "require",
        superuser: true,
        connectTimeoutSeconds: 180,
        maxConnections: 20,
        unknown: [],
      });
    } finally {
      Object.assign(process.env, Object.fromEntries(saved));
    }
  });

  it("takes numbers and booleans as the SDK sends them, as JSON text", () => {
    const settings = parseConfig({
      host: "h",
      port: "5433",
      superuser: "false",
      maxConnections: "3",
      connectTimeout: "9",
    });
    assert.deepEqual(
      [settings.port, settings.superuser, settings.maxConnections, settings.connectTimeoutSeconds],
      [5433, false, 3, 9],
    );
  });

  it("is refused by name where it is wrong or not supported", () => {
    const reasons = (config: Record<string, unknown>) =>
      checkConfig(config).map(({ property, reason }) => `${property} ${reason}`);
    assert.match(reasons({ sslmode: "prefer" })[0] ?? "", /^sslmode "prefer" is not one of disable, require/);
    assert.match(reasons({ port: "many" })[0] ?? "", /^port must be a whole number/);
    assert.match(reasons({ awsRdsIamAuth: true })[0] ?? "", /^awsRdsIamAuth is not supported/);
    assert.match(reasons({ scheme: "gcppostgres" })[0] ?? "", /^scheme "gcppostgres"/);
    assert.deepEqual(reasons({ awsRdsIamAuth: false, host: UNKNOWN, password: UNKNOWN }), []);
  });

  it("that is not known yet makes no connection: what is in the state stands, anything else says so", async () => {
    const server = new Server(parseConfig({ host: UNKNOWN, port: 1, password: UNKNOWN }));
    const state = { name: "app", password: "x" };
    const live = await handler("Role").read(server, "app", state, { name: "app" });
    assert.deepEqual(live, { id: "app", state, inputs: { name: "app" } });
    await assert.rejects(
      handler("Role").read(server, "app", undefined, undefined),
      /host, password is known only once/,
    );
  });
});

describe("errors of the postgresql plugin", () => {
  const unreachable = (more = {}) =>
    new Server(
      parseConfig({ host: "127.0.0.1", port: 1, password: "do-not-tell", sslmode: "disable", ...more }),
    );

  it("say in one line that nothing listens, without the password", async () => {
    await assert.rejects(handler("Role").read(unreachable(), "app", undefined, undefined), (error: Error) => {
      assert.equal(
        error.message,
        "PostgreSQL at 127.0.0.1:1 cannot be reached: nothing listens there: check that it runs and the provider's host and port",
      );
      return true;
    });
  });
});
