import assert from "node:assert/strict";
import fc from "fast-check";
import { MANUAL } from "../../../manual";
import { instantOf, showWallClock, wallClock, zoneProblem } from "../../../wallClock";

/** Zones with clock changes of an hour and of half an hour, at night, at midnight, twice a year by the moon, and none. */
const ZONES = [
  "America/New_York",
  "Australia/Lord_Howe",
  "Europe/London",
  "America/Santiago",
  "Africa/Casablanca",
  "Asia/Kathmandu",
  "Pacific/Chatham",
  "UTC",
];

describe("the wall clock of a zone", () => {
  it("turns into an instant and back", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2036, 0) }),
        (zone, wall) => {
          const instant = instantOf(zone, wall);
          const shown = wallClock(zone, instant);
          assert.ok(shown === wall || (shown > wall && wallClock(zone, instant - 1) < wall));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is shown as people write it", () => {
    const at = new Date("2026-03-08T07:00:30Z");
    assert.equal(showWallClock("America/New_York", at), "2026-03-08 03:00");
    assert.equal(showWallClock("Asia/Kathmandu", at), "2026-03-08 12:45");
  });

  it("of a zone that does not exist is refused", () => {
    assert.equal(zoneProblem(MANUAL.timeZone), undefined);
    assert.equal(
      zoneProblem("America/Nowhere"),
      '"America/Nowhere" is not an IANA time zone such as America/New_York',
    );
  });
});
