import assert from "node:assert/strict";
import { parseSettings } from "../../../../ops/backup/settings";

const VALID = {
  stack: "local",
  database: { host: "db", port: 5432, name: "fitnesscrm" },
  timeZone: "America/New_York",
  bucket: "backups-1",
  prefix: "backups/",
  region: "us-east-1",
  endpoint: "http://emulator:4566",
  recipients: [`age1${"q".repeat(58)}`],
  retentionDaysLocal: 30,
  metricNamespace: "FitnessCRM",
  wal: { stanza: "main", prefix: "wal/" },
};

describe("the backup's settings", () => {
  it("are taken as they are, without what may be left out", () => {
    assert.deepEqual(parseSettings(JSON.stringify(VALID)), VALID);
    const { endpoint: _endpoint, wal: _wal, ...least } = VALID;
    assert.deepEqual(parseSettings(JSON.stringify(least)), least);
  });

  for (const [key, value, message] of [
    ["recipients", [], /recipients: /],
    ["recipients", ["AGE-SECRET-KEY-1QQQ"], /recipients\.0: is not an age public key/],
    ["prefix", "backups", /prefix: must be empty or end with \//],
    ["prefix", "/backups/", /prefix: must be empty or end with \//],
    ["endpoint", "emulator:4566", /endpoint: /],
    ["database", { host: "db", port: 0, name: "x" }, /database\.port: /],
    ["retentionDaysLocal", 0, /retentionDaysLocal: /],
    ["retention", 3, /retention/],
  ] as const) {
    it(`name ${key} when it is ${JSON.stringify(value)}, in one line that does not quote a key`, () => {
      assert.throws(
        () => parseSettings(JSON.stringify({ ...VALID, [key]: value }), "/fitnesscrm/backup.json"),
        (error: Error) => {
          assert.match(error.message, /^\/fitnesscrm\/backup\.json is not valid: /);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /AGE-SECRET-KEY|\n/);
          return true;
        },
      );
    });
  }
});
