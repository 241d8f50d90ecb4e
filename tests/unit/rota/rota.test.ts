import assert from "node:assert/strict";
import fc from "fast-check";
import { parseConfig, type RotaOverride } from "../../../config";
import {
  daysDeclared,
  declaredOnCall,
  declareRota,
  MAX_VALUES,
  nextPlannedFrom,
  onCallAt,
  type RotaSettings,
  shiftOfWall,
  stateChangeTime,
} from "../../../rota";
import { showWallClock } from "../../../wallClock";
import { minimalConfig, rawOf, TEST_CONTACTS, withValue } from "../../support/config";

const DAY = 86_400_000;
const NEW_YORK = "America/New_York";

interface Given {
  engineers?: number;
  from?: string;
  plannedFrom?: string;
  overrides?: RotaOverride[];
  timeZone?: string;
}

const NAMES = ["Ada", "Ben", "Cat", "Dan", "Eli", "Fay", "Gus", "Hal"];

function settings({
  engineers = 2,
  from = "2026-01-02",
  plannedFrom = from,
  overrides = [],
  timeZone = NEW_YORK,
}: Given = {}): RotaSettings {
  const onCall = NAMES.slice(0, engineers).map((name) => ({
    name,
    email: `${name.toLowerCase()}@example.com`,
  }));
  return { contacts: { onCall, rota: { from, plannedFrom, overrides } }, timeZone };
}

const at = (iso: string) => new Date(iso);

describe("who is on call (M57, M58)", () => {
  /** The rota's first shift is Ada's, from Friday 2026-01-02 at 17:00 in New York, which is 22:00 in UTC. */
  const table: [at: string, engineer: string, from: string, until: string][] = [
    ["2026-01-02T22:00:00.000Z", "Ada", "2026-01-02T22:00Z", "2026-01-09T22:00Z"],
    ["2026-01-09T21:59:59.999Z", "Ada", "2026-01-02T22:00Z", "2026-01-09T22:00Z"],
    ["2026-01-09T22:00:00.000Z", "Ben", "2026-01-09T22:00Z", "2026-01-16T22:00Z"],
    // Before the first shift the rota goes on backwards.
    ["2026-01-02T21:59:59.999Z", "Ben", "2025-12-26T22:00Z", "2026-01-02T22:00Z"],
    // The clocks go forward on 2026-03-08, back on 2026-11-01: the handoff stays at 17:00.
    ["2026-03-08T07:00:00.000Z", "Ben", "2026-03-06T22:00Z", "2026-03-13T21:00Z"],
    ["2026-03-13T21:00:00.000Z", "Ada", "2026-03-13T21:00Z", "2026-03-20T21:00Z"],
    ["2026-11-01T06:30:00.000Z", "Ben", "2026-10-30T21:00Z", "2026-11-06T22:00Z"],
    ["2026-11-06T21:59:59.999Z", "Ben", "2026-10-30T21:00Z", "2026-11-06T22:00Z"],
  ];

  for (const [moment, engineer, from, until] of table) {
    it(`${moment}: ${engineer}`, () => {
      const duty = onCallAt(at(moment), settings());
      assert.equal(duty.engineer.name, engineer);
      assert.deepEqual([duty.from, duty.until, duty.override], [at(from), at(until), false]);
    });
  }

  it("a swap cuts the shift around it, to the hour of the wall clock", () => {
    const swapped = settings({
      overrides: [{ engineer: "Ben", from: "2026-01-03T08:00", until: "2026-01-04T20:00" }],
    });
    const duty = (moment: string) => {
      const { engineer, from, until, override } = onCallAt(at(moment), swapped);
      return [engineer.name, from.toISOString(), until.toISOString(), override];
    };
    assert.deepEqual(duty("2026-01-03T12:59:59Z"), [
      "Ada",
      "2026-01-02T22:00:00.000Z",
      "2026-01-03T13:00:00.000Z",
      false,
    ]);
    assert.deepEqual(duty("2026-01-03T13:00:00Z"), [
      "Ben",
      "2026-01-03T13:00:00.000Z",
      "2026-01-05T01:00:00.000Z",
      true,
    ]);
    assert.deepEqual(duty("2026-01-05T01:00:00Z"), [
      "Ada",
      "2026-01-05T01:00:00.000Z",
      "2026-01-09T22:00:00.000Z",
      false,
    ]);
  });

  it("one engineer alone always is, and is told everything without a filter", () => {
    const alone = settings({ engineers: 1 });
    assert.equal(onCallAt(at("2031-07-04T00:00Z"), alone).engineer.name, "Ada");
    const { engineers, until } = declareRota(alone);
    assert.deepEqual(
      engineers.map(({ filterPolicy }) => filterPolicy),
      [undefined],
    );
    assert.equal(until, undefined);
    assert.equal(nextPlannedFrom(at("2031-07-04T00:00Z"), alone), undefined);
    assert.ok(daysDeclared(at("2031-07-04T00:00Z"), alone) > 10_000);
  });
});

describe("the rota as it is declared", () => {
  it("is filter policies on the time of the alarm, in UTC, from the first shift that is planned", () => {
    const { engineers, from, until } = declareRota(settings({ plannedFrom: "2026-11-27" }));
    const [ada = "", ben = ""] = engineers.map(({ filterPolicy }) => filterPolicy);
    assert.deepEqual(from, at("2026-11-27T22:00Z"));
    assert.ok(until !== undefined && until > at("2027-03-01T00:00Z"), `only up to ${until?.toISOString()}`);
    assert.match(ben, /^{"StateChangeTime":\[{"prefix":"2026-0"},/);
    // Ben's shift begins on Friday at 22:00 in UTC, and until then everybody is told.
    for (const prefix of [
      "2026-11",
      "2026-12-01",
      "2026-12-03",
      "2026-12-04T0",
      "2026-12-04T1",
      "2026-12-04T21",
    ]) {
      assert.ok(ben.includes(`{"prefix":"${prefix}"}`), prefix);
    }
    assert.ok(ada.includes('{"prefix":"2026-11-27T21"}') && !ada.includes('"2026-11-28"'));
    assert.ok(ada.includes('{"prefix":"2026-12-04T22"}') && !ben.includes('"2026-12-04T22"'));
  });

  it("holds as many values as SNS takes, and no more shift would fit", () => {
    for (const engineers of [2, 3, 5, 8]) {
      const declared = declareRota(settings({ engineers }));
      const counts = declared.engineers.map(
        ({ filterPolicy = "" }) => filterPolicy.split("prefix").length - 1,
      );
      assert.ok(Math.max(...counts) <= MAX_VALUES);
      assert.ok(Math.max(...counts) > MAX_VALUES - 25, `${counts}`);
    }
  });

  it("is the same each time, whatever the day: nothing in it comes from now", () => {
    assert.deepEqual(declareRota(settings()), declareRota(settings()));
  });

  /** Overrides that the configuration accepts, in shifts that are declared. */
  const overridesOf = (engineers: number, first: number) =>
    fc
      .uniqueArray(
        fc.record({
          shift: fc.integer({ min: 0, max: 8 }),
          from: fc.integer({ min: 0, max: 100 }),
          hours: fc.integer({ min: 1, max: 67 }),
          other: fc.integer({ min: 1, max: Math.max(1, engineers - 1) }),
        }),
        { maxLength: 3, selector: ({ shift }) => shift },
      )
      .map((all) =>
        all.map(({ shift, from, hours, other }): RotaOverride => {
          const number = first + shift;
          const start = Date.parse("2026-01-02T17:00Z") + number * 7 * DAY + from * 3_600_000;
          const hour = (wall: number) => new Date(wall).toISOString().slice(0, 16);
          return {
            engineer: NAMES[(number + other) % engineers] ?? "",
            from: hour(start),
            until: hour(start + hours * 3_600_000),
          };
        }),
      );

  const rotas = fc
    .record({
      engineers: fc.integer({ min: 2, max: 8 }),
      // Ten years of Fridays.
      week: fc.integer({ min: 0, max: 521 }),
      timeZone: fc.constantFrom(NEW_YORK, NEW_YORK, NEW_YORK, "Europe/Vienna", "Asia/Kathmandu", "UTC"),
    })
    .chain(({ engineers, week, timeZone }) =>
      overridesOf(engineers, week).map((overrides) => {
        const plannedFrom = new Date(Date.parse("2026-01-02") + week * 7 * DAY).toISOString().slice(0, 10);
        return settings({ engineers, plannedFrom, overrides, timeZone });
      }),
    );

  it("hands each moment of its horizon to the one who is on call, for ten years, and beyond it to everybody", () => {
    fc.assert(
      fc.property(
        rotas,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 20 }),
        (rota, points) => {
          const { engineers, from, until } = declareRota(rota);
          assert.ok(until !== undefined && until > from);
          const inside = points.map(
            (point) => from.getTime() + point * (until.getTime() - from.getTime() - 1),
          );
          const edges = inside.flatMap((moment) => {
            const duty = onCallAt(new Date(moment), rota);
            return [duty.from.getTime(), duty.until.getTime() - 1];
          });
          for (const moment of [...inside, ...edges, from.getTime(), until.getTime() - 1]) {
            if (moment < from.getTime()) {
              continue;
            }
            const when = new Date(moment);
            assert.deepEqual(
              declaredOnCall(engineers, when).map(({ name }) => name),
              [onCallAt(when, rota).engineer.name],
              stateChangeTime(when),
            );
          }
          const outside = [
            from.getTime() - 1,
            until.getTime(),
            until.getTime() + 5 * 365 * DAY,
            Date.UTC(2099, 11, 31),
          ];
          for (const moment of outside.filter((one) => one >= Date.UTC(2026, 0, 1))) {
            assert.equal(declaredOnCall(engineers, new Date(moment)).length, engineers.length);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it("agrees at every hour around each change of the clocks, for ten years", () => {
    for (let year = 2026; year < 2036; year++) {
      for (const month of [2, 10]) {
        // The Friday before the month.
        const first = new Date(Date.UTC(year, month, 1));
        const friday = new Date(first.getTime() - ((first.getUTCDay() + 2) % 7) * DAY)
          .toISOString()
          .slice(0, 10);
        const rota = settings({ engineers: 3, from: "2025-01-03", plannedFrom: friday });
        const { engineers, from } = declareRota(rota);
        for (let hour = 0; hour < 5 * 7 * 24; hour++) {
          const when = new Date(from.getTime() + hour * 3_600_000);
          assert.deepEqual(
            declaredOnCall(engineers, when),
            [onCallAt(when, rota).engineer],
            stateChangeTime(when),
          );
        }
      }
    }
  });

  it("hands over each Friday at 17:00 of the wall clock, for ten years", () => {
    const rota = settings({ engineers: 3 });
    let duty = onCallAt(at("2026-01-02T22:00Z"), rota);
    for (let week = 0; week < 522; week++) {
      assert.match(showWallClock(NEW_YORK, duty.from), / 17:00$/);
      assert.equal(new Date(`${showWallClock(NEW_YORK, duty.from).slice(0, 10)}T00:00Z`).getUTCDay(), 5);
      assert.equal(duty.engineer.name, NAMES[week % 3]);
      duty = onCallAt(duty.until, rota);
    }
  });
});

describe("moving the rota on", () => {
  const rota = settings({ plannedFrom: "2026-11-20" });
  const { from, until = from } = declareRota(rota);
  const half = new Date((from.getTime() + until.getTime()) / 2);

  it("is not done while half of it lies ahead, nor before it has begun", () => {
    for (const moment of [at("2026-01-01T00:00Z"), from, new Date(half.getTime() - 1)]) {
      assert.equal(nextPlannedFrom(moment, rota), undefined);
    }
  });

  it("is done from the shift that runs then, which leaves everybody's duty as it was", () => {
    const next = nextPlannedFrom(half, rota);
    assert.ok(next !== undefined);
    assert.ok(shiftOfWall("2026-01-02", Date.parse(`${next}T17:00Z`)) > 0);
    const moved = settings({ plannedFrom: next });
    assert.deepEqual(onCallAt(half, moved), onCallAt(half, rota));
    assert.deepEqual(declaredOnCall(declareRota(moved).engineers, half), [onCallAt(half, rota).engineer]);
    assert.ok(daysDeclared(half, moved) > daysDeclared(half, rota));
    assert.equal(nextPlannedFrom(half, moved), undefined);
  });

  it("catches up after years, in one step", () => {
    const late = at("2036-05-05T12:00Z");
    const next = nextPlannedFrom(late, rota);
    assert.equal(next, "2036-05-02");
    assert.ok(daysDeclared(late, settings({ plannedFrom: next })) > 60);
  });

  it("counts the days for which shifts are declared", () => {
    assert.equal(daysDeclared(new Date(until.getTime() - 3 * DAY), rota), 3);
    assert.equal(daysDeclared(until, rota), 0);
    assert.equal(daysDeclared(new Date(until.getTime() + DAY), rota), 0);
  });

  it("gives a date that the configuration accepts", () => {
    const config = withValue(minimalConfig(), "contacts.rota.plannedFrom", nextPlannedFrom(half, rota));
    assert.equal(parseConfig(rawOf(config), "/nowhere").contacts.onCall.length, TEST_CONTACTS.onCall.length);
  });
});
