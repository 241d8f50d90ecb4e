import assert from "node:assert/strict";
import { MANUAL } from "../../../../manual";
import { nextRuns } from "../../../../ops/tasks/calendar";
import { parseCalendar } from "../../../../ops/tasks/definitions";
import { taskDefinitions } from "../../../../tasks";
import { showWallClock } from "../../../../wallClock";

describe("the operations calendar", () => {
  const find = (name: string) =>
    taskDefinitions().find((task) => task.name === name) ?? assert.fail(`${name} is not defined`);

  it("backs up every day at the manual's hour, and makes up for a day that was missed (M42)", () => {
    const backup = find("backup");
    assert.equal(backup.service, "ops");
    assert.equal(backup.missed, "run");
    const runs = nextRuns(backup, MANUAL.timeZone, new Date("2026-06-01T12:00:00Z"), 2);
    assert.deepEqual(
      runs.map((run) => showWallClock(MANUAL.timeZone, run)),
      [`2026-06-02 ${MANUAL.backup.dailyAt}`, `2026-06-03 ${MANUAL.backup.dailyAt}`],
    );
  });

  it("restores each month where the key is, within the recovery time objective (M14, M45)", () => {
    const drill = find("restore-drill");
    assert.equal(drill.service, "restore");
    assert.equal(drill.limitMinutes, 3 * MANUAL.backup.recoveryTimeObjectiveHours * 60);
    const runs = nextRuns(drill, MANUAL.timeZone, new Date("2026-06-01T12:00:00Z"), 2);
    assert.deepEqual(
      runs.map((run) => showWallClock(MANUAL.timeZone, run)),
      ["2026-07-01 04:30", "2026-08-01 04:30"],
    );
  });

  it("says of each task what its failure means, by the manual's severities", () => {
    for (const { name, failure } of taskDefinitions()) {
      assert.match(failure, /^P[0-3]: \S/, name);
    }
  });

  it("is read back from its file as it was written", () => {
    const calendar = { timeZone: MANUAL.timeZone, tasks: taskDefinitions() };
    assert.deepEqual(parseCalendar(JSON.stringify(calendar)), calendar);
  });

  it("is refused with the place and the reason, in one line", () => {
    const [backup] = taskDefinitions();
    const refused = (change: object, reason: RegExp): void =>
      assert.throws(
        () => parseCalendar(JSON.stringify({ timeZone: "UTC", tasks: [backup], ...change })),
        (error: Error) => reason.test(error.message) && !error.message.includes("\n"),
        String(reason),
      );
    refused({ timeZone: "Mars/Base" }, /^tasks.json: timeZone: "Mars\/Base" is not an IANA time zone/);
    refused(
      { tasks: [{ ...backup, cron: "0 2 *" }] },
      /^tasks.json: tasks.0.cron: "0 2 \*" is not a calendar/,
    );
    refused({ tasks: [{ ...backup, limitMinutes: 0 }] }, /^tasks.json: tasks.0.limitMinutes: /);
    refused({ tasks: [{ ...backup, name: "../etc" }] }, /tasks.0.name: must be lower-case/);
    refused({ tasks: [{ ...backup, service: "db" }] }, /tasks.0.service: /);
    refused({ tasks: [backup, backup] }, /tasks: backup is defined twice$/);
    refused({ more: 1 }, /^tasks.json: /);
    assert.throws(
      () => parseCalendar("{", "/fitnesscrm/tasks.json"),
      /^Error: \/fitnesscrm\/tasks.json: is not JSON/,
    );
  });
});
