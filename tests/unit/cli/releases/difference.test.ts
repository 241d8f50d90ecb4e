import assert from "node:assert/strict";
import { describeRollback, settingsFor, settingsOf } from "../../../../cli/releases/difference";
import type { ImagePlan } from "../../../../cli/releases/images";
import { nameServing } from "../../../../cli/releases/serving";
import type { BackupEntry } from "../../../../cli/restore/plan";
import { entry, IMAGES, release } from "./entries";

const NOW = new Date("2026-11-25T12:00:00Z");
const today = {
  version: "b",
  environment: { A: "1", B: "2" },
  logLevel: "INFO" as const,
  allowedOrigins: [],
};
const live = entry(4, { current: true, release: release("b", { commit: "2".repeat(40), backup: "id-4" }) });
const target = entry(2, {
  release: release("a", {
    commit: "1".repeat(40),
    app: { version: "a", environment: { A: "planted", C: "3" }, logLevel: "DEBUG", allowedOrigins: [] },
  }),
});
const plan: ImagePlan = { images: { ...IMAGES("a"), nginx: IMAGES("b").nginx }, rebuild: [], notes: [] };
const backup: BackupEntry = {
  id: "id-4",
  createdAt: "2026-11-25T09:00:00Z",
  bytes: 1,
  sha256: "",
  label: "before-b",
  release: "",
  local: true,
  s3: true,
  verifiedAt: null,
};
const options = { serving: IMAGES("b"), today, backup: undefined, now: NOW };

describe("the difference that a rollback makes", () => {
  it("names what changes, what stays, and no value of a variable", () => {
    const text = describeRollback("unit", { live, failed: undefined, target, undone: [live] }, plan, options);
    assert.deepEqual(text.split("\n"), [
      "Rollback of stack unit from release 4 to release 2, deployed 2026-11-25 10:00:30 UTC by ada@workstation",
      "",
      "               now                  release 2",
      "  backend      sha256:622d6261636b  sha256:612d6261636b",
      "  frontend     sha256:622d66726f6e  sha256:612d66726f6e",
      "  nginx        sha256:622d6e67696e  same",
      "  commit       222222222222         111111111111",
      "  app version  b                    a",
      "  log level    INFO                 DEBUG",
      "  A            set                  other value",
      "  B            set                  removed",
      "  C            not set              added",
      "",
      "  db, redis, ops, restore and agent stay as this checkout declares them",
      "  the database stays as it is; --restore-database would bring back the backup made before release 4",
    ]);
  });

  it("says what a restored database loses", () => {
    const text = describeRollback("unit", { live, failed: undefined, target, undone: [live] }, plan, {
      ...options,
      backup,
    });
    assert.match(
      text,
      /goes back to backup id-4 of 2026-11-25 09:00:00 UTC, made before release 4: what was written in the 3 hours since then is lost/,
    );
  });

  it("says that a release of long ago may not work with the schema of today", () => {
    const between = entry(3, { release: release("x") });
    const choice = { live, failed: undefined, target, undone: [between, live] };
    assert.match(describeRollback("unit", choice, plan, options), /release 2 lies 2 deployments back/);
  });

  it("names the update that failed, what is built again, and settings that are not known", () => {
    const failed = entry(5, { result: "failed", release: release("c", { commit: "3".repeat(40) }) });
    const old = entry(4, { release: release("b", { app: null }) });
    const rebuild = {
      service: "backend" as const,
      commit: "2".repeat(40),
      repository: "/app",
      context: "backend",
      dockerfile: "Dockerfile.prod",
      buildArguments: "",
    };
    const text = describeRollback(
      "unit",
      { live: old, failed, target: old, undone: [failed] },
      { images: IMAGES("b"), rebuild: [rebuild], notes: ["image of backend is gone"] },
      { ...options, serving: {} },
    );
    assert.match(text, /^Rollback of stack unit from update 5, which failed, to release 4/);
    assert.match(text, /backend +does not run +built again/);
    assert.match(text, /^ {2}image of backend is gone$/m);
    assert.match(text, /does not say its application settings: today's stay/);
  });
});

describe("the settings of a release", () => {
  it("are those that its state has, and today's where it has none", () => {
    assert.deepEqual(settingsFor(target.release, today), {
      version: "a",
      environment: { A: "planted", C: "3" },
      logLevel: "DEBUG",
      allowedOrigins: [],
    });
    assert.equal(settingsFor(release("a", { app: null }), today), today);
    const unnamed = { version: null, environment: {}, logLevel: "INFO" as const, allowedOrigins: [] };
    assert.ok(!("version" in settingsFor(release("a", { app: unnamed }), today)));
  });

  it("of today are those of the release that is held, where one is", () => {
    const app = { environment: { A: "declared" }, logLevel: "INFO" as const, allowedOrigins: [] };
    const held = { environment: { A: "held" }, logLevel: "ERROR" as const, allowedOrigins: [] };
    const pin = { version: 1, commit: null, images: IMAGES("a"), app: held, by: "", at: "" };
    assert.deepEqual(settingsOf({ app, pin: undefined }), app);
    assert.deepEqual(settingsOf({ app, pin }), held);
  });
});

describe("what serves", () => {
  it("is named by the release that its images are of", () => {
    const failed = entry(5, { result: "failed", release: release("c") });
    assert.equal(nameServing(IMAGES("b"), [live, failed]), "backend and frontend and nginx of release 4");
    assert.equal(
      nameServing({ ...IMAGES("b"), backend: IMAGES("c").backend, nginx: `sha256:${"f".repeat(64)}` }, [
        live,
        failed,
      ]),
      "backend of update 5, frontend of release 4, nginx by image sha256:ffffffffffff",
    );
    assert.equal(nameServing({}, [live]), "nothing");
  });
});
