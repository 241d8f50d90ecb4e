import assert from "node:assert/strict";
import { type Audit, CATEGORIES } from "../../ops/audits/audit";
import { mustOnStack, onStack } from "./support/launcher";
import { ensureStack } from "./support/stack";

describe("the audit of a stack's pages by Lighthouse (M15)", function () {
  this.timeout(900_000);

  before(() => ensureStack());

  it("has a score for each page and category, keeps it, and shows what has changed since the one before", async () => {
    const first = JSON.parse((await mustOnStack("audit", "--json")).stdout) as Audit & { before?: Audit };
    assert.deepEqual(
      first.pages.map(({ path }) => path),
      ["/", "/status"],
    );
    for (const { path, scores, bytes } of first.pages) {
      const told = CATEGORIES.map((name) => `${name} ${scores[name]}`).join(", ");
      process.stderr.write(`      ${path}: ${told}, ${bytes} bytes\n`);
      assert.deepEqual(Object.keys(scores).sort(), [...CATEGORIES].sort());
      assert.ok(bytes > 0);
    }
    const status = first.pages.find(({ path }) => path === "/status");
    // The others judge the machine as well, or pages that are not ours.
    assert.equal(status?.scores.accessibility, 100);
    assert.ok((status?.bytes ?? Number.POSITIVE_INFINITY) < 50_000);

    const { stdout } = await mustOnStack("audit", "--page", "/status");
    assert.match(stdout, /^PAGE +PERFORMANCE +ACCESSIBILITY +BEST-PRACTICES +SEO +WEIGHT$/m);
    assert.match(stdout, /^\/status +\d/m);
    assert.ok(stdout.includes(`changes are since ${first.at}`), stdout);
  });

  it("says in one line what is no page", async () => {
    const { code, stderr } = await onStack("audit", "--page", "status");
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^fitnesscrm: audit --page status: must be a path below the stack's address, such as \/login\n$/,
    );
  });
});
