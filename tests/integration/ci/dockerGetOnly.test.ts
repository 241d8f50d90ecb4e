import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { join } from "node:path";
import { type RunResult, run } from "../../../cli/exec";
import { TempFolders, writeScript } from "../../support/temp";

const PROXY = join(__dirname, "..", "..", "..", "scripts", "ci", "docker-get-only");
const VOLUME = `fitnesscrm-test-get-only-${process.pid}`;

describe("docker-get-only, on the engine of this machine", function () {
  this.timeout(120_000);
  const folders = new TempFolders();
  let path: string;

  before(async () => {
    assert.equal((await run("docker", ["volume", "create", VOLUME])).code, 0);
    // What sshd does with a key that has a forced command: whatever the client asks for, the command runs.
    const folder = folders.create();
    writeScript(folder, "ssh", `#!/bin/sh\nexec ${PROXY}\n`);
    path = `${folder}:${process.env.PATH}`;
  });

  after(async () => {
    folders.remove();
    await run("docker", ["volume", "rm", VOLUME]);
  });

  function docker(...args: string[]): Promise<RunResult> {
    const env = { ...process.env, PATH: path, DOCKER_HOST: "ssh://preview@docker.example" };
    return run("docker", args, { env, timeoutSeconds: 60 });
  }

  it("answers what a preview asks, as the engine does", async () => {
    // Nothing that a list has in another order each time, or that other work on the engine changes.
    for (const args of [
      ["version", "--format", "{{.Server.Version}}"],
      ["info", "--format", "{{.Swarm.NodeID}}"],
      ["image", "inspect", "fitnesscrm/base:trixie"],
      ["volume", "inspect", VOLUME],
      ["volume", "ls", "--quiet", "--filter", `name=${VOLUME}`],
      ["network", "inspect", "bridge", "--format", "{{.Id}}"],
      ["node", "ls", "--quiet"],
    ]) {
      const through = await docker(...args);
      assert.equal(through.code, 0, `${args.join(" ")}: ${through.stderr}`);
      assert.equal(through.stdout, (await run("docker", args)).stdout, args.join(" "));
    }
    for (const kind of ["service", "secret", "config"]) {
      assert.equal((await docker(kind, "ls")).code, 0, kind);
    }
  });

  it("says that something is not there, as the engine does", async () => {
    assert.match((await docker("volume", "inspect", "no-such-volume")).stderr, /no such volume/);
  });

  it("changes nothing", async () => {
    for (const args of [
      ["volume", "rm", VOLUME],
      ["volume", "create", `${VOLUME}-2`],
      ["run", "--rm", "fitnesscrm/base:trixie", "true"],
      ["image", "tag", "fitnesscrm/base:trixie", VOLUME],
      ["service", "rm", VOLUME],
      ["swarm", "leave", "--force"],
      ["volume", "prune", "--force", "--filter", `label=${VOLUME}`],
    ]) {
      const { code, stdout, stderr } = await docker(...args);
      assert.notEqual(code, 0, `${args.join(" ")}: ${stdout}`);
      assert.match(stderr, /a preview may only look/, args.join(" "));
    }
    const left = await run("docker", ["volume", "ls", "--quiet", "--filter", `name=${VOLUME}`]);
    assert.equal(left.stdout, `${VOLUME}\n`);
  });

  it("hands out no token of the Swarm, no log, and no file of a container", async () => {
    for (const args of [
      ["swarm", "join-token", "manager"],
      ["cp", "some-container:/run/secrets/postgres_password", "-"],
      ["export", "some-container"],
      ["save", "fitnesscrm/base:trixie"],
      ["events", "--until", "1s"],
    ]) {
      const { code, stderr } = await docker(...args);
      assert.notEqual(code, 0, args.join(" "));
      assert.match(stderr, /may not be read: a preview may only look/, args.join(" "));
    }
  });
});

describe("docker-get-only, before an engine that records", function () {
  this.timeout(60_000);
  const folders = new TempFolders();
  const asked: { line: string; headers: IncomingHttpHeaders }[] = [];
  const engine: Server = createServer((request, response) => {
    asked.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    response.setHeader("x-engine", "yes");
    // Without a length, so in chunks.
    response.write("[");
    response.end("]");
  });
  let socket: string;

  before(async () => {
    socket = join(folders.create(), "engine.sock");
    await new Promise<void>((done) => engine.listen(socket, done));
  });
  beforeEach(() => {
    asked.length = 0;
  });
  after(async () => {
    await new Promise((done) => engine.close(done));
    folders.remove();
  });

  /** Sends raw bytes to the proxy's standard input. @returns What it answered. */
  async function send(request: string): Promise<string> {
    const child = spawn(PROXY, ["--socket", socket], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(request);
    let answer = "";
    for await (const chunk of child.stdout) {
      answer += String(chunk);
    }
    return answer;
  }

  const statuses = (answer: string): string[] =>
    [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, code = ""]) => code);

  it("serves several requests on one connection", async () => {
    const answer = await send(
      "GET /_ping HTTP/1.1\r\n\r\nHEAD /v1.41/info HTTP/1.1\r\n\r\nGET /services?a=b HTTP/1.1\r\n\r\n",
    );
    assert.deepEqual(statuses(answer), ["200", "200", "200"]);
    assert.deepEqual(
      asked.map(({ line }) => line),
      ["GET /_ping", "HEAD /v1.41/info", "GET /services?a=b"],
    );
  });

  it("refuses what only looks like reading", async () => {
    for (const path of [
      "/containers/a/attach/ws?stdin=1&stream=1",
      "/containers/a/archive?path=/run/secrets",
      "/containers/a/export",
      "/containers/a/logs?stdout=1",
      "/swarm",
      "/swarm/unlockkey",
      "/images/a/get",
      "/events",
      "/containers/../swarm",
      "/v1.41//swarm",
      "/containers/%2e%2e/swarm",
      "/services/a/logs",
      "http://docker/swarm",
    ]) {
      assert.deepEqual(statuses(await send(`GET ${path} HTTP/1.1\r\n\r\n`)), ["403"], path);
    }
    assert.deepEqual(asked, []);
  });

  it("refuses every method that is not for reading, and any it does not know", async () => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "BREW"]) {
      const answer = await send(`${method} /services HTTP/1.1\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 (?:403|501) /, method);
    }
    assert.deepEqual(asked, []);
  });

  it("takes no request inside of another one, and turns no connection into something else", async () => {
    const smuggled = "POST /containers/create HTTP/1.1\r\n\r\n";
    for (const headers of [
      `Content-Length: ${smuggled.length}`,
      "Transfer-Encoding: chunked",
      "Connection: Upgrade\r\nUpgrade: tcp",
    ]) {
      const answer = await send(`GET /services HTTP/1.1\r\n${headers}\r\n\r\n${smuggled}`);
      assert.deepEqual(statuses(answer), ["403"], headers);
    }
    assert.deepEqual(asked, []);
  });

  it("says why, in the engine's own form", async () => {
    const answer = await send("DELETE /volumes/a HTTP/1.1\r\n\r\n");
    const [, body = ""] = answer.split("\r\n\r\n");
    assert.deepEqual(JSON.parse(body), {
      message: "docker-get-only: DELETE changes something: a preview may only look",
    });
  });

  it("says that the engine does not answer", async () => {
    const child = spawn(PROXY, ["--socket", "/no/such/socket"], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end("GET /info HTTP/1.1\r\n\r\n");
    let answer = "";
    for await (const chunk of child.stdout) {
      answer += String(chunk);
    }
    assert.deepEqual(statuses(answer), ["502"]);
  });
});
