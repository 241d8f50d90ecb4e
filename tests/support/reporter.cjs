// Mocha's own output, then the files that took longest, plus its counts in a file: the test command adds up several runs.
const { writeFileSync } = require("node:fs");
const { relative } = require("node:path");
const { reporters } = require("mocha");

const FILES_NAMED = 12;
const SLOW_SECONDS = 5;

module.exports = class CountingSpec extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const names = [];
    const seconds = new Map();
    let started = 0;
    const ofFile = (suite) => suite.parent?.root === true;
    runner.on("suite", (suite) => {
      if (ofFile(suite)) started = Date.now();
    });
    runner.on("suite end", (suite) => {
      if (ofFile(suite))
        seconds.set(suite.file, (seconds.get(suite.file) ?? 0) + (Date.now() - started) / 1000);
    });
    runner.on("pending", (test) => names.push(test.fullTitle()));
    runner.on("end", () => {
      const slowest = [...seconds].filter(([, spent]) => spent >= SLOW_SECONDS).sort(([, a], [, b]) => b - a);
      for (const [file, spent] of slowest.slice(0, FILES_NAMED)) {
        console.log(`  ${spent.toFixed(0).padStart(5)} s  ${relative(process.cwd(), file)}`);
      }
      const { passes, failures, pending } = this.stats;
      const counts = { passed: passes, failed: failures, skipped: pending, names };
      writeFileSync(process.env.FITNESSCRM_TEST_COUNTS, JSON.stringify(counts));
    });
  }
};
