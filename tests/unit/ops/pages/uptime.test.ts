import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DAYS,
  daysOf,
  type Look,
  look,
  NOTHING_SEEN,
  percent,
  shareUp,
  type Uptime,
  uptimeSchema,
} from "../../../../ops/pages/uptime";

const LONGEST = 45_000;
const DAY = 86_400_000;
const NOON = Date.parse("2026-11-26T12:00:00Z");

function seen(looks: readonly Look[]): Uptime {
  return looks.reduce((uptime, one) => look(uptime, one, LONGEST), NOTHING_SEEN);
}
const today = (uptime: Uptime, part = "database", now = NOON) => daysOf(uptime, part, now).at(-1);

describe("the uptime that ops keeps", () => {
  it("counts the time between two looks as what the first one saw", () => {
    const uptime = seen([
      { at: NOON, up: { database: true } },
      { at: NOON + 10_000, up: { database: false } },
      { at: NOON + 25_000, up: { database: true } },
    ]);
    assert.deepEqual(today(uptime), { date: "2026-11-26", up: 10_000, down: 15_000 });
  });

  it("knows nothing of the time while ops was off", () => {
    const uptime = seen([
      { at: NOON, up: { database: true } },
      { at: NOON + 3_600_000, up: { database: true } },
      { at: NOON + 3_610_000, up: { database: true } },
    ]);
    assert.deepEqual(today(uptime), { date: "2026-11-26", up: 10_000, down: 0 });
  });

  it("knows nothing of a part that was not checked", () => {
    const uptime = seen([
      { at: NOON, up: {} },
      { at: NOON + 10_000, up: { database: true } },
    ]);
    assert.deepEqual(today(uptime), { date: "2026-11-26", up: 0, down: 0 });
    assert.equal(shareUp(daysOf(uptime, "database", NOON)), null);
  });

  it("does not hold against a part that it was being set up", () => {
    const uptime = seen([
      { at: NOON, up: { database: false, redis: true } },
      { at: NOON + 10_000, up: { database: true, redis: false } },
      { at: NOON + 20_000, up: { database: false, redis: true } },
      { at: NOON + 25_000, up: { database: true, redis: true } },
    ]);
    assert.deepEqual(today(uptime), { date: "2026-11-26", up: 10_000, down: 5_000 });
    assert.deepEqual(today(uptime, "redis"), { date: "2026-11-26", up: 15_000, down: 10_000 });
  });

  it("counts nothing twice when a clock is set back, and goes on from there", () => {
    const uptime = seen([
      { at: NOON, up: { database: true } },
      { at: NOON - 5_000, up: { database: true } },
      { at: NOON + 5_000, up: { database: true } },
    ]);
    assert.equal(today(uptime)?.up, 10_000);
  });

  it("gives each day its part of a span over midnight", () => {
    const midnight = Date.parse("2026-11-27T00:00:00Z");
    const uptime = seen([
      { at: midnight - 5_000, up: { database: true } },
      { at: midnight - 4_000, up: { database: false } },
      { at: midnight + 6_000, up: { database: false } },
    ]);
    assert.deepEqual(daysOf(uptime, "database", midnight).slice(-2), [
      { date: "2026-11-26", up: 1_000, down: 4_000 },
      { date: "2026-11-27", up: 0, down: 6_000 },
    ]);
  });

  it("keeps ninety days, and none that has not come yet", () => {
    const days = Object.fromEntries(
      ["2026-08-28", "2026-08-29", "2026-11-27"].map((date) => [
        date,
        { database: [1, 0] as [number, number] },
      ]),
    );
    const uptime = look({ days, last: null }, { at: NOON, up: {} }, LONGEST);
    assert.deepEqual(Object.keys(uptime.days), ["2026-08-29"]);
    const shown = daysOf(uptime, "database", NOON);
    assert.equal(shown.length, DAYS);
    assert.deepEqual(shown[0], { date: "2026-08-29", up: 1, down: 0 });
  });

  it("says 100% only where nothing was down", () => {
    assert.equal(percent(1), "100%");
    assert.equal(percent(0.999999), "99.99%");
    assert.equal(percent(0), "0.00%");
  });

  const steps = fc.array(
    fc.record({
      gap: fc.oneof(
        fc.integer({ min: -60_000, max: LONGEST }),
        fc.integer({ min: LONGEST + 1, max: 3 * DAY }),
      ),
      up: fc.dictionary(fc.constantFrom("database", "redis", "backend"), fc.boolean()),
    }),
    { maxLength: 60 },
  );
  const looksOf = (given: readonly { gap: number; up: Record<string, boolean> }[]): Look[] => {
    let at = NOON;
    return given.map(({ gap, up }) => {
      at += gap;
      return { at, up };
    });
  };

  it("counts as up and down exactly what lies between looks that follow each other soon", () => {
    fc.assert(
      fc.property(steps, (given) => {
        const looks = looksOf(given);
        const expected = { up: 0, down: 0 };
        looks.slice(1).forEach(({ at }, index) => {
          const before = looks[index];
          const length = at - (before?.at ?? 0);
          const was = before?.up.database;
          const counts = was === true || (was === false && expected.up > 0);
          if (counts && length > 0 && length <= LONGEST) {
            expected[was ? "up" : "down"] += length;
          }
        });
        // What a wrong clock counted ahead of its time may be dropped: only looks that go forward are compared.
        fc.pre(given.every(({ gap }) => gap >= 0) && (looks.at(-1)?.at ?? 0) - NOON < 80 * DAY);
        const days = daysOf(seen(looks), "database", looks.at(-1)?.at ?? NOON);
        assert.deepEqual(
          {
            up: days.reduce((sum, { up }) => sum + up, 0),
            down: days.reduce((sum, { down }) => sum + down, 0),
          },
          expected,
        );
      }),
    );
  });

  it("never counts more of a day than the day has, however clocks jump forward", () => {
    fc.assert(
      fc.property(steps, (given) => {
        const looks = looksOf(given.map(({ gap, up }) => ({ gap: Math.abs(gap), up })));
        for (const { up, down } of daysOf(seen(looks), "redis", looks.at(-1)?.at ?? NOON)) {
          assert.ok(up >= 0 && down >= 0 && up + down <= DAY);
        }
      }),
    );
  });

  it("is the same after it was written and read again", () => {
    fc.assert(
      fc.property(steps, (given) => {
        const uptime = seen(looksOf(given));
        assert.deepEqual(uptimeSchema.parse(JSON.parse(JSON.stringify(uptime))), uptime);
      }),
    );
  });
});
