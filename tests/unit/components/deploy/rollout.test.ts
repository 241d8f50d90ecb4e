import assert from "node:assert/strict";
import type { AttemptRecord } from "../../../../attempt";
import { SERVICES } from "../../../../config";
import { type ConfigObject, minimalConfig, PIN, withValue } from "../../../support/config";
import { only, outputValue, type Recorded, type Recording } from "../../../support/mocks";
import { recordServices, type StackParts } from "../../../support/services";

const COMMAND = "command:local:Command";
const SERVICE = "docker:index/service:Service";

const gate = (resources: readonly Recorded[], stage: string): Recorded =>
  only(resources, COMMAND, `gate-${stage}`);
const environmentOf = ({ inputs }: Recorded): Record<string, string> =>
  inputs.environment as Record<string, string>;
const digestsOf = (resources: readonly Recorded[]): Record<string, string> =>
  JSON.parse(environmentOf(gate(resources, "before")).FITNESSCRM_ATTEMPT_SERVICES ?? "") as Record<
    string,
    string
  >;

/** A record of exactly what a configuration declares. */
async function recordOf(config: ConfigObject, change: Partial<AttemptRecord> = {}): Promise<AttemptRecord> {
  const { resources } = await recordServices("unit", config);
  return {
    attempt: "20260301t120000z-0a1b",
    stage: "verified",
    startedAt: "2026-03-01T12:00:00.000Z",
    by: "ada@workstation",
    backup: null,
    commit: null,
    dirty: false,
    before: { notes: [], seconds: 1 },
    services: digestsOf(resources),
    ...change,
  };
}

const attemptOf = ({ result }: Recording<StackParts>): Promise<string> => outputValue(result.rollout.attempt);

describe("the rollout of a stack", () => {
  it("lets no service change before the gate before it, and verifies after all have changed", async () => {
    const { resources } = await recordServices("unit");
    const services = resources.filter(({ type }) => type === SERVICE);
    assert.equal(services.length, SERVICES.length);
    for (const { name, dependsOn } of services) {
      assert.ok(dependsOn.includes(gate(resources, "before").urn), `${name} does not wait for the gate`);
    }
    const { dependsOn } = gate(resources, "after");
    assert.deepEqual(
      services.filter(({ urn }) => !dependsOn.includes(urn)).map(({ name }) => name),
      [],
    );
  });

  it("is the recorded attempt while nothing is declared differently", async () => {
    const config = minimalConfig();
    const record = await recordOf(config);
    assert.equal(await attemptOf(await recordServices("unit", config, record)), record.attempt);
  });

  const changes: readonly (readonly [what: string, key: string, value: unknown])[] = [
    ["the application's environment", "app.environment", { FEATURE: "on" }],
    ["a limit", "resources.redis.memoryMiB", 400],
    ["a setting of the database", "database.sharedBuffersMiB", 128],
    ["the edge's port", "http.port", 8081],
  ];
  for (const [what, key, value] of changes) {
    it(`is a new attempt when ${what} is changed`, async () => {
      const record = await recordOf(minimalConfig());
      const changed = await recordServices("unit", withValue(minimalConfig(), key, value), record);
      assert.match(await attemptOf(changed), /^\d{8}t\d{6}z-[0-9a-f]{4}$/);
      assert.notEqual(await attemptOf(changed), record.attempt);
      const { triggers } = gate(changed.resources, "before").inputs;
      assert.deepEqual(triggers, [await attemptOf(changed)]);
    });
  }

  it("is no new attempt when only the number of tasks is changed", async () => {
    const record = await recordOf(minimalConfig());
    const scaled = await recordServices("unit", withValue(minimalConfig(), "replicas.backend", 5), record);
    assert.equal(await attemptOf(scaled), record.attempt);
  });

  it("is a new attempt when the last one was not verified", async () => {
    const record = await recordOf(minimalConfig(), { stage: "started" });
    assert.notEqual(await attemptOf(await recordServices("unit", minimalConfig(), record)), record.attempt);
  });

  it("hands its gates no secret", async () => {
    const { resources } = await recordServices(
      "unit",
      withValue(minimalConfig(), "app.migrate", ["flask", "db", "upgrade"]),
    );
    for (const stage of ["before", "migrate", "after"]) {
      assert.doesNotMatch(JSON.stringify(environmentOf(gate(resources, stage))), /planted/, stage);
    }
  });
});

describe("the migration of a release", () => {
  it("is declared only where the application has one", async () => {
    const { resources } = await recordServices("unit");
    assert.ok(!resources.some(({ name }) => name === "gate-migrate"));
  });

  it("runs in the backend's image with its settings and secrets, after the gate before it and before the backend", async () => {
    const { resources } = await recordServices(
      "unit",
      withValue(minimalConfig(), "app.migrate", ["flask", "db", "upgrade"]),
    );
    const migration = gate(resources, "migrate");
    const job = JSON.parse(environmentOf(migration).FITNESSCRM_ATTEMPT_JOB ?? "") as Record<string, unknown>;
    const backend = only(resources, SERVICE, "backend");
    const { image, secrets } = (
      backend.inputs.taskSpec as { containerSpec: { image: string; secrets: { fileName: string }[] } }
    ).containerSpec;
    assert.equal(job.image, image);
    assert.deepEqual(job.command, ["/fitnesscrm/entrypoint.sh", "flask", "db", "upgrade"]);
    assert.deepEqual(
      (job.secrets as { file: string }[]).map(({ file }) => file),
      secrets.map(({ fileName }) => fileName),
    );
    assert.ok(migration.dependsOn.includes(gate(resources, "before").urn));
    assert.ok(backend.dependsOn.includes(migration.urn));
  });
});

describe("the hold of a rollback", () => {
  it("is a new attempt when it begins and when it ends, though every service is declared as before", async () => {
    const held = {
      ...minimalConfig(),
      pin: { ...PIN, app: { environment: {}, logLevel: "INFO", allowedOrigins: [] } },
    };
    const before = await recordOf(minimalConfig());
    assert.notEqual(await attemptOf(await recordServices("unit", held, before)), before.attempt);
    const during = await recordOf(held);
    assert.equal(await attemptOf(await recordServices("unit", held, during)), during.attempt);
    assert.notEqual(await attemptOf(await recordServices("unit", minimalConfig(), during)), during.attempt);
  });
});
