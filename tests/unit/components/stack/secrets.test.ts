import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { htpasswd } from "../../../../components/stack/htpasswd";
import { ofType, only, type Recorded } from "../../../support/mocks";
import { PLANTED, taskSpecOf, unitServices } from "../../../support/services";

const SERVICE = "docker:index/service:Service";
const SECRET = "docker:index/secret:Secret";
const CONFIG = "docker:index/serviceConfig:ServiceConfig";

describe("secrets of a stack", () => {
  let resources: Recorded[];
  before(async () => {
    resources = (await unitServices()).resources;
  });

  const key = (name: string): string =>
    JSON.stringify({ accessKeyId: `id-of-${name}`, secretAccessKey: `planted-key-of-${name}` });
  const profile = (name: string): string =>
    `[default]\naws_access_key_id = id-of-${name}\naws_secret_access_key = planted-key-of-${name}\n`;

  it("are Swarm secrets, encrypted in the state, whose names Pulumi makes unique", () => {
    const expected = {
      "postgres-password": PLANTED.postgres,
      "redis-password": PLANTED.redis,
      "database-url": PLANTED.databaseUrl,
      "redis-url": PLANTED.redisUrl,
      "secret-key": PLANTED.secretKey,
      operators: htpasswd("operator", PLANTED.operators),
      "ops-database-url": PLANTED.monitoringUrl,
      "ops-redis-url": PLANTED.redisUrl,
      "monitoring-database-url": PLANTED.monitoringUrl,
      "backup-database-url": PLANTED.backupUrl,
      "maintenance-database-url": PLANTED.maintenanceUrl,
      "backup-writer": key("writer"),
      "backup-reader": key("reader"),
      "metrics-writer": key("metrics"),
      acknowledger: key("acknowledger"),
      mailer: key("mailer"),
      "metrics-reader": key("metrics-reader"),
      "agent-redis-url": PLANTED.redisUrl,
      "agent-aws-credentials": profile("metrics"),
      "backup-identity": PLANTED.backupIdentity,
      archive: PLANTED.archiveConfig,
      "restore-archive": PLANTED.archiveConfig,
    };
    for (const [name, value] of Object.entries(expected)) {
      const resource = only(resources, SECRET, `fitnesscrm-unit-${name}`);
      assert.deepEqual(resource.inputs, {
        data: { secret: Buffer.from(value).toString("base64") },
        labels: [{ label: "fitnesscrm.stack", value: "unit" }],
      });
      assert.ok(resource.additionalSecretOutputs.includes("data"));
    }
    assert.equal(ofType(resources, SECRET).length, Object.keys(expected).length);
  });

  it("of servers that are told of another password while they run stay what they were made with", () => {
    const kept = ofType(resources, SECRET).filter(({ ignoreChanges }) => ignoreChanges.includes("data"));
    assert.deepEqual(kept.map(({ name }) => name).sort(), [
      "fitnesscrm-unit-postgres-password",
      "fitnesscrm-unit-redis-password",
    ]);
  });

  it("stand nowhere else, neither in clear nor encoded", () => {
    const others = JSON.stringify(resources.filter(({ type }) => type !== SECRET));
    for (const value of Object.values(PLANTED)) {
      assert.ok(!others.includes(value), value);
      assert.ok(!others.includes(Buffer.from(value).toString("base64")), value);
    }
  });

  it("reach containers by files that all services know by the same rule: snake case, below /run/secrets", () => {
    const files = ofType(resources, SERVICE).flatMap((resource) =>
      taskSpecOf(resource).containerSpec.secrets.map(({ fileName }) => fileName),
    );
    assert.equal(files.length, 24);
    for (const file of files) {
      assert.match(file, /^[a-z]+(_[a-z]+)*$/);
    }
  });

  it("are given to each service that needs them and to no other", () => {
    const given = ofType(resources, SERVICE).flatMap((resource) =>
      taskSpecOf(resource).containerSpec.secrets.map(({ secretName }) => secretName),
    );
    const shared = given.filter((name, index) => given.indexOf(name) !== index);
    // Two services read the bucket and send metrics with the same rights; nothing else is known to two of them.
    assert.deepEqual(shared.sort(), [
      "fitnesscrm-unit-backup-reader-1234567",
      "fitnesscrm-unit-metrics-writer-1234567",
    ]);
    const holders = ofType(resources, SERVICE).filter((resource) =>
      taskSpecOf(resource).containerSpec.secrets.some(({ fileName }) => fileName === "backup_identity"),
    );
    assert.deepEqual(
      holders.map(({ name }) => name),
      ["restore"],
      "who can open a backup",
    );
  });
});

describe("scripts of a stack", () => {
  it("are Swarm configs with the content of the files in images/shared", async () => {
    const { resources } = await unitServices();
    for (const name of ["entrypoint", "http-check"]) {
      assert.deepEqual(only(resources, CONFIG, `fitnesscrm-unit-${name}`).inputs, {
        data: readFileSync(`images/shared/${name}.sh`).toString("base64"),
      });
    }
  });
});
