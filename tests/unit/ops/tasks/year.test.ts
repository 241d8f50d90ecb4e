import assert from "node:assert/strict";
import { MANUAL } from "../../../../manual";
import type { TaskDefinition } from "../../../../ops/tasks/definitions";
import { RecordFolder } from "../../../../ops/tasks/records";
import type { Locks } from "../../../../ops/tasks/runner";
import { Scheduler } from "../../../../ops/tasks/scheduler";
import { taskDefinitions } from "../../../../tasks";
import { wallClock } from "../../../../wallClock";
import { TempFolders } from "../../../support/temp";
import { FakeClock, until } from "./fakeClock";

const ZONE = MANUAL.timeZone;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FROM = Date.UTC(2027, 0, 1, 12);
const TO = Date.UTC(2028, 0, 1, 12);
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** One process, so that nothing needs the kernel's locks. */
const noLocks: Locks = {
  withLock: (_path, work) => work(new AbortController().signal),
  isLocked: async () => false,
};

/** Whether a crontab pattern has a minute of the wall clock; written anew here, so that it does not share the scheduler's faults. */
function matches(cron: string, wall: number): boolean {
  const at = new Date(wall);
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.split(" ");
  const is = (field: string, value: number): boolean =>
    field.split(",").some((part) => {
      const [range = "", step = "1"] = part.split("/");
      const [low = "", high = low] = range === "*" ? ["0", "59"] : range.split("-");
      return Number(low) <= value && value <= Number(high) && (value - Number(low)) % Number(step) === 0;
    });
  const isWeekday = weekday.split(",").some((part) => {
    const [names = "", ordinal] = part.split("#");
    const [low, high = low] = names.split("-").map((name) => WEEKDAYS.indexOf(name));
    const day = at.getUTCDay();
    const isDay = low === undefined || low < 0 ? is(names, day) : low <= day && day <= (high ?? low);
    return isDay && (ordinal === undefined || Math.ceil(at.getUTCDate() / 7) === Number(ordinal));
  });
  return (
    is(minute, at.getUTCMinutes()) &&
    is(hour, at.getUTCHours()) &&
    is(day, at.getUTCDate()) &&
    is(month, at.getUTCMonth() + 1) &&
    isWeekday
  );
}

/** Each time of the year at which a task must run: minute by minute, the first moment that shows it or has jumped over it. */
function expectedRuns(tasks: readonly TaskDefinition[]): string[] {
  const runs: string[] = [];
  const latest = TO + 168 * HOUR;
  let shownUpTo = wallClock(ZONE, FROM);
  for (let hour = FROM; hour < latest; hour += HOUR) {
    // No zone's clock is set but at a full hour here.
    const offset = wallClock(ZONE, hour) - hour;
    for (let at = hour; at < hour + HOUR; at += MINUTE) {
      for (let wall = shownUpTo + MINUTE; wall <= at + offset; wall += MINUTE) {
        for (const { name, cron, hoursBefore = 0 } of tasks) {
          const run = at - hoursBefore * HOUR;
          if (matches(cron, wall) && run > FROM && run <= TO) {
            runs.push(`${new Date(run).toISOString()} ${name}`);
          }
        }
      }
      shownUpTo = Math.max(shownUpTo, at + offset);
    }
  }
  return runs.sort();
}

describe("a year of the operations calendar", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("runs every task of the stack at its time, each time once, in seconds", async function () {
    this.timeout(180_000);
    const definitions = taskDefinitions();
    const expected = expectedRuns(definitions);
    assert.ok(expected.length > 365, `${expected.length} runs`);

    const clock = new FakeClock(FROM);
    const recordsFolder = folders.create();
    const running = new Set<string>();
    const ran: string[] = [];
    const works = Object.fromEntries(
      definitions.map(({ name }) => [
        name,
        async () => {
          assert.ok(!running.has(name), `${name} runs twice at once`);
          ran.push(`${clock.now().toISOString()} ${name}`);
          return { reason: "done" };
        },
      ]),
    );
    const log = (): void => undefined;
    const schedulers = (["ops", "restore"] as const).map(
      (role) =>
        new Scheduler({ definitions, zone: ZONE, role, recordsFolder, works, clock, locks: noLocks, log }),
    );
    await Promise.all(schedulers.map((scheduler) => scheduler.start()));
    for (const [index, line] of expected.entries()) {
      const time = Date.parse(line.split(" ")[0] ?? "");
      if (time - clock.now().getTime() > 2 * MINUTE) {
        // Nothing is due in between, and the scheduler looks twice a minute.
        clock.set(new Date(time - MINUTE).toISOString());
      }
      await clock.pass(time + 1_000 - clock.now().getTime());
      await until(() => ran.length > index, line);
    }
    clock.set(new Date(TO).toISOString());
    await clock.pass(MINUTE);
    await Promise.all(schedulers.map((scheduler) => scheduler.stop()));

    assert.deepEqual(ran.sort(), expected);
    const records = definitions.flatMap(({ name }) => new RecordFolder(recordsFolder).read(name));
    assert.deepEqual(records.map(({ task, scheduledFor }) => `${scheduledFor} ${task}`).sort(), expected);
  });
});
