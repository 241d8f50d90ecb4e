import assert from "node:assert/strict";
import { DRILL_NAMES } from "../../cli/drills/catalogue";
import type { DrillResult } from "../../cli/drills/result";
import { untilNoAlarm } from "./support/alarms";
import { onStack } from "./support/launcher";
import { ensureStack } from "./support/stack";

describe("every cause of an alarm, made for real (M22 to M30, M35, M48)", function () {
  this.timeout(1_800_000);

  before(async () => {
    await ensureStack();
    await untilNoAlarm();
  });

  it("pages the right people within its limit and sends the all-clear, and nobody is paged twice for one", async () => {
    const { code, stdout, stderr } = await onStack("drill", "all", "--json");
    const results = JSON.parse(stdout) as DrillResult[];
    for (const { drill, causeToPageSeconds, limitSeconds, pageToOkSeconds, verdict } of results) {
      process.stderr.write(
        `      ${drill}: page after ${causeToPageSeconds} s of ${limitSeconds}, OK after ${pageToOkSeconds} s: ${verdict}\n`,
      );
    }
    assert.deepEqual(
      results.filter(({ verdict }) => verdict === "failed").map(({ drill, reason }) => `${drill}: ${reason}`),
      [],
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(results.map(({ drill }) => drill).sort(), [...DRILL_NAMES].sort());
    for (const { drill, pagedTo, pageToOkSeconds } of results) {
      assert.ok(pagedTo.length > 0, `${drill} paged nobody`);
      assert.notEqual(pageToOkSeconds, null, `${drill} had no all-clear`);
    }
    const outage = results.find(({ drill }) => drill === "service-down");
    assert.equal(outage?.pagedTo.length, 3);
    for (const consequence of ["error-rate", "response-time", "silence"]) {
      assert.ok(
        !outage?.otherPages.some((page) => page.includes(consequence)),
        `service-down paged ${consequence} as well`,
      );
    }
  });
});
