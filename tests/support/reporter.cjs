// Mocha's own output, plus its counts in a file: the test command adds up several runs.
const { writeFileSync } = require("node:fs");
const { reporters } = require("mocha");

module.exports = class CountingSpec extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const names = [];
    runner.on("pending", (test) => names.push(test.fullTitle()));
    runner.on("end", () => {
      const { passes, failures, pending } = this.stats;
      const counts = { passed: passes, failed: failures, skipped: pending, names };
      writeFileSync(process.env.FITNESSCRM_TEST_COUNTS, JSON.stringify(counts));
    });
  }
};
