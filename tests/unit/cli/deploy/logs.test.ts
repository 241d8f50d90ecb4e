import assert from "node:assert/strict";
import { errorLines, reportsError } from "../../../../cli/deploy/logs";
import { DockerHost, type TaskInfo } from "../../../../cli/docker";
import type { RunResult } from "../../../../cli/exec";

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

describe("the first logs of a deployment", () => {
  const STARTED = new Date("2026-11-26T12:00:00.000Z");

  /** An engine with one new task of each service, whose logs come to `logs`. */
  class Engine extends DockerHost {
    constructor(private readonly logs: Partial<RunResult>) {
      super("");
    }

    override async tasks([service = ""]: readonly string[]): Promise<TaskInfo[]> {
      const at = "2026-11-26T12:00:05.000Z";
      return [
        {
          id: "t",
          serviceId: service,
          nodeId: "n",
          desiredState: "running",
          state: "running",
          createdAt: at,
        },
      ];
    }

    override async run([command]: readonly string[]): Promise<RunResult> {
      return { code: 0, stdout: "", stderr: "", ...(command === "service" ? this.logs : {}) };
    }
  }
  const lines = (logs: Partial<RunResult>) => errorLines(new Engine(logs), "unit", STARTED, STARTED);

  it("have the lines that report errors, by service", async () => {
    const found = await lines({ stdout: "all is well\nERROR in app: no\n" });
    assert.deepEqual(found, [
      { service: "backend", line: "ERROR in app: no" },
      { service: "frontend", line: "ERROR in app: no" },
      { service: "nginx", line: "ERROR in app: no" },
    ]);
  });

  it("that cannot be read are not logs without errors", async () => {
    await assert.rejects(lines({ code: 1, stderr: "error from daemon in stream: disk failure\n" }), {
      message: "logs of backend: cannot be read: error from daemon in stream: disk failure",
    });
  });

  it("of a task that is gone meanwhile are none", async () => {
    assert.deepEqual(await lines({ code: 1, stderr: "no such task or service: t\n" }), []);
  });
});
