// Mocha's own output, then the files that took longest, plus its counts and failures in a file: the test command adds
// up several runs, and names what failed at its very end, where a log that was cut still has it.
const { writeFileSync } = require("node:fs");
const { relative } = require("node:path");
const { reporters } = require("mocha");

const FILES_NAMED = 12;
const SLOW_SECONDS = 5;
const MESSAGE_LENGTH = 800;

module.exports = class CountingSpec extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const names = [];
    const failures = [];
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
    runner.on("fail", (test, error) => {
      const message = String(error?.message ?? error)
        .replace(/\s+/g, " ")
        .slice(0, MESSAGE_LENGTH);
      failures.push(`${relative(process.cwd(), test.file ?? "")}: ${test.fullTitle()}: ${message}`);
    });
    runner.on("end", () => {
      const slowest = [...seconds].filter(([, spent]) => spent >= SLOW_SECONDS).sort(([, a], [, b]) => b - a);
      for (const [file, spent] of slowest.slice(0, FILES_NAMED)) {
        console.log(`  ${spent.toFixed(0).padStart(5)} s  ${relative(process.cwd(), file)}`);
      }
      const { passes, failures: failed, pending } = this.stats;
      const counts = { passed: passes, failed, skipped: pending, names, failures };
      writeFileSync(process.env.FITNESSCRM_TEST_COUNTS, JSON.stringify(counts));
    });
  }
};
