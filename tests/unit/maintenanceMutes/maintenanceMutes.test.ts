import assert from "node:assert/strict";
import fc from "fast-check";
import {
  daysMuted,
  declareMutes,
  mutedTime,
  nextPlannedMonth,
  PLANNED_WINDOWS,
} from "../../../maintenanceMutes";
import { nextWindow, windowAt, windowOf, windowsFrom } from "../../../maintenanceWindow";
import { MANUAL } from "../../../manual";

const NEW_YORK = MANUAL.timeZone;
const MONTHS = Array.from(
  { length: 120 },
  (_, index) => `${2026 + Math.floor(index / 12)}-${String(1 + (index % 12)).padStart(2, "0")}`,
);
const ZONES = [NEW_YORK, "Europe/London", "Asia/Kathmandu", "UTC"];
const settings = (plannedFrom: string | undefined, timeZone: string = NEW_YORK) => ({
  timeZone,
  maintenance: { plannedFrom },
});
const month = fc.constantFrom(...MONTHS);
const moment = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2035, 0) }).map((at) => new Date(at));

describe("the rules that keep alarms quiet in maintenance windows", () => {
  it("are dated, in the stack's zone, one a window", () => {
    assert.deepEqual(declareMutes(settings("2026-12")).slice(0, 3), [
      { month: "2026-12", expression: "at(2026-12-06T02:00)", timezone: NEW_YORK, duration: "PT2H" },
      { month: "2027-01", expression: "at(2027-01-03T02:00)", timezone: NEW_YORK, duration: "PT2H" },
      { month: "2027-02", expression: "at(2027-02-07T02:00)", timezone: NEW_YORK, duration: "PT2H" },
    ]);
  });

  it("cover exactly the windows of the horizon, from any month of ten years, in every zone", () => {
    for (const zone of [...ZONES, "Australia/Sydney", "Australia/Lord_Howe", "America/Santiago"]) {
      for (const first of MONTHS) {
        assert.deepEqual(
          declareMutes(settings(first, zone)).map(mutedTime),
          windowsFrom(first, PLANNED_WINDOWS, zone),
          `${first} in ${zone}`,
        );
      }
    }
  });

  it("say in UTC what the clocks of a zone show twice, and begin when clocks have jumped over 02:00", () => {
    const [april, , , , , , october] = declareMutes(settings("2026-04", "Australia/Sydney"));
    assert.deepEqual(april, {
      month: "2026-04",
      expression: "at(2026-04-04T15:00)",
      timezone: "UTC",
      duration: "PT3H",
    });
    assert.equal(october?.duration, "PT1H");
    assert.ok(
      october && mutedTime(october).from.getTime() === windowOf(2026, 10, "Australia/Sydney").from.getTime(),
    );
  });

  it("are none without a month to begin with, and then no day is left", () => {
    assert.deepEqual(declareMutes(settings(undefined)), []);
    assert.equal(daysMuted(new Date("2026-12-01T00:00Z"), settings(undefined)), 0);
  });

  it("are the same whenever they are declared: no moment but the configured month goes into them", () => {
    fc.assert(
      fc.property(month, (first) => {
        assert.deepEqual(declareMutes(settings(first)), declareMutes(settings(first)));
      }),
    );
  });

  it("leave so many days as lie between a moment and the end of the last window", () => {
    const planned = settings("2026-12");
    const last = windowOf(2027, 11, NEW_YORK).to;
    assert.equal(daysMuted(new Date(last.getTime() - 31 * 86_400_000), planned), 31);
    assert.equal(daysMuted(new Date(last.getTime() + 1), planned), 0);
  });

  it("are moved on before half of them is over, to a window that is to come, or stays while it is open", () => {
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), fc.option(month), moment, (zone, first, at) => {
        const before = settings(first ?? undefined, zone);
        const moved = nextPlannedMonth(at, before);
        if (moved === undefined) {
          const ahead = windowsFrom(first ?? "", PLANNED_WINDOWS, zone).filter(({ to }) => to > at);
          assert.ok(ahead.length > PLANNED_WINDOWS / 2, `${ahead.length} ahead`);
          return;
        }
        const after = settings(moved, zone);
        const [begins] = declareMutes(after).map(mutedTime);
        const open = windowAt(at, zone);
        const wasDeclared = declareMutes(before)
          .map(mutedTime)
          .some(({ from }) => from.getTime() === open?.from.getTime());
        assert.deepEqual(begins, wasDeclared ? open : nextWindow(at, zone));
        assert.equal(nextPlannedMonth(at, after), undefined, "it is moved once");
      }),
      { numRuns: 500 },
    );
  });
});
