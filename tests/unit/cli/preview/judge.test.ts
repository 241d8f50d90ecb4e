import assert from "node:assert/strict";
import type { Change } from "../../../../cli/preview/events";
import { type Circumstances, judge, refusal } from "../../../../cli/preview/judge";
import { recorded } from "./support/recorded";

const ZONE = "America/New_York";
const WORKDAY: Circumstances = { at: new Date("2026-11-25T23:00:00Z"), zone: ZONE, mode: "window" };
/** The first Sunday of December, 02:30. */
const IN_WINDOW: Circumstances = { at: new Date("2026-12-06T07:30:00Z"), zone: ZONE, mode: "window" };

const change = (type: string, name: string, action: Change["action"]): Change => ({
  urn: `urn:pulumi:pr::fitnesscrm::${type}::${name}`,
  name,
  type,
  action,
  properties: ["name"],
  isProtected: false,
  hasDrifted: false,
});
const SERVICE = "docker:index/service:Service";

describe("the judgement of a preview", () => {
  const stateful: [type: string, name: string][] = [
    ["docker:index/volume:Volume", "postgres"],
    ["docker:index/network:Network", "foundation"],
    ["aws:s3/bucket:Bucket", "backups"],
    ["postgresql:index/database:Database", "app"],
    ["postgresql:index/schema:Schema", "app"],
    ["postgresql:index/role:Role", "database-app"],
    [SERVICE, "db"],
    [SERVICE, "redis"],
  ];

  for (const [type, name] of stateful) {
    it(`sees a risk in replacing or deleting ${type} ${name}, and none in changing or making it`, () => {
      const found = (action: Change["action"]) =>
        judge({ changes: [change(type, name, action)] }, IN_WINDOW).dangers.length;
      assert.deepEqual((["replace", "delete", "update", "create"] as const).map(found), [1, 1, 0, 0]);
    });
  }

  it("sees no risk in replacing what has no state", () => {
    const { dangers } = judge(
      {
        changes: [
          change(SERVICE, "backend", "replace"),
          change("docker:index/secret:Secret", "a", "replace"),
        ],
      },
      WORKDAY,
    );
    assert.deepEqual(dangers, []);
  });

  it("finds each volume of a recorded replacement", () => {
    const { dangers } = judge(recorded("volumes-replaced"), WORKDAY);
    assert.deepEqual(
      dangers.map(({ change: { name } }) => name),
      ["backups", "postgres", "redis", "restore", "uploads"],
    );
  });

  it("lists what stops, worst first, and leaves out what rolls or what nobody notices", () => {
    const changes = ["ops", "nginx", "backend", "redis", "frontend", "db"].map((name) =>
      change(SERVICE, name, "update"),
    );
    const { stops } = judge({ changes }, WORKDAY);
    assert.deepEqual(
      stops.map(({ service }) => service),
      ["db", "redis", "nginx"],
    );
  });

  it("the first deployment stops nothing", () => {
    const { stops, downtime } = judge({ changes: [change(SERVICE, "db", "create")] }, WORKDAY);
    assert.deepEqual(stops, []);
    assert.equal(downtime.allowed, true);
  });

  it("lets database and cache stop in the window only, unless the stack or a person says otherwise", () => {
    const preview = recorded("cache-replaced");
    const isAllowed = (circumstances: Circumstances) => judge(preview, circumstances).downtime.allowed;
    assert.equal(isAllowed(WORKDAY), false);
    assert.equal(isAllowed(IN_WINDOW), true);
    assert.equal(isAllowed({ ...WORKDAY, mode: "anytime" }), true);
    assert.equal(isAllowed({ ...WORKDAY, despite: "the cache is full" }), true);
  });
});

describe("refusing a risky deployment", () => {
  const refusalOf = (name: string, circumstances: Circumstances) =>
    refusal(judge(recorded(name), circumstances), circumstances.despite);

  it("lets a release pass at any time", () => {
    assert.equal(refusalOf("new-release", WORKDAY), undefined);
  });

  it("names the next window for what stops the cache", () => {
    assert.match(
      refusalOf("cache-replaced", WORKDAY) ?? "",
      /^redis stops .*next window is 2026-12-06 02:00/,
    );
  });

  it("names what would be replaced, in the window too, until a person gives a reason", () => {
    const expected = /^replace backups, replace postgres, .*--despite REASON$/;
    assert.match(refusalOf("volumes-replaced", IN_WINDOW) ?? "", expected);
    assert.match(refusalOf("volumes-replaced", { ...IN_WINDOW, despite: " " }) ?? "", expected);
    assert.equal(refusalOf("volumes-replaced", { ...IN_WINDOW, despite: "moved to a new disk" }), undefined);
  });
});
