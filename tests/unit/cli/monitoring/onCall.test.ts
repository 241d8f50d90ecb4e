import assert from "node:assert/strict";
import { parseMoment } from "../../../../cli/monitoring/onCall";

describe("the moment of oncall --at", () => {
  it("has a zone, so that it is the same one on every machine", () => {
    assert.equal(parseMoment("2026-12-24T17:00-05:00").toISOString(), "2026-12-24T22:00:00.000Z");
    assert.equal(parseMoment("2026-12-24T17:00Z").toISOString(), "2026-12-24T17:00:00.000Z");
    assert.equal(parseMoment("2026-12-24").toISOString(), "2026-12-24T00:00:00.000Z");
  });

  for (const text of ["tomorrow", "2026-12-24T17:00", "2026-13-01", "24.12.2026", "2026-12-24T25:00Z", ""]) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseMoment(text), /--at .* is not a moment: must be such as 2026-12-24T17:00Z/);
    });
  }
});
