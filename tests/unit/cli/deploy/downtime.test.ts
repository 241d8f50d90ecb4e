import assert from "node:assert/strict";
import { type DowntimeQuestion, downtimeOf, effectOf, judgeDowntime } from "../../../../cli/deploy/downtime";

type Digests = Record<string, string>;

describe("the downtime of a deployment", () => {
  const LIVE: Digests = {
    db: "1",
    redis: "1",
    backend: "1",
    frontend: "1",
    nginx: "1",
    ops: "1",
    restore: "1",
    agent: "1",
  };
  const { redis: _redis, ...withoutRedis } = LIVE;
  const TABLE: [what: string, before: Digests | undefined, after: Digests, services: string[]][] = [
    ["is none when nothing changes", LIVE, LIVE, []],
    ["is none on the first deployment", undefined, LIVE, []],
    ["is none for what rolls", LIVE, { ...LIVE, backend: "2", frontend: "2", agent: "2" }, []],
    ["is the database's where it changes", LIVE, { ...LIVE, db: "2" }, ["db"]],
    ["is also that of a service that goes", LIVE, withoutRedis, ["redis"]],
    ["is not that of a service that is new", withoutRedis, LIVE, []],
    [
      "is that of everything that runs once, worst first",
      LIVE,
      Object.fromEntries(Object.keys(LIVE).map((name) => [name, "2"])),
      ["db", "redis", "nginx", "ops", "restore"],
    ],
  ];
  for (const [what, before, after, services] of TABLE) {
    it(what, () => assert.deepEqual(downtimeOf(before, after), services));
  }

  it("is told by what people notice of it", () => {
    assert.match(effectOf("db") ?? "", /requests fail/);
    assert.match(effectOf("nginx") ?? "", /about a second/);
    assert.match(effectOf("ops") ?? "", /users notice nothing/);
    assert.equal(effectOf("backend"), undefined);
    assert.equal(effectOf("toString"), undefined);
  });
});

describe("a deployment that stops the database or the cache", () => {
  const zone = "America/New_York";
  const outside = new Date("2026-11-25T23:02:00Z");
  const inside = new Date("2026-12-06T07:30:00Z");
  const afterwards = new Date("2026-12-06T09:00:00Z");
  const REFUSED =
    "db stops and starts anew, which users notice: it waits for the maintenance window. It is 2026-11-25 18:02 " +
    "(America/New_York), the next window is 2026-12-06 02:00 to 04:00; deploy then, or give a reason with --despite REASON";

  const TABLE: [what: string, question: Partial<DowntimeQuestion>, allowed: boolean, reason: string][] = [
    ["is refused outside of the window", {}, false, REFUSED],
    ["is refused for a reason that is empty", { despite: " \n" }, false, REFUSED],
    [
      "is refused at the very end of the window",
      { services: ["db", "redis", "nginx"], at: afterwards },
      false,
      "db and redis stop and start anew, which users notice: it waits for the maintenance window. It is 2026-12-06 04:00 " +
        "(America/New_York), the next window is 2027-01-03 02:00 to 04:00; deploy then, or give a reason with --despite REASON",
    ],
    [
      "is allowed in the window",
      { at: inside },
      true,
      "db stops and starts anew: in the maintenance window, which is open until 04:00 (America/New_York)",
    ],
    [
      "is judged by the stack's own zone",
      { at: inside, zone: "Europe/Vienna" },
      false,
      REFUSED.replace("2026-11-25 18:02", "2026-12-06 08:30")
        .replace("America/New_York", "Europe/Vienna")
        .replace("2026-12-06 02:00", "2027-01-03 02:00"),
    ],
    [
      "is allowed for a reason that is given, which is kept in one line",
      { despite: "disk is failing,\n ticket 7 " },
      true,
      "db stops and starts anew: outside of the maintenance window, because disk is failing, ticket 7",
    ],
    [
      "is allowed at any time where the stack says so",
      { mode: "anytime" },
      true,
      "db stops and starts anew: this stack allows that at any time",
    ],
    [
      "is not what one is that stops other services",
      { services: ["nginx", "ops", "restore"] },
      true,
      "database and cache go on running",
    ],
    ["is not what one is that stops nothing", { services: [] }, true, "database and cache go on running"],
  ];
  for (const [what, question, allowed, reason] of TABLE) {
    it(what, () => {
      assert.deepEqual(
        judgeDowntime({ services: ["db", "nginx"], mode: "window", at: outside, zone, ...question }),
        { allowed, reason },
      );
    });
  }
});
