import assert from "node:assert/strict";
import fc from "fast-check";
import { duration } from "../../../../components/stack/service";
import { ofType, type Recorded } from "../../../support/mocks";
import { unitServices } from "../../../support/services";

const UNITS: Record<string, number> = { h: 3600, m: 60, s: 1 };

/** Seconds of a duration in Go's notation. */
function secondsOf(text: string): number {
  assert.match(text, /^(\d+h)?(\d+m)?(\d+s)?$/);
  return [...text.matchAll(/(\d+)([hms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? Number.NaN),
    0,
  );
}

describe("durations", () => {
  const table: [seconds: number, text: string][] = [
    [0, "0s"],
    [5, "5s"],
    [59, "59s"],
    [60, "1m"],
    [90, "1m30s"],
    [180, "3m"],
    [600, "10m"],
    [3600, "1h"],
    [3601, "1h0m1s"],
    [3660, "1h1m"],
    [86_400, "24h"],
  ];
  for (const [seconds, text] of table) {
    it(`${seconds} s are written ${text}, as the provider reads them back`, () => {
      assert.equal(duration(seconds), text);
    });
  }

  it("keep their value, and have one spelling each", () => {
    fc.assert(
      fc.property(fc.nat(200_000), (seconds) => {
        const text = duration(seconds);
        assert.equal(secondsOf(text), seconds);
        assert.doesNotMatch(text, /.[hm]0s$|h0m$/);
      }),
    );
  });

  it("stand in every service in that spelling, or each preview would show a change", async () => {
    const { resources } = await unitServices();
    const spelled = ofType(resources, "docker:index/service:Service").flatMap(durationsIn);
    assert.ok(spelled.length > 7 * 8, `only ${spelled.length} found`);
    for (const text of spelled) {
      assert.equal(duration(secondsOf(text)), text);
    }
  });
});

function durationsIn({ inputs }: Recorded): string[] {
  const found: string[] = [];
  const visit = (value: unknown, key: string): void => {
    if (
      typeof value === "string" &&
      /^(stopGracePeriod|interval|timeout|startPeriod|delay|window|monitor)$/.test(key)
    ) {
      found.push(value);
    } else if (typeof value === "object" && value !== null) {
      for (const [name, item] of Object.entries(value)) {
        visit(item, name);
      }
    }
  };
  visit(inputs, "");
  return found;
}
