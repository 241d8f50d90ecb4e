import assert from "node:assert/strict";
import fc from "fast-check";
import {
  monthOf,
  nextWindow,
  noticeOf,
  WINDOW_CRON,
  type Window,
  windowAt,
  windowOf,
  windowsFrom,
} from "../../../maintenanceWindow";
import { MANUAL } from "../../../manual";
import { nextRuns } from "../../../ops/tasks/calendar";
import { showWallClock, wallClock } from "../../../wallClock";

const NEW_YORK = MANUAL.timeZone;
const SYDNEY = "Australia/Sydney";
const LORD_HOWE = "Australia/Lord_Howe";
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Zones whose clocks change on a first Sunday at 02:00, elsewhere, by half an hour, at midnight, and never. */
const ZONES = [
  NEW_YORK,
  SYDNEY,
  LORD_HOWE,
  "Europe/London",
  "America/Santiago",
  "America/Asuncion",
  "Africa/Casablanca",
  "Asia/Kathmandu",
  "Pacific/Chatham",
  "Pacific/Kiritimati",
  "UTC",
];
const MONTHS = Array.from({ length: 120 }, (_, index) => ({
  year: 2026 + Math.floor(index / 12),
  month: 1 + (index % 12),
}));

const iso = ({ from, to }: Window): [string, string] => [
  from.toISOString().slice(0, 16),
  to.toISOString().slice(0, 16),
];
const hours = ({ from, to }: Window): number => (to.getTime() - from.getTime()) / HOUR;

describe("the maintenance window", () => {
  const TABLE: [what: string, zone: string, year: number, month: number, window: [string, string]][] = [
    ["in winter", NEW_YORK, 2026, 1, ["2026-01-04T07:00", "2026-01-04T09:00"]],
    [
      "in a month that begins on a Sunday, a week before its clocks change",
      NEW_YORK,
      2026,
      3,
      ["2026-03-01T07:00", "2026-03-01T09:00"],
    ],
    [
      "on the 7th, the last day that can be a first Sunday",
      NEW_YORK,
      2027,
      3,
      ["2027-03-07T07:00", "2027-03-07T09:00"],
    ],
    ["in summer", NEW_YORK, 2026, 7, ["2026-07-05T06:00", "2026-07-05T08:00"]],
    [
      "on the night on which 01:00 comes twice is after both",
      NEW_YORK,
      2026,
      11,
      ["2026-11-01T07:00", "2026-11-01T09:00"],
    ],
    ["in December", NEW_YORK, 2026, 12, ["2026-12-06T07:00", "2026-12-06T09:00"]],
    [
      "on a night without a 02:00 begins when the clocks have jumped to 03:00",
      SYDNEY,
      2026,
      10,
      ["2026-10-03T16:00", "2026-10-03T17:00"],
    ],
    [
      "on a night with two 02:00 begins at the first and lasts an hour longer",
      SYDNEY,
      2026,
      4,
      ["2026-04-04T15:00", "2026-04-04T18:00"],
    ],
    [
      "on a night whose clocks skip half an hour lasts half an hour less",
      LORD_HOWE,
      2026,
      10,
      ["2026-10-03T15:30", "2026-10-03T17:00"],
    ],
    ["in UTC", "UTC", 2028, 2, ["2028-02-06T02:00", "2028-02-06T04:00"]],
    [
      "far in the east is on a Saturday in UTC",
      "Pacific/Kiritimati",
      2026,
      8,
      ["2026-08-01T12:00", "2026-08-01T14:00"],
    ],
  ];
  for (const [what, zone, year, month, window] of TABLE) {
    it(`of ${year}-${String(month).padStart(2, "0")} in ${zone}: ${what}`, () => {
      assert.deepEqual(iso(windowOf(year, month, zone)), window);
    });
  }

  for (const zone of ZONES) {
    it(`is on the first Sunday of each month of ten years by the clocks of ${zone}, while they show 02:00 to 04:00`, () => {
      for (const { year, month } of MONTHS) {
        const window = windowOf(year, month, zone);
        const shown = new Date(wallClock(zone, window.from.getTime()));
        assert.equal(shown.getUTCFullYear(), year);
        assert.equal(shown.getUTCMonth() + 1, month);
        assert.equal(shown.getUTCDay(), 0, `${shown.toISOString()} is no Sunday`);
        assert.ok(shown.getUTCDate() <= 7, `${shown.toISOString()} is not the first`);
        const day = Math.floor(shown.getTime() / DAY) * DAY;
        // Minute by minute, the clocks of a whole day.
        for (let at = window.from.getTime() - 12 * HOUR; at < window.to.getTime() + 12 * HOUR; at += 60_000) {
          const wall = wallClock(zone, at) - day;
          const isOpen = window.from.getTime() <= at && at < window.to.getTime();
          const isShown = 2 * HOUR <= wall && wall < 4 * HOUR;
          assert.equal(isOpen, isShown, new Date(at).toISOString());
          if (!isOpen) at += 9 * 60_000;
        }
      }
    });
  }

  it("lasts two hours in every month of ten years in New York: no change of its clocks falls into it", () => {
    for (const { year, month } of MONTHS) {
      assert.equal(hours(windowOf(year, month, NEW_YORK)), 2, `${year}-${month}`);
    }
  });

  const moment = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2036, 0) }).map((at) => new Date(at));

  it("is open from its first moment to just before its end", () => {
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), fc.constantFrom(...MONTHS), (zone, { year, month }) => {
        const window = windowOf(year, month, zone);
        const { from, to } = window;
        const middle = new Date((from.getTime() + to.getTime()) / 2);
        for (const at of [from, middle, new Date(to.getTime() - 1)]) {
          assert.deepEqual(windowAt(at, zone), window, at.toISOString());
        }
        for (const at of [new Date(from.getTime() - 1), to]) {
          assert.equal(windowAt(at, zone), undefined, at.toISOString());
        }
      }),
    );
  });

  it("that comes next begins later, and none begins in between", () => {
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), moment, (zone, at) => {
        const all = [...MONTHS, { year: 2036, month: 1 }, { year: 2036, month: 2 }];
        const expected = all
          .map(({ year, month }) => windowOf(year, month, zone))
          .find(({ from }) => from > at);
        assert.deepEqual(nextWindow(at, zone), expected);
      }),
    );
  });

  it("that comes next is not the one that begins or is open now", () => {
    const { from, to } = windowOf(2026, 12, NEW_YORK);
    const january = windowOf(2027, 1, NEW_YORK);
    assert.deepEqual(nextWindow(from, NEW_YORK), january, "at its beginning");
    assert.deepEqual(nextWindow(new Date(to.getTime() - 1), NEW_YORK), january, "before its end");
    assert.deepEqual(nextWindow(new Date(from.getTime() - 1), NEW_YORK), { from, to });
  });

  it("of consecutive months are those of each month, over the end of a year, and know their month", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.integer({ min: 0, max: 119 }),
        fc.integer({ min: 0, max: 40 }),
        (zone, first, count) => {
          const months = Array.from({ length: count }, (_, index) => ({
            year: 2026 + Math.floor((first + index) / 12),
            month: 1 + ((first + index) % 12),
          }));
          const name = ({ year, month }: { year: number; month: number }) =>
            `${year}-${String(month).padStart(2, "0")}`;
          const start = name({ year: 2026 + Math.floor(first / 12), month: 1 + (first % 12) });
          const windows = windowsFrom(start, count, zone);
          assert.deepEqual(
            windows,
            months.map(({ year, month }) => windowOf(year, month, zone)),
          );
          assert.deepEqual(
            windows.map((window) => monthOf(window, zone)),
            months.map(name),
          );
        },
      ),
    );
  });
});

describe("the notice of a maintenance window", () => {
  it("is 48 hours before each window of ten years, in every zone, and never in another window", () => {
    for (const zone of ZONES) {
      for (const { year, month } of MONTHS) {
        const window = windowOf(year, month, zone);
        const notice = noticeOf(window);
        assert.equal(window.from.getTime() - notice.getTime(), 48 * HOUR);
        assert.equal(windowAt(notice, zone), undefined);
      }
    }
  });

  it("and the window itself come by the calendar of tasks at the same moments, in every zone, for ten years", () => {
    assert.equal(WINDOW_CRON, "0 2 * * SUN#1");
    const { noticeHours } = MANUAL.maintenanceWindow;
    for (const zone of ZONES) {
      const windows = MONTHS.map(({ year, month }) => windowOf(year, month, zone));
      const before = new Date((windows[0]?.from.getTime() ?? 0) - 3 * DAY);
      assert.deepEqual(
        nextRuns({ cron: WINDOW_CRON }, zone, before, MONTHS.length),
        windows.map(({ from }) => from),
      );
      assert.deepEqual(
        nextRuns({ cron: WINDOW_CRON, hoursBefore: noticeHours }, zone, before, MONTHS.length),
        windows.map(noticeOf),
      );
    }
  });

  const NOTICES: [what: string, zone: string, year: number, month: number, notice: string, shown: string][] =
    [
      ["in winter", NEW_YORK, 2026, 12, "2026-12-04T07:00", "2026-12-04 02:00"],
      ["in summer", NEW_YORK, 2026, 7, "2026-07-03T06:00", "2026-07-03 02:00"],
      [
        "over the night with an hour more is shown an hour later",
        NEW_YORK,
        2026,
        11,
        "2026-10-30T07:00",
        "2026-10-30 03:00",
      ],
      [
        "over the night with an hour less is as long before the window's true beginning",
        SYDNEY,
        2026,
        10,
        "2026-10-01T16:00",
        "2026-10-02 02:00",
      ],
    ];
  for (const [what, zone, year, month, notice, shown] of NOTICES) {
    it(`${what}: of ${year}-${month} in ${zone}`, () => {
      const at = noticeOf(windowOf(year, month, zone));
      assert.equal(at.toISOString().slice(0, 16), notice);
      assert.equal(showWallClock(zone, at), shown);
    });
  }
});
