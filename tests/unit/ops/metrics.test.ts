import assert from "node:assert/strict";
import fc from "fast-check";
import { backupMeasures, drillMeasures, loginMeasures } from "../../../ops/metrics";

const NOW = new Date("2026-11-24T12:00:00Z");
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);
const values = (measures: { name: string; value: number }[]) =>
  Object.fromEntries(measures.map(({ name, value }) => [name, value]));

describe("what is measured of backups (M42, M46)", () => {
  it("is the age of the newest log once a dump can be restored", () => {
    const state = {
      now: NOW,
      since: ago(900_000),
      verifiedDumps: [ago(90_000), ago(50_000)],
      archivedAt: ago(40),
    };
    assert.deepEqual(values(backupMeasures(state)), {
      restorable_point_age_seconds: 40,
      daily_dump_age_seconds: 50_000,
    });
  });

  it("does not count a log without any dump", () => {
    const state = { now: NOW, since: ago(700), verifiedDumps: [], archivedAt: ago(5) };
    assert.deepEqual(values(backupMeasures(state)), {
      restorable_point_age_seconds: 700,
      daily_dump_age_seconds: 700,
    });
  });

  it("is the dump's age when the log stopped long ago", () => {
    const state = { now: NOW, since: ago(9e5), verifiedDumps: [ago(300)], archivedAt: ago(8e5) };
    assert.equal(values(backupMeasures(state)).restorable_point_age_seconds, 300);
  });

  it("is never below zero, and a point is never older than the newest dump", () => {
    const age = fc.integer({ min: -3600, max: 10_000_000 });
    fc.assert(
      fc.property(age, fc.array(age, { minLength: 1 }), fc.option(age), (since, dumps, archived) => {
        const found = values(
          backupMeasures({
            now: NOW,
            since: ago(since),
            verifiedDumps: dumps.map(ago),
            archivedAt: archived === null ? null : ago(archived),
          }),
        );
        const [point = -1, dump = -1] = [found.restorable_point_age_seconds, found.daily_dump_age_seconds];
        assert.ok(point >= 0 && point <= dump && dump === Math.max(0, Math.min(...dumps)));
      }),
    );
  });
});

describe("what is measured of failed logins (M48, M49)", () => {
  it("is all of them, and the worst account and address", () => {
    assert.deepEqual(values(loginMeasures({ total: 12, worstAccount: 7, worstAddress: 9 })), {
      failed_logins: 12,
      failed_logins_worst_account: 7,
      failed_logins_worst_address: 9,
    });
  });

  it("is nothing, and not 0, while they cannot be counted", () => {
    assert.deepEqual(loginMeasures(null), []);
  });
});

describe("what is measured of restore drills (M14, M45)", () => {
  const run = (result: string) => ({
    result,
    startedAt: "2026-11-01T09:30:00.000Z",
    endedAt: "2026-11-01T09:31:30.000Z",
  });

  it("is nothing before the first", () => assert.deepEqual(drillMeasures(null), []));

  it("is how long it took when it succeeded", () => {
    assert.deepEqual(values(drillMeasures(run("ok"))), {
      restore_drill_failed: 0,
      restore_drill_seconds: 90,
    });
  });

  for (const result of ["failed", "interrupted"]) {
    it(`is a failure without a duration when it ${result === "failed" ? "failed" : "was interrupted"}`, () => {
      assert.deepEqual(values(drillMeasures(run(result))), { restore_drill_failed: 1 });
    });
  }
});
