import assert from "node:assert/strict";
import { causeOf } from "../../../../cli/diagnose/causes";
import type {
  DatabaseFacts,
  Facts,
  Limits,
  RequestFacts,
  ServiceFacts,
  TaskFacts,
} from "../../../../cli/diagnose/facts";
import { diagnose } from "../../../../cli/diagnose/judge/judge";
import { judgeDatabase, judgeDisks, judgeLoad, judgeRequest } from "../../../../cli/diagnose/judge/resources";
import { judgeService } from "../../../../cli/diagnose/judge/services";
import { MANUAL } from "../../../../manual";

const LIMITS: Limits = {
  cpuPercent: MANUAL.thresholds.cpu.above,
  memoryPercent: MANUAL.thresholds.memory.above,
  diskPercent: MANUAL.thresholds.disk.above,
  responseMs: MANUAL.thresholds["response-time"].above,
  statementMs: MANUAL.slowStatementMilliseconds,
};

const task = (more: Partial<TaskFacts> = {}): TaskFacts => ({
  state: "running",
  desiredState: "running",
  oomKilled: false,
  createdAt: "2026-01-01T00:00:00Z",
  ...more,
});
const failed = (more: Partial<TaskFacts> = {}): TaskFacts =>
  task({ state: "failed", desiredState: "shutdown", ...more });

const service = (more: Partial<ServiceFacts> = {}): ServiceFacts => ({
  service: "frontend",
  exists: true,
  wanted: 1,
  image: "sha256:1",
  memoryLimitBytes: 128 * 1024 ** 2,
  variables: [],
  emptyVariables: [],
  secretFiles: [],
  files: [],
  absentFiles: [],
  tasks: [task()],
  log: [],
  ...more,
});

describe("why a task does not run", () => {
  const table: [error: string, more: Partial<TaskFacts>, cause: string | undefined][] = [
    ["No such image: registry.example.com/backend@sha256:00", { state: "rejected" }, "image-missing"],
    ["image backend:1 not found", { state: "rejected" }, "image-missing"],
    ["secret not found: fitnesscrm-x", { state: "rejected" }, "secret-missing"],
    ["config not found: fitnesscrm-x", { state: "rejected" }, "config-missing"],
    ["no suitable node (host-mode port already in use on 1 node)", { state: "pending" }, "port-taken"],
    [
      "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated",
      { state: "failed" },
      "port-taken",
    ],
    ["no suitable node (scheduling constraints not satisfied on 1 node)", { state: "pending" }, "no-node"],
    [
      "invalid mount config for type bind: bind source path does not exist: /x",
      { state: "rejected" },
      "mount",
    ],
    ['exec: "serve": executable file not found in $PATH', { state: "failed" }, "command"],
    ["write /var/lib/docker/x: no space left on device", { state: "rejected" }, "disk-full"],
    ["task: non-zero exit (1): dockerexec: unhealthy container", { state: "failed" }, "health-check"],
    ["task: non-zero exit (3)", { state: "failed", exitCode: 3 }, "crash"],
    ["task: non-zero exit (64)", { state: "failed" }, "environment"],
    ["task: non-zero exit (137)", { state: "failed", exitCode: 137, oomKilled: true }, "out-of-memory"],
    ["task: non-zero exit (137)", { state: "failed", exitCode: 137 }, "crash"],
    [
      "OCI runtime create failed: container init was OOM-killed (memory limit too low?)",
      { state: "failed" },
      "out-of-memory",
    ],
    ["cannot do that", { state: "rejected" }, "rejected"],
    ["", { state: "pending" }, undefined],
    ["", { state: "running" }, undefined],
    ["", { state: "shutdown", desiredState: "shutdown" }, undefined],
  ];
  for (const [error, more, expected] of table) {
    it(`is ${expected ?? "nothing"} for ${more.state} ${JSON.stringify(error)}`, () => {
      const found = causeOf(task({ ...(error !== "" && { error }), ...more }), service());
      assert.equal(found?.cause, expected);
      assert.ok(found === undefined || (found.what !== "" && found.todo !== ""));
    });
  }

  it("names the limit that was not enough, and the setting that raises it", () => {
    const found = causeOf(failed({ oomKilled: true }), service());
    assert.match(found?.what ?? "", /more than its limit of 128 MiB/);
    assert.match(found?.todo ?? "", /resources\.frontend\.memoryMiB/);
    const other = causeOf(failed({ oomKilled: true, memoryLimitBytes: 8 * 1024 ** 2 }), service());
    assert.match(other?.what ?? "", /its limit of 8\.0 MiB/, "that of the task which was killed");
  });
});

describe("a service, by what the engine knows of it (M32)", () => {
  const table: [what: string, facts: Partial<ServiceFacts>, found: [level: string, cause: string][]][] = [
    ["that runs", {}, [["ok", "ok"]]],
    ["that was never deployed", { exists: false }, [["fail", "not-deployed"]]],
    ["that is stopped", { wanted: 0, tasks: [] }, [["fail", "stopped"]]],
    ["of which nothing was started", { tasks: [] }, [["fail", "starting"]]],
    [
      "whose image is missing",
      { tasks: [task({ state: "rejected", error: "No such image: x:1" })] },
      [["fail", "image-missing"]],
    ],
    [
      "that crashes",
      { tasks: [task({ state: "ready" }), failed({ exitCode: 3 }), failed({ exitCode: 3 })] },
      [["fail", "crash"]],
    ],
    [
      "that is killed for want of memory",
      { tasks: [failed({ oomKilled: true })] },
      [["fail", "out-of-memory"]],
    ],
    ["that runs and is unwell", { tasks: [task({ unwell: "cannot reach db" })] }, [["fail", "health-check"]]],
    ["that failed before and runs now", { tasks: [task(), failed({ exitCode: 1 })] }, [["warn", "crash"]]],
    [
      "whose update stopped half-way, the old task serving on",
      {
        updateState: "paused",
        tasks: [task({ state: "rejected", desiredState: "shutdown", error: "No such image: x:1" }), task()],
      },
      [["fail", "image-missing"]],
    ],
    [
      "that is not given a secret that it reads",
      { secretFiles: ["database_url"] },
      [["fail", "secret-missing"]],
    ],
    [
      "whose secret is gone from the engine",
      { files: [{ kind: "secret", file: "x", name: "fitnesscrm-x", exists: false }] },
      [["fail", "secret-missing"]],
    ],
    [
      "whose configuration file is gone from the engine",
      { files: [{ kind: "config", file: "/x", name: "fitnesscrm-x", exists: false }] },
      [["fail", "config-missing"]],
    ],
    ["in whose container a file is empty", { absentFiles: ["/run/secrets/x"] }, [["fail", "file-missing"]]],
    [
      "called backend without the variables of the contract",
      { service: "backend", variables: ["REDIS_URL", "SECRET_KEY", "ALLOWED_ORIGINS"] },
      [["fail", "environment"]],
    ],
    ["with an empty variable", { variables: ["A"], emptyVariables: ["A"] }, [["warn", "environment"]]],
    [
      "that crashes because its secret is missing: both are told",
      { secretFiles: ["key"], tasks: [failed({ exitCode: 64 })] },
      [
        ["fail", "environment"],
        ["fail", "secret-missing"],
      ],
    ],
  ];
  for (const [what, facts, expected] of table) {
    it(what, () => {
      const found = judgeService(service(facts));
      assert.deepEqual(
        found.map(({ level, cause }) => [level, cause]),
        expected,
      );
      assert.ok(
        found.every(({ level, todo }) => level === "ok" || (todo ?? "") !== ""),
        "each says what to do",
      );
    });
  }

  it("counts what came more than once, and shows the last lines", () => {
    const [found] = judgeService(
      service({
        tasks: [failed({ exitCode: 3 }), failed({ exitCode: 3 })],
        log: ["ImportError: no module named app"],
      }),
    );
    assert.match(found?.what ?? "", /0 of 1 tasks run: crashes: exit code 3, 2 times lately/);
    assert.deepEqual(found?.evidence, ["ImportError: no module named app"]);
  });
});

const database = (more: Partial<DatabaseFacts> = {}): DatabaseFacts => ({
  ready: 0,
  said: "/run/postgresql:5432 - accepting connections",
  connections: { answer: { total: 3, alarmAbove: 80, groups: [], leaks: [] } },
  roles: { answer: [{ role: "fitnesscrm_app", connections: 3, limit: 100 }] },
  maxConnections: { answer: 130 },
  statements: { answer: [] },
  ...more,
});
const leak = { pid: 42, role: "fitnesscrm_app", application: "", seconds: 120, transactionSeconds: 121 };

describe("the database (M34, M36)", () => {
  const table: [what: string, facts: Partial<DatabaseFacts>, causes: string[]][] = [
    ["that is well", {}, ["ok", "ok"]],
    ["that does not answer", { ready: 2 }, ["not-ready"]],
    ["that starts", { ready: 1 }, ["not-ready"]],
    [
      "with a transaction that somebody forgot",
      { connections: { answer: { total: 3, alarmAbove: 80, groups: [], leaks: [leak] } } },
      ["connection-leak", "ok"],
    ],
    [
      "with more connections than the alarm allows",
      { connections: { answer: { total: 81, alarmAbove: 80, groups: [], leaks: [] } } },
      ["too-many-connections", "ok"],
    ],
    [
      "with a role at its limit",
      { roles: { answer: [{ role: "fitnesscrm_app", connections: 100, limit: 100 }] } },
      ["role-at-limit", "ok"],
    ],
    [
      "with a role without a limit of its own, and a server that is full",
      { roles: { answer: [{ role: "x", connections: 125, limit: null }] } },
      ["server-full", "ok"],
    ],
    [
      "with a slow statement",
      {
        statements: {
          answer: [
            {
              role: "a",
              calls: 2,
              totalMs: 2000,
              meanMs: 1000,
              maxMs: 1200,
              rows: 1,
              percent: 90,
              query: "SELECT …",
            },
          ],
        },
      },
      ["ok", "slow-statements"],
    ],
    ["whose statistics cannot be read", { roles: { unknown: "refused" } }, ["unknown", "ok"]],
  ];
  for (const [what, facts, causes] of table) {
    it(what, () =>
      assert.deepEqual(
        judgeDatabase(database(facts), LIMITS).map(({ cause }) => cause),
        causes,
      ),
    );
  }

  it("names the session that leaks", () => {
    const facts = database({
      connections: { answer: { total: 1, alarmAbove: 80, groups: [], leaks: [leak] } },
    });
    assert.match(judgeDatabase(facts, LIMITS)[0]?.what ?? "", /role fitnesscrm_app \(PID 42\) for 2 min/);
  });
});

describe("disk, load and requests (M33, M35, M36)", () => {
  const disk = (usedPercent: number) => ({ holds: "the database", usedPercent, freeBytes: 1024 ** 3 });
  const container = (more: object) => ({
    service: "backend",
    container: "0123456789ab",
    cpuPercent: 10,
    cpuLimit: 1,
    memoryBytes: 1,
    memoryLimitBytes: 100,
    processes: 1,
    ...more,
  });
  const stats = (more: object) => [
    { service: "backend", restarts: 0, oomKills: 0, containers: [container(more)] },
  ];
  const process = {
    service: "backend",
    pid: 7,
    command: "gunicorn",
    nowPercent: 97,
    lifePercent: 3,
    memoryBytes: 1024 ** 2,
  };

  it("a disk is full above the manual's limit, and broken when nothing can be written", () => {
    const level = (used: number) => judgeDisks([disk(used)], LIMITS).map(({ level }) => level);
    assert.deepEqual([85, 85.1, 98].map(level), [["ok"], ["warn"], ["fail"]]);
  });

  it("a container near its CPU limit is named with its busiest process; half a CPU of half a CPU is all of it", () => {
    const [found] = judgeLoad(stats({ cpuPercent: 50, cpuLimit: 0.5 }), [process], LIMITS);
    assert.equal(found?.cause, "high-cpu");
    assert.match(found?.what ?? "", /100 % of the 0\.5 CPUs/);
    assert.deepEqual(found?.evidence, ["PID 7 gunicorn: 97 % of a CPU, 1.0 MiB"]);
    assert.equal(judgeLoad(stats({}), [process], LIMITS)[0]?.level, "ok");
  });

  it("a container near its memory limit is named", () => {
    assert.equal(judgeLoad(stats({ memoryBytes: 86 }), [process], LIMITS)[0]?.cause, "high-memory");
  });

  const request = (more: Partial<RequestFacts> = {}): RequestFacts => ({
    url: "http://localhost/",
    status: 200,
    problem: null,
    lookupMs: 1,
    connectMs: 1,
    tlsMs: null,
    waitMs: 20,
    totalMs: 25,
    ...more,
  });
  const requests: [what: string, more: Partial<RequestFacts>, cause: string, said: RegExp][] = [
    ["answered", {}, "ok", /200 in 25 ms/],
    [
      "refused",
      { status: null, problem: "ECONNREFUSED", connectMs: null, waitMs: null },
      "no-answer",
      /no connection: ECONNREFUSED/,
    ],
    [
      "whose name is unknown",
      { status: null, problem: "ENOTFOUND", lookupMs: null, connectMs: null, waitMs: null },
      "no-answer",
      /its name is not found/,
    ],
    ["answered with an error", { status: 503 }, "server-error", /answers 503/],
    [
      "that the application kept waiting",
      { waitMs: 600, totalMs: 610 },
      "slow-request",
      /waiting for the answer: 600 ms/,
    ],
    ["that waited for a name", { lookupMs: 5000, totalMs: 5030 }, "slow-request", /look-up: 5000 ms/],
  ];
  for (const [what, more, cause, said] of requests) {
    it(`a request ${what}`, () => {
      const found = judgeRequest(request(more), LIMITS);
      assert.equal(found.cause, cause);
      assert.match(found.what, said);
    });
  }
});

describe("a diagnosis", () => {
  const facts = (more: Partial<Facts> = {}): Facts => ({
    services: { answer: [service()] },
    stats: { answer: [] },
    processes: { answer: [] },
    disks: { answer: [{ holds: "x", usedPercent: 1, freeBytes: 1 }] },
    requests: [],
    ...more,
  });

  it("is good when nothing fails, and puts what fails first", () => {
    assert.ok(diagnose(facts(), LIMITS).healthy);
    const { healthy, findings } = diagnose(
      facts({ services: { answer: [service(), service({ service: "redis", wanted: 0 })] } }),
      LIMITS,
    );
    assert.equal(healthy, false);
    assert.deepEqual(
      findings.map(({ level }) => level),
      ["fail", "ok", "ok", "ok", "ok"],
    );
  });

  it("works when the engine is down: that is the fault, and the rest is not known", () => {
    const unknown = { unknown: "not known: the engine does not answer" };
    const { healthy, findings } = diagnose(
      facts({
        engineProblem: "does not answer",
        services: unknown,
        stats: unknown,
        database: unknown,
        redis: unknown,
      }),
      LIMITS,
    );
    assert.equal(healthy, false);
    assert.deepEqual(
      findings.filter(({ level }) => level === "fail").map(({ cause }) => cause),
      ["engine-down"],
    );
    assert.equal(findings.filter(({ level }) => level === "unknown").length, 4);
  });
});
