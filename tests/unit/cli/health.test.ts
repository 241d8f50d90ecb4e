import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { DockerHost, type StackServiceInfo, type TaskInfo } from "../../../cli/docker";
import type { RunResult } from "../../../cli/exec";
import { checkHealth, formatHealth, judgeService } from "../../../cli/health";
import { SERVICES } from "../../../config";

let counter = 0;

function task(more: Partial<TaskInfo> = {}): TaskInfo {
  counter += 1;
  return {
    id: `task-${counter}`,
    serviceId: "service",
    nodeId: "node-1",
    desiredState: "running",
    state: "running",
    containerId: `container-${counter}`,
    createdAt: "2026-01-01T00:00:00Z",
    ...more,
  };
}

describe("health of a service, judged by its tasks", () => {
  type Service = Parameters<typeof judgeService>[0];
  const ended = { desiredState: "shutdown", containerId: undefined };
  const table: [
    what: string,
    service: Service,
    tasks: TaskInfo[],
    logs: [string, string][],
    healthy: boolean,
    reason: string,
  ][] = [
    ["all run", { replicas: 2 }, [task(), task()], [], true, "2 of 2 tasks healthy"],
    [
      "all run, and old ones are remembered",
      { replicas: 1 },
      [task(), task({ ...ended, state: "failed", error: "task: non-zero exit (1)" })],
      [],
      true,
      "1 of 1 tasks healthy",
    ],
    [
      "more run than wanted, in the middle of an update",
      { replicas: 1 },
      [task(), task()],
      [],
      true,
      "2 of 1 tasks healthy",
    ],
    ["none is wanted", { replicas: 0 }, [], [], false, "stopped (0 tasks wanted): run ./fitnesscrm up"],
    ["none was started", { replicas: 1 }, [], [], false, "0 of 1 tasks healthy: no task was started yet"],
    [
      "one of two is missing",
      { replicas: 2 },
      [task({ state: "preparing", containerId: undefined }), task()],
      [],
      false,
      "1 of 2 tasks healthy: its newest task is preparing",
    ],
    [
      "a task failed",
      { replicas: 1 },
      [
        task({ state: "starting" }),
        task({ ...ended, state: "failed", error: "task: non-zero exit (1): unhealthy container" }),
      ],
      [],
      false,
      "0 of 1 tasks healthy: task: non-zero exit (1): unhealthy container",
    ],
    [
      "the engine finds no place",
      { replicas: 1 },
      [
        task({
          state: "pending",
          containerId: undefined,
          error: "no suitable node (scheduling constraints not satisfied on 1 node)",
        }),
      ],
      [],
      false,
      "0 of 1 tasks healthy: no suitable node (scheduling constraints not satisfied on 1 node)",
    ],
    [
      "a container that runs is unwell",
      { replicas: 1 },
      [task({ containerId: "sick" })],
      [["sick", "unhealthy: FATAL: no space left on device"]],
      false,
      "0 of 1 tasks healthy: unhealthy: FATAL: no space left on device",
    ],
    [
      "one of two containers is unwell",
      { replicas: 2 },
      [task({ containerId: "sick" }), task()],
      [["sick", "unhealthy"]],
      false,
      "1 of 2 tasks healthy: unhealthy",
    ],
    [
      "an unwell container is one of an old task",
      { replicas: 1 },
      [task(), task({ desiredState: "shutdown", containerId: "old" })],
      [["old", "unhealthy"]],
      true,
      "1 of 1 tasks healthy",
    ],
    [
      "its last update was rolled back",
      { replicas: 1, updateState: "rollback_completed", updateMessage: "rollback completed" },
      [task()],
      [],
      true,
      "1 of 1 tasks healthy, its last update was rolled back: rollback completed",
    ],
    [
      "one on every node",
      {},
      [task({ nodeId: "node-1" }), task({ nodeId: "node-2" })],
      [],
      true,
      "2 of 2 tasks healthy",
    ],
    [
      "one on every node, and one is down",
      {},
      [task({ nodeId: "node-1" }), task({ nodeId: "node-2", state: "starting" })],
      [],
      false,
      "1 of 2 tasks healthy: its newest task is running",
    ],
    [
      "one on every node, and none was started",
      {},
      [],
      [],
      false,
      "0 of 1 tasks healthy: no task was started yet",
    ],
  ];
  for (const [what, service, tasks, logs, healthy, reason] of table) {
    it(`${what}: ${healthy ? "healthy" : "not healthy"}`, () => {
      assert.deepEqual(judgeService(service, tasks, new Map(logs)), { healthy, reason });
    });
  }
});

/** A Docker host that answers what a test says. */
class FakeDocker extends DockerHost {
  what: {
    problem?: string;
    services: StackServiceInfo[];
    tasks: TaskInfo[];
    /** By container id: what `docker inspect` says of its health. */
    health: Record<string, object | null>;
    fails?: string;
  } = { services: [], tasks: [], health: {} };
  asked: string[] = [];

  constructor() {
    super("");
  }

  override async problem(): Promise<string | undefined> {
    return this.what.problem;
  }

  override async services(stack: string): Promise<StackServiceInfo[]> {
    this.asked.push(stack);
    if (this.what.fails !== undefined) {
      throw new Error(this.what.fails);
    }
    return this.what.services;
  }

  override async tasks(names: readonly string[]): Promise<TaskInfo[]> {
    this.asked.push(...names);
    return this.what.tasks;
  }

  override async run(args: readonly string[]): Promise<RunResult> {
    const ids = args.slice(args.indexOf("{{.Id}} {{json .State.Health}}") + 1);
    const lines = ids.map((id) => `${id} ${JSON.stringify(this.what.health[id] ?? null)}\n`);
    return { code: 0, stdout: lines.join(""), stderr: "" };
  }
}

describe("health of a stack", () => {
  let server: Server;
  let base: string;
  /** Status and body by path; a path that is not here is never answered. */
  const answers: Record<string, [status: number, body: string]> = {};

  before((done) => {
    server = createServer((request, response) => {
      const answer = answers[request.url ?? ""];
      if (answer !== undefined) {
        response.writeHead(answer[0]).end(answer[1]);
      }
    });
    server.listen(0, "127.0.0.1", () => {
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      done();
    });
  });
  after((done) => {
    server.closeAllConnections();
    server.close(done);
  });

  function healthyDocker(): FakeDocker {
    const docker = new FakeDocker();
    docker.what.services = SERVICES.map((service) => ({
      id: `id-${service}`,
      name: `fitnesscrm-unit-${service}`,
      service,
      replicas: 1,
      publishedPorts: [],
    }));
    docker.what.tasks = SERVICES.map((service) =>
      task({ serviceId: `id-${service}`, containerId: `container-${service}` }),
    );
    docker.what.health = Object.fromEntries(
      SERVICES.map((service) => [`container-${service}`, { Status: "healthy", Log: [] }]),
    );
    return docker;
  }

  const reasonOf = (health: Awaited<ReturnType<typeof checkHealth>>, name: string) =>
    health.components.find((component) => component.name === name);

  it("names every part, and is healthy when all are", async () => {
    Object.assign(answers, {
      "/api/health": [200, "{}"],
      "/": [200, "<html>"],
      "/_localstack/health": [200, "{}"],
      "/readyz": [200, "ok"],
    });
    const docker = healthyDocker();
    const health = await checkHealth({
      stack: "unit",
      docker,
      url: base,
      apiHealthUrl: `${base}/api/health`,
      emulator: base,
      mailbox: base,
    });
    assert.deepEqual(health, {
      healthy: true,
      components: [
        { name: "docker", healthy: true, reason: "answers, Swarm is active" },
        ...SERVICES.map((name) => ({ name, healthy: true, reason: "1 of 1 tasks healthy" })),
        { name: "api", healthy: true, reason: `${base}/api/health answers 200` },
        { name: "frontend-page", healthy: true, reason: `${base}/ answers 200` },
        { name: "aws", healthy: true, reason: `${base}/_localstack/health answers 200` },
        { name: "mailbox", healthy: true, reason: `${base}/readyz answers 200` },
      ],
    });
    assert.deepEqual(docker.asked, ["unit", ...SERVICES.map((name) => `fitnesscrm-unit-${name}`)]);
  });

  it("of a stack that was never deployed: every service is missing", async () => {
    const health = await checkHealth({ stack: "unit", docker: new FakeDocker() });
    assert.deepEqual(health, {
      healthy: false,
      components: [
        { name: "docker", healthy: true, reason: "answers, Swarm is active" },
        ...SERVICES.map((name) => ({
          name,
          healthy: false,
          reason: "its service does not exist: run ./fitnesscrm up",
        })),
      ],
    });
  });

  it("without an engine: says why, and that nothing else is known", async () => {
    const docker = healthyDocker();
    docker.what.problem = "the Docker engine does not answer: the docker command is not installed";
    const health = await checkHealth({ stack: "unit", docker });
    assert.deepEqual(health, {
      healthy: false,
      components: [
        { name: "docker", healthy: false, reason: docker.what.problem },
        ...SERVICES.map((name) => ({
          name,
          healthy: false,
          reason: "not known: the engine does not answer",
        })),
      ],
    });
    assert.deepEqual(docker.asked, []);
  });

  it("is reported, not thrown, when the engine goes away between two questions", async () => {
    const docker = healthyDocker();
    docker.what.fails = "services of the stack: Cannot connect to the Docker daemon";
    const health = await checkHealth({ stack: "unit", docker });
    assert.equal(health.healthy, false);
    for (const name of SERVICES) {
      assert.deepEqual(reasonOf(health, name), {
        name,
        healthy: false,
        reason: "not known: services of the stack: Cannot connect to the Docker daemon",
      });
    }
  });

  it("says what the health check of an unwell container said last", async () => {
    const cases: [health: object, reason: string][] = [
      [
        {
          Status: "unhealthy",
          Log: [{ Output: "first" }, { Output: "warming up\npg_isready: no response\n\n" }],
        },
        "0 of 1 tasks healthy: unhealthy: pg_isready: no response",
      ],
      [{ Status: "unhealthy", Log: null }, "0 of 1 tasks healthy: unhealthy"],
      [{ Status: "starting", Log: [] }, "0 of 1 tasks healthy: starting"],
    ];
    for (const [state, reason] of cases) {
      const docker = healthyDocker();
      docker.what.health["container-db"] = state;
      const health = await checkHealth({ stack: "unit", docker });
      assert.equal(health.healthy, false);
      assert.deepEqual(reasonOf(health, "db"), { name: "db", healthy: false, reason });
      assert.equal(reasonOf(health, "redis")?.healthy, true);
    }
  });

  it("takes a container without a health check as what the engine says", async () => {
    const docker = healthyDocker();
    docker.what.health["container-db"] = null;
    assert.equal((await checkHealth({ stack: "unit", docker })).healthy, true);
  });

  it("says what an address answers when it is not well", async () => {
    answers["/api/health"] = [503, '{"status": "unhealthy",\n "database": "down"}'];
    const health = await checkHealth({
      stack: "unit",
      docker: healthyDocker(),
      apiHealthUrl: `${base}/api/health`,
    });
    assert.equal(health.healthy, false);
    assert.deepEqual(reasonOf(health, "api"), {
      name: "api",
      healthy: false,
      reason: `${base}/api/health answers 503: {"status": "unhealthy",  "database": "down"}`,
    });
  });

  it("cuts a long answer, so that a reason stays one line", async () => {
    answers["/api/health"] = [500, `<html>\n${"x".repeat(5000)}`];
    const health = await checkHealth({
      stack: "unit",
      docker: healthyDocker(),
      apiHealthUrl: `${base}/api/health`,
    });
    const { reason } = reasonOf(health, "api") ?? assert.fail("no api");
    assert.ok(reason.length < 300);
    assert.doesNotMatch(reason, /\n/);
  });

  it("says so when an address does not answer at all", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
    await new Promise((resolve) => closed.close(resolve));
    const health = await checkHealth({ stack: "unit", docker: healthyDocker(), url });
    assert.deepEqual(reasonOf(health, "frontend-page"), {
      name: "frontend-page",
      healthy: false,
      reason: `${url}/ does not answer: ECONNREFUSED`,
    });
  });

  it("as lines: one a part, what is wrong to be seen at a glance", () => {
    assert.equal(
      formatHealth({
        healthy: false,
        components: [
          { name: "docker", healthy: true, reason: "answers" },
          { name: "db", healthy: false, reason: "0 of 1 tasks healthy" },
        ],
      }),
      "ok    docker  answers\nFAIL  db      0 of 1 tasks healthy",
    );
  });
});
