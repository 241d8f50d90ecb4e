import assert from "node:assert/strict";
import { serverSettings } from "../../../../components/database/server";
import { parseConfig } from "../../../../config";
import { minimalConfig, rawOf, withValue } from "../../../support/config";

function settings(path?: string, value?: unknown): Record<string, string> {
  const config = path === undefined ? minimalConfig() : withValue(minimalConfig(), path, value);
  const args = serverSettings({ ...parseConfig(rawOf(config), "/nowhere").database, archive: {} });
  const pairs: [string, string][] = [];
  for (let index = 0; index < args.length; index += 2) {
    assert.equal(args[index], "-c");
    const pair = args[index + 1] ?? "";
    pairs.push([pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
  }
  assert.equal(new Set(pairs.map(([name]) => name)).size, pairs.length, "a setting is given twice");
  return Object.fromEntries(pairs);
}

describe("PostgreSQL server settings", () => {
  it("log statements from the manual's 500 ms on, and DDL", () => {
    assert.equal(settings().log_min_duration_statement, "500ms");
    assert.equal(settings().log_statement, "ddl");
    assert.equal(settings("database.slowStatementMilliseconds", 100).log_min_duration_statement, "100ms");
  });

  it("keep statistics of statements", () => {
    assert.equal(settings().shared_preload_libraries, "pg_stat_statements");
    assert.equal(settings()["pg_stat_statements.track"], "top");
  });

  it("take the connection limits, with some kept for operators", () => {
    const { max_connections, superuser_reserved_connections } = settings("database", {
      appConnections: 150,
      maxConnections: 200,
    });
    assert.equal(max_connections, "200");
    assert.equal(superuser_reserved_connections, "5");
  });

  it("take the memory, and store passwords as SCRAM verifiers", () => {
    assert.equal(settings("database.sharedBuffersMiB", 512).shared_buffers, "512MB");
    assert.equal(settings().password_encryption, "scram-sha-256");
  });

  it("tell the time in UTC", () => {
    assert.deepEqual([settings().timezone, settings().log_timezone], ["UTC", "UTC"]);
  });
});
