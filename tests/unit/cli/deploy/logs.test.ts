import assert from "node:assert/strict";
import { reportsError } from "../../../../cli/deploy/logs";

describe("a line of a log that reports an error", () => {
  const errors = [
    "[2026-03-01 12:00:00 +0000] [7] [ERROR] Exception in worker process",
    "2026-03-01 12:00:00,123 ERROR in app: cannot reach the payment service",
    "ERROR:root:something broke",
    "Traceback (most recent call last):",
    '{"time":"2026-03-01T12:00:00.000+00:00","level":"ERROR","message":"request failed"}',
    '{"level": "critical", "message": "out of disk"}',
    "2026/03/01 12:00:00 [error] 7#7: *1 connect() failed",
    "2026/03/01 12:00:00 [emerg] 1#1: bind() to 0.0.0.0:80 failed",
    '{"time":"2026-03-01T12:00:00+00:00","method":"GET","route":"/api/clients","status":502,"request_time":0.001}',
    '10.0.0.1 - - [01/Mar/2026:12:00:00 +0000] "GET /api/clients HTTP/1.1" 500 42 "-" "curl"',
    "CRITICAL: database is gone",
  ];
  for (const line of errors) {
    it(line, () => assert.equal(reportsError(line), true));
  }
});

describe("a line of a log that reports none", () => {
  const others = [
    "",
    '{"level":"INFO","message":"0 errors found"}',
    "[2026-03-01 12:00:00 +0000] [7] [INFO] Booting worker with pid: 7",
    '{"method":"GET","route":"/errors","status":200,"request_time":0.500}',
    '{"method":"GET","route":"/api/clients","status":404,"bytes":5000}',
    '10.0.0.1 - - [01/Mar/2026:12:00:00 +0000] "GET /api/500 HTTP/1.1" 200 512 "-" "curl"',
    "INFO loaded TERROR-free configuration",
    "WARNING slow request",
  ];
  for (const line of others) {
    it(line || "an empty one", () => assert.equal(reportsError(line), false));
  }
});
