import assert from "node:assert/strict";
import type { DrillResult } from "../../cli/drills/result";
import { onStack } from "./support/launcher";
import { ensureStack } from "./support/stack";

describe("a machine whose CPU is busy (M22)", function () {
  this.timeout(900_000);

  before(() => ensureStack());

  it("is told to who is on call within the limit, and so is its end", async () => {
    const { code, stdout, stderr } = await onStack("drill", "cpu", "--json");
    const [result, ...more] = JSON.parse(stdout) as DrillResult[];
    assert.deepEqual([code, result?.drill, result?.verdict, more], [0, "cpu", "passed", []], stderr);
    assert.ok((result?.pagedTo.length ?? 0) > 0);
    assert.ok(result?.pageToOkSeconds !== null);
  });
});
