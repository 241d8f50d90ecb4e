import assert from "node:assert/strict";
import * as fc from "fast-check";
import { z } from "zod";
import { atLeast, atMost, configSchema, readConfig, subsetOf } from "../../policies/lib/settings";
import { RULES } from "../../policies/policies";
import { happyStack } from "./support/happy";
import { change, judge, set } from "./support/harness";

/** What the engine does with a policy's schema: validates the configuration against it as JSON Schema. */
function accepts(settings: Parameters<typeof configSchema>[0], config: unknown): boolean {
  const { properties } = configSchema(settings);
  const schema = z.fromJSONSchema({ type: "object", properties } as Parameters<typeof z.fromJSONSchema>[0]);
  return schema.safeParse(config).success;
}

const REASON = "load test of 2026-03-01, ticket 4711";

describe("configuration of the policies", () => {
  const withSettings = RULES.filter(({ settings }) => Object.keys(settings).length > 0);

  it("there are policies that can be made stricter", () => assert.ok(withSettings.length >= 6));

  for (const { name, settings } of withSettings) {
    for (const [key, setting] of Object.entries(settings)) {
      const { schema } = setting;
      it(`${name} takes its ${key} at the manual's value and stricter, and refuses a looser one`, () => {
        assert.ok(accepts(settings, { [key]: schema.default }));
        if (typeof schema.default !== "number") {
          assert.ok(accepts(settings, { [key]: [] }));
          assert.ok(!accepts(settings, { [key]: [...schema.default, "SYS_ADMIN"] }));
          assert.deepEqual(setting.apply([...schema.default, "SYS_ADMIN"]), schema.default);
          return;
        }
        const upward = schema.maximum === undefined;
        const [stricter, looser] = upward
          ? [schema.default * 2, schema.default - 0.01]
          : [schema.default / 2, schema.default + 0.01];
        assert.ok(accepts(settings, { [key]: stricter }));
        assert.ok(!accepts(settings, { [key]: looser }));
        assert.ok(!accepts(settings, { [key]: String(stricter) }));
        // The engine validates; the policy does not rely on it.
        assert.equal(setting.apply(looser), schema.default);
        assert.equal(setting.apply(stricter), stricter);
      });
    }
  }

  it("no value whatever loosens a number or a list", () => {
    const [below, above, list] = [atMost(80, ""), atLeast(90, ""), subsetOf(["A", "B"], "")];
    fc.assert(
      fc.property(fc.anything(), fc.double(), (anything, number) => {
        for (const given of [anything, number]) {
          assert.ok(below.apply(given) > 0 && below.apply(given) <= 80);
          assert.ok(above.apply(given) >= 90);
          assert.ok(list.apply(given).every((item) => ["A", "B"].includes(item)));
        }
      }),
    );
  });

  it("an exception needs a level and a reason", () => {
    for (const exception of [
      { level: "advisory" },
      { level: "advisory", reason: "because" },
      { level: "mandatory", reason: REASON },
      { reason: REASON },
      { level: "disabled", reason: REASON, until: "later" },
      "advisory",
    ]) {
      assert.ok(!accepts({}, { exception }), JSON.stringify(exception));
    }
    assert.ok(accepts({}, { exception: { level: "advisory", reason: REASON } }));
    assert.ok(accepts({}, { exception: { level: "disabled", reason: REASON } }));
  });

  const broken = change(happyStack(), "Service nginx", (nginx) =>
    set(nginx, "taskSpec.containerSpec.image", "nginx:latest"),
  );
  const judged = (config: Record<string, unknown>) =>
    judge(broken, { config: { "service-image-version": config } });

  it("an advisory policy still reports, with the reason", () => {
    const [violation, ...others] = judged({ exception: { level: "advisory", reason: REASON } });
    assert.deepEqual(others, []);
    assert.equal(violation?.level, "advisory");
    assert.match(
      violation.message,
      /Manual M19: .*\. \(Advisory, because: load test of 2026-03-01, ticket 4711\)$/,
    );
  });

  it("a disabled policy reports nothing", () => {
    assert.deepEqual(judged({ exception: { level: "disabled", reason: REASON } }), []);
  });

  it("an exception without a reason lowers nothing, and says so", () => {
    const violations = judged({ exception: { level: "disabled", reason: "  because          " } });
    assert.ok(violations.every(({ level }) => level === "mandatory"));
    assert.ok(violations.some(({ message }) => message.startsWith("Service nginx runs the image")));
    assert.ok(
      violations.some(
        ({ message }) =>
          message ===
          "Policy service-image-version: exception.reason is missing or shorter than 20 characters: write why.",
      ),
    );
  });

  it("a setting that does not exist is named", () => {
    assert.deepEqual(readConfig({ days: atLeast(90, "") }, { day: 100 }).faults, [
      "day is not a setting of this policy. Allowed: days, exception",
    ]);
  });
});
