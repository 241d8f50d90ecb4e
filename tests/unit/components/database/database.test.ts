import assert from "node:assert/strict";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { Database, databaseUrl } from "../../../../components/database/database";
import { countByType, ofType, only, outputValue, type Recorded, record } from "../../../support/mocks";

const ROLE = "postgresql:index/role:Role";
const GRANT = "postgresql:index/grant:Grant";
const DEFAULTS = "postgresql:index/defaultPrivileges:DefaultPrivileges";
const EXTENSION = "postgresql:index/extension:Extension";

const PASSWORDS = {
  app: "password of app",
  readonly: "password of readonly",
  backup: "password of backup",
  monitoring: "password of monitoring",
  maintenance: "password of maintenance",
};

/** Stands for the volume: something that outlives the service. */
class Volume extends pulumi.ComponentResource {
  constructor() {
    super("test:index:Volume", "volume");
  }
}

describe("database", () => {
  let resources: Recorded[];
  let component: Database;
  before(async () => {
    const recording = await record(
      "unit",
      () =>
        new Database("database", {
          name: "crm",
          provider: new postgresql.Provider("server", { host: "127.0.0.1" }),
          volume: new Volume(),
          appConnections: 100,
          archives: false,
          passwords: PASSWORDS,
        }),
    );
    resources = recording.resources;
    component = recording.result;
  });

  const roles: [name: string, limit: number, memberOf: string[], statementTimeout: number][] = [
    ["app", 100, [], 0],
    ["readonly", 5, [], 60_000],
    ["backup", 6, ["pg_read_all_data"], 0],
    ["monitoring", 5, ["pg_monitor"], 10_000],
    ["maintenance", 2, ["pg_maintain", "pg_read_all_data"], 0],
  ];
  for (const [name, connectionLimit, memberOf, statementTimeout] of roles) {
    it(`role ${name} logs in, with ${connectionLimit} connections at most, and may do nothing of a superuser's`, () => {
      const { inputs } = only(resources, ROLE, `database-${name}`);
      const { password, ...rest } = inputs;
      assert.deepEqual(rest, {
        name: `crm_${name}`,
        login: true,
        superuser: false,
        createRole: false,
        createDatabase: false,
        replication: false,
        bypassRowLevelSecurity: false,
        connectionLimit,
        roles: memberOf,
        statementTimeout,
        idleInTransactionSessionTimeout: 600_000,
      });
      const { secret, ...more } = password as { secret: string };
      assert.deepEqual(more, {}, "the password is no secret");
      assert.match(secret, /^SCRAM-SHA-256\$4096:[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}$/);
    });
  }

  it("hands no password in clear to the server, whose log keeps every statement on roles", () => {
    const everything = JSON.stringify(resources);
    for (const password of Object.values(PASSWORDS)) {
      assert.ok(!everything.includes(password), `${password} is in the inputs`);
    }
  });

  it("grants what each role needs and takes PUBLIC's rights away", () => {
    assert.deepEqual(
      ofType(resources, GRANT).map(({ name, inputs }) => [name, inputs]),
      [
        ["app-database", { role: "crm_app", objectType: "database", privileges: ["CONNECT"] }],
        ["readonly-database", { role: "crm_readonly", objectType: "database", privileges: ["CONNECT"] }],
        ["backup-database", { role: "crm_backup", objectType: "database", privileges: ["CONNECT"] }],
        ["monitoring-database", { role: "crm_monitoring", objectType: "database", privileges: ["CONNECT"] }],
        [
          "maintenance-database",
          { role: "crm_maintenance", objectType: "database", privileges: ["CONNECT"] },
        ],
        ["everyone-database", { role: "public", objectType: "database", privileges: [] }],
        [
          "app-schema",
          { role: "crm_app", schema: "public", objectType: "schema", privileges: ["CREATE", "USAGE"] },
        ],
        [
          "readonly-schema",
          { role: "crm_readonly", schema: "public", objectType: "schema", privileges: ["USAGE"] },
        ],
      ].map(([name, inputs]) => [`database-${name as string}`, { ...(inputs as object), database: "crm" }]),
    );
  });

  it("lets the read-only role read what the application will make, and no more", () => {
    assert.deepEqual(
      ofType(resources, DEFAULTS).map(({ name, inputs }) => [name, inputs]),
      ["table", "sequence"].map((objectType) => [
        `database-readonly-future-${objectType}s`,
        {
          role: "crm_readonly",
          owner: "crm_app",
          database: "crm",
          schema: "public",
          objectType,
          privileges: ["SELECT"],
        },
      ]),
    );
  });

  it("gives the privilege to write to nobody but the application", () => {
    for (const { name, inputs } of [...ofType(resources, GRANT), ...ofType(resources, DEFAULTS)]) {
      const privileges = inputs.privileges as string[];
      if (inputs.role !== "crm_app") {
        assert.deepEqual(
          privileges.filter((privilege) => !["CONNECT", "USAGE", "SELECT"].includes(privilege)),
          [],
          name,
        );
      }
    }
  });

  it("lets the role of maintenance remove rows where windows archive them, and change none", async () => {
    const { resources: archiving } = await record(
      "unit",
      () =>
        new Database("database", {
          name: "crm",
          provider: new postgresql.Provider("server", { host: "127.0.0.1" }),
          volume: new Volume(),
          appConnections: 100,
          archives: true,
          passwords: PASSWORDS,
        }),
    );
    const tables = {
      role: "crm_maintenance",
      database: "crm",
      schema: "public",
      objectType: "table",
      privileges: ["DELETE"],
    };
    assert.deepEqual(only(archiving, GRANT, "database-maintenance-tables").inputs, tables);
    assert.deepEqual(only(archiving, DEFAULTS, "database-maintenance-future-tables").inputs, {
      ...tables,
      owner: "crm_app",
    });
  });

  it("changes grants one after the other, since PostgreSQL refuses two at once on one object", () => {
    const grants = [...ofType(resources, GRANT), ...ofType(resources, DEFAULTS)];
    const urns = new Set(grants.map(({ urn }) => urn));
    const predecessors = grants.map(({ dependsOn }) => dependsOn.filter((urn) => urns.has(urn)));
    assert.deepEqual(
      predecessors,
      grants.map((_, index) => (index === 0 ? [] : [grants[index - 1]?.urn])),
    );
  });

  it("has pg_stat_statements in the application's database", () => {
    assert.deepEqual(only(resources, EXTENSION).inputs, { name: "pg_stat_statements", database: "crm" });
  });

  it("goes with the volume and not with the service, through the given provider", () => {
    const provider = only(resources, "pulumi:providers:postgresql").urn;
    const volume = only(resources, "test:index:Volume").urn;
    const own = resources.filter(({ type }) => type.startsWith("postgresql:"));
    assert.equal(own.length, 16);
    for (const resource of own) {
      assert.equal(resource.deletedWith, volume, resource.name);
      assert.equal(resource.provider, provider, resource.name);
      assert.equal(resource.parent, only(resources, "fitnesscrm:database:Database").urn, resource.name);
    }
  });

  it("has these children and no other", () => {
    assert.deepEqual(countByType(resources), {
      "pulumi:providers:postgresql": 1,
      "test:index:Volume": 1,
      "fitnesscrm:database:Database": 1,
      [ROLE]: 5,
      [GRANT]: 8,
      [DEFAULTS]: 2,
      [EXTENSION]: 1,
    });
  });

  it("offers the roles' names, and is ready when everything in it is", async () => {
    assert.deepEqual(await outputValue(component.roles), {
      app: "crm_app",
      readonly: "crm_readonly",
      backup: "crm_backup",
      monitoring: "crm_monitoring",
      maintenance: "crm_maintenance",
    });
    const ready = await Promise.all(component.ready.map(({ urn }) => outputValue(urn)));
    assert.deepEqual(
      ready.sort(),
      resources
        .filter(({ type }) => type.startsWith("postgresql:"))
        .map(({ urn }) => urn)
        .sort(),
    );
  });
});

describe("database URL", () => {
  it("is read back as what it was made of, whatever is in the password", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1 }), async (password) => {
        const url = new URL(await outputValue(databaseUrl("crm_app", password, "crm")));
        assert.equal(url.protocol, "postgresql:");
        assert.equal(url.host, "db:5432");
        assert.equal(url.username, "crm_app");
        assert.equal(decodeURIComponent(url.password), password);
        assert.equal(url.pathname, "/crm");
      }),
      { examples: [["@:/?#%&= "]] },
    );
  });

  it("is a secret when the password is one", async () => {
    const url = databaseUrl("crm_app", pulumi.secret("0123456789abcdef"), "crm", "127.0.0.1:1");
    assert.equal(await pulumi.isSecret(url), true);
    assert.equal(await outputValue(url), "postgresql://crm_app:0123456789abcdef@127.0.0.1:1/crm");
  });
});
