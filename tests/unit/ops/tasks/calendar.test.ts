import assert from "node:assert/strict";
import { Cron } from "croner";
import fc from "fast-check";
import { calendarProblem, dueAt, nextRuns } from "../../../../ops/tasks/calendar";
import { showWallClock, wallClock } from "../../../../wallClock";

const NEW_YORK = "America/New_York";
const LORD_HOWE = "Australia/Lord_Howe";
const DAY = 86_400_000;
/** Zones with clock changes of an hour and of half an hour, at night, at midnight, twice a year by the moon, and none. */
const ZONES = [
  NEW_YORK,
  LORD_HOWE,
  "Europe/London",
  "America/Santiago",
  "Africa/Casablanca",
  "Asia/Kathmandu",
  "Pacific/Chatham",
  "UTC",
];

describe("a calendar", () => {
  const daily = { cron: "0 2 * * *" };

  const TABLE: [what: string, zone: string, cron: string, from: string, next: string[]][] = [
    [
      "a winter night and a summer one are an hour apart in UTC",
      NEW_YORK,
      "0 2 * * *",
      "2026-01-10T00:00:00Z",
      ["2026-01-10T07:00:00Z", "2026-01-11T07:00:00Z"],
    ],
    ["", NEW_YORK, "0 2 * * *", "2026-07-10T00:00:00Z", ["2026-07-10T06:00:00Z"]],
    [
      "a 02:00 that March skips is 03:00",
      NEW_YORK,
      "0 2 * * *",
      "2026-03-07T12:00:00Z",
      ["2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z"],
    ],
    [
      "a 02:30 that March skips is 03:00 too",
      NEW_YORK,
      "30 2 * * *",
      "2026-03-07T12:00:00Z",
      ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
    ],
    [
      "02:00 comes once in November",
      NEW_YORK,
      "0 2 * * *",
      "2026-10-31T12:00:00Z",
      ["2026-11-01T07:00:00Z", "2026-11-02T07:00:00Z"],
    ],
    [
      "of two 01:30 in November the first counts",
      NEW_YORK,
      "30 1 * * *",
      "2026-10-31T12:00:00Z",
      ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    ],
    [
      "asked between the two 01:30, the next day's is next",
      NEW_YORK,
      "30 1 * * *",
      "2026-11-01T06:10:00Z",
      ["2026-11-02T06:30:00Z"],
    ],
    [
      "two times that March turns into one run once",
      NEW_YORK,
      "0 2,3 * * *",
      "2026-03-08T06:59:00Z",
      ["2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z"],
    ],
    [
      "Lord Howe skips half an hour in October",
      LORD_HOWE,
      "0 2 * * *",
      "2026-10-03T00:00:00Z",
      ["2026-10-03T15:30:00Z", "2026-10-04T15:00:00Z"],
    ],
    [
      "and repeats one in April, of which the first counts",
      LORD_HOWE,
      "45 1 * * *",
      "2026-04-04T00:00:00Z",
      ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    ],
    [
      "a midnight that Santiago skips is 01:00",
      "America/Santiago",
      "0 0 * * *",
      "2026-09-05T12:00:00Z",
      ["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"],
    ],
    [
      "the first of a month",
      NEW_YORK,
      "30 4 1 * *",
      "2026-02-01T12:00:00Z",
      ["2026-03-01T09:30:00Z", "2026-04-01T08:30:00Z"],
    ],
    [
      "the first Sunday of a month",
      NEW_YORK,
      "0 2 * * SUN#1",
      "2026-02-01T12:00:00Z",
      ["2026-03-01T07:00:00Z", "2026-04-05T06:00:00Z"],
    ],
    ["a 29 February", "UTC", "0 0 29 2 *", "2097-01-01T00:00:00Z", ["2104-02-29T00:00:00Z"]],
    ["a run is after `from`", "UTC", "0 2 * * *", "2026-05-05T02:00:00Z", ["2026-05-06T02:00:00Z"]],
    ["", "UTC", "0 2 * * *", "2026-05-05T01:59:59.999Z", ["2026-05-05T02:00:00Z"]],
  ];
  for (const [what, zone, cron, from, next] of TABLE) {
    it(`of ${cron} in ${zone} after ${from}${what === "" ? "" : `: ${what}`}`, () => {
      assert.deepEqual(
        nextRuns({ cron }, zone, new Date(from), next.length),
        next.map((time) => new Date(time)),
      );
    });
  }

  for (const zone of ZONES) {
    it(`runs once on every local day of ten years in ${zone}, at its hour or when the clock has jumped over it`, () => {
      const cron = { cron: "0 2 * * *" };
      const from = new Date("2026-01-01T00:00:00Z");
      const runs = nextRuns(cron, zone, from, 3653);
      const first = Math.floor(wallClock(zone, runs[0]?.getTime() ?? 0) / DAY);
      for (const [index, run] of runs.entries()) {
        const wall = wallClock(zone, run.getTime());
        assert.equal(Math.floor(wall / DAY), first + index, `${run.toISOString()} is not on the next day`);
        const before = wallClock(zone, run.getTime() - 1);
        const isSkipped = wall - before > 1;
        assert.ok(
          wall % DAY === 2 * 3_600_000 ||
            (isSkipped && before % DAY < 2 * 3_600_000 && wall % DAY > 2 * 3_600_000),
          `${showWallClock(zone, run)} is neither 02:00 nor the end of a skipped one`,
        );
      }
    });
  }

  it("runs once on every local day at any time of the day, in any zone", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2036, 0) }),
        (zone, hour, minute, from) => {
          const runs = nextRuns({ cron: `${minute} ${hour} * * *` }, zone, new Date(from), 200);
          const days = runs.map((run) => Math.floor(wallClock(zone, run.getTime()) / DAY));
          assert.deepEqual(
            days,
            days.map((_, index) => (days[0] ?? 0) + index),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it("agrees with croner's own zones where these are right: whole hours, New York", () => {
    const croner = new Cron(daily.cron, { timezone: NEW_YORK, paused: true });
    const from = new Date("2026-01-01T00:00:00Z");
    assert.deepEqual(nextRuns(daily, NEW_YORK, from, 1500), croner.nextRuns(1500, from));
  });

  it("finds what is due however long ago the last was, and only the newest of it", () => {
    const now = new Date("2026-03-08T07:00:00Z");
    for (const last of ["2026-03-07T07:00:00Z", "2026-03-01T00:00:00Z", "1999-01-01T00:00:00Z"]) {
      assert.deepEqual(dueAt(daily, NEW_YORK, new Date(last), now), now, last);
    }
    assert.equal(dueAt(daily, NEW_YORK, now, new Date("2026-03-09T05:59:59.999Z")), undefined);
    assert.equal(dueAt(daily, NEW_YORK, now, now), undefined);
    assert.equal(dueAt(daily, NEW_YORK, now, new Date("2026-03-08T06:00:00Z")), undefined);
    assert.equal(dueAt(daily, NEW_YORK, new Date(0), new Date(0)), undefined);
  });

  it("finds due what a walk over all runs finds", () => {
    const time = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2027, 0) });
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.constantFrom("0 2 * * *", "30 1 * * *", "0 * * * *", "30 4 1 * *", "0 2 * * SUN#1"),
        time,
        time,
        (zone, cron, one, other) => {
          const [last, now] = [new Date(Math.min(one, other)), new Date(Math.max(one, other))];
          let expected: Date | undefined;
          for (let [run] = nextRuns({ cron }, zone, last, 1); run !== undefined && run <= now; ) {
            expected = run;
            [run] = nextRuns({ cron }, zone, run, 1);
          }
          assert.deepEqual(dueAt({ cron }, zone, last, now), expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("runs once a local day for somebody who polls, while the clock is set by up to an hour and polls are missed", () => {
    const step = fc.record({
      wait: fc.integer({ min: 1_000, max: 45 * 60_000 }),
      set: fc.oneof(
        { weight: 9, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: -3_600_000, max: 3_600_000 }) },
      ),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.constantFrom("2026-03-06T12:00:00Z", "2026-10-30T12:00:00Z", "2026-04-03T12:00:00Z"),
        fc.array(step, { minLength: 60, maxLength: 300 }),
        (zone, start, steps) => {
          let now = Date.parse(start);
          let last = new Date(now);
          let latest = now;
          const days: number[] = [];
          for (const { wait, set } of steps) {
            now += wait + set;
            latest = Math.max(latest, now);
            const due = dueAt(daily, zone, last, new Date(now));
            if (due !== undefined) {
              last = due;
              days.push(Math.floor(wallClock(zone, due.getTime()) / DAY));
            }
          }
          const expected: number[] = [];
          for (const run of nextRuns(daily, zone, new Date(start), steps.length)) {
            if (run.getTime() <= latest) {
              expected.push(Math.floor(wallClock(zone, run.getTime()) / DAY));
            }
          }
          assert.deepEqual(days, expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is refused with the reason when it is none, or never comes", () => {
    assert.equal(calendarProblem("0 2 * * *"), undefined);
    assert.equal(calendarProblem("0 2 * * SUN#1"), undefined);
    assert.equal(calendarProblem("0 0 29 2 *"), undefined);
    assert.equal(
      calendarProblem("0 2 * *"),
      '"0 2 * *" is not a calendar: five fields are needed, such as "0 2 * * *"',
    );
    assert.match(calendarProblem("@daily") ?? "", /five fields are needed/);
    assert.equal(calendarProblem("0 0 31 2 *"), '"0 0 31 2 *" never comes');
    assert.equal(
      calendarProblem("61 2 * * *"),
      '"61 2 * * *" is not a calendar: Invalid value for minute: 61',
    );
  });
});
