import assert from "node:assert/strict";
import { addClient, api } from "./support/app";
import { containersOf, docker, serviceName, sql } from "./support/docker";
import { mustOnStack, onStack, STACK, startLauncher, URL_OF_STACK } from "./support/launcher";
import { ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

describe("stopping and starting (M2)", function () {
  this.timeout(600_000);

  before(ensureStack);

  it("down removes every container, keeps the volumes, and says so in health", async () => {
    await addClient("Doris Down");
    await mustOnStack("down");
    const left = await docker(
      "container",
      "ls",
      "--quiet",
      "--filter",
      `label=fitnesscrm.stack=${STACK}`,
      "--filter",
      "label=fitnesscrm.service",
    );
    assert.equal(left, "");
    const volumes = await docker("volume", "ls", "--quiet", "--filter", `label=fitnesscrm.stack=${STACK}`);
    assert.deepEqual(
      volumes.split("\n").sort(),
      [
        "backups",
        "drill-disk",
        "edge-log",
        "engine",
        "engine-logs",
        "pages",
        "postgres",
        "redis",
        "restore",
        "uploads",
      ].map(serviceName),
    );
    const { code, stdout } = await onStack("health");
    assert.equal(code, 1);
    assert.match(stdout, /FAIL {2}db\s+stopped \(0 tasks wanted\): run \.\/fitnesscrm up/);
  });

  it("down twice is no error", async () => {
    const { stderr } = await mustOnStack("down");
    assert.match(stderr, /it was stopped already/);
  });

  it("up starts it again with every row, and the next preview is empty", async () => {
    await mustOnStack("up");
    assert.equal(await sql("select count(*) from clients where name = 'Doris Down'"), "1");
    assert.equal((await api("/api/health")).status, 200);
    assert.equal((await containersOf("backend")).length, 2);
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });
});

describe("logs (M3)", function () {
  this.timeout(300_000);

  before(ensureStack);

  it("shows one service's last lines", async () => {
    for (let request = 0; request < 3; request += 1) {
      await api("/api/version");
    }
    const { stdout } = await mustOnStack("logs", "nginx", "--tail", "3");
    const lines = stdout.trim().split("\n");
    assert.equal(lines.length, 3);
    for (const line of lines) {
      assert.doesNotThrow(() => JSON.parse(line), `not nginx's JSON: ${line}`);
    }
  });

  it("shows all services, each line with its service's name", async () => {
    const { stdout } = await mustOnStack("logs", "--tail", "5");
    for (const service of ["backend", "db", "nginx", "redis"]) {
      assert.match(stdout, new RegExp(`^${service} +\\| `, "m"));
    }
  });

  it("follows new lines as they come", async () => {
    const following = startLauncher(["logs", "nginx", "--stack", STACK, "-f", "--tail", "0"]);
    try {
      const marker = `/marker-${Date.now()}`;
      await waitFor("the marker in the followed log", async () => {
        await api(`/api/version?${marker}`).catch(() => undefined);
        await fetch(`${URL_OF_STACK}${marker}`).catch(() => undefined);
        return following.output().includes(marker);
      });
    } finally {
      following.process.kill("SIGINT");
      await following.result;
    }
  });

  it("names the services there are when one is not known", async () => {
    const { code, stderr } = await onStack("logs", "mongo");
    assert.equal(code, 2);
    assert.match(
      stderr,
      new RegExp(
        `service "mongo" is not part of stack ${STACK}: must be one of agent, backend, db, engine, frontend, nginx, ops, redis, restore`,
      ),
    );
  });
});

describe("scaling", function () {
  this.timeout(600_000);

  before(ensureStack);
  after(() => mustOnStack("scale", "backend", "2"));

  it("runs as many backend tasks as it is told, and the preview agrees", async () => {
    await mustOnStack("scale", "backend", "3");
    await waitFor("three backend containers", async () => (await containersOf("backend")).length === 3);
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("refuses to scale what holds data", async () => {
    const { code, stderr } = await onStack("scale", "db", "2");
    assert.equal(code, 2);
    assert.match(stderr, /^fitnesscrm: scale db: must be backend or frontend/m);
  });
});
