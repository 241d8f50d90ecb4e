import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Client } from "pg";
import { PROJECT_FOLDER } from "../../cli/context";
import { ensureTunnel } from "../../components/database/tunnel";
import { Gate, serveClient } from "../../components/database/tunnelConnection";
import { ask } from "../../components/database/tunnelControl";
import { Target } from "../../components/database/tunnelTarget";
import { docker, ensureImage, freePort, startServer, type TestServer, until } from "./plugins/postgresServer";

const run = promisify(execFile);
const STACK = "conf-tunnel";

let server: TestServer;
let folder: string;
let port: number;
const engines: ChildProcess[] = [];
const runtimeBefore = process.env.XDG_RUNTIME_DIR;

/** Stands in for the language host: something that ends when it is told to. */
function startEngine(): ChildProcess {
  const engine = spawn("sleep", ["600"], { stdio: "ignore" });
  engines.push(engine);
  return engine;
}

const pidOf = (engine: ChildProcess): number => engine.pid ?? assert.fail("the dummy engine did not start");

function open(
  engine: ChildProcess,
  more: { stack?: string; dockerHost?: string; port?: number } = {},
): Promise<void> {
  return ensureTunnel({
    dockerHost: "",
    stack: STACK,
    port,
    enginePid: pidOf(engine),
    project: PROJECT_FOLDER,
    ...more,
  });
}

function listen(at: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.once("error", reject);
    listener.listen(at, "127.0.0.1", () => resolve(listener));
  });
}

async function client(at = port, password = server.password): Promise<Client> {
  const made = new Client({
    host: "127.0.0.1",
    port: at,
    user: "postgres",
    password,
    database: "postgres",
    connectionTimeoutMillis: 60_000,
  });
  made.on("error", () => undefined);
  await made.connect();
  return made;
}

async function query(sql: string): Promise<unknown> {
  const connection = await client();
  try {
    return (await connection.query<{ value: unknown }>(sql)).rows[0]?.value;
  } finally {
    await connection.end();
  }
}

/** The daemon's process: whoever asks for another stack is told. */
async function daemonPid(): Promise<number> {
  const answer = await ask(port, { stack: "another", dockerHost: "", engine: { pid: process.pid } });
  return answer?.daemonPid ?? assert.fail("no tunnel answers");
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

function isListening(at: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(at, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Kills the engine and gives the milliseconds until the daemon is gone. */
async function endOf(engine: ChildProcess, pid: number): Promise<number> {
  const start = Date.now();
  engine.kill("SIGKILL");
  while (!isGone(pid)) {
    assert.ok(Date.now() - start < 10_000, "the tunnel's daemon outlives its engine");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return Date.now() - start;
}

describe("the database tunnel", function () {
  this.timeout(180_000);

  before(async () => {
    server = await startServer("conf-pg-tunnel", { "fitnesscrm.stack": STACK, "fitnesscrm.service": "db" });
    await until("the container is healthy", async () => {
      return (await docker("inspect", "-f", "{{.State.Health.Status}}", server.container)) === "healthy";
    });
  });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "tunnel-"));
    process.env.XDG_RUNTIME_DIR = folder;
    port = await freePort();
  });

  afterEach(async () => {
    for (const engine of engines.splice(0)) engine.kill("SIGKILL");
    await until("the port is free again", async () => !(await isListening(port)), 10);
    if (runtimeBefore === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = runtimeBefore;
    rmSync(folder, { recursive: true, force: true });
  });

  after(async () => {
    await server?.remove();
  });

  it("carries several queries at once, large ones too", async () => {
    await open(startEngine());
    const answers = await Promise.all([
      query("SELECT 1 AS value FROM pg_sleep(1)"),
      query("SELECT length(repeat('x', 3000000)) AS value"),
      query("SELECT repeat('y', 3000000) AS value"),
      ...Array.from({ length: 8 }, (_, index) => query(`SELECT ${index} AS value`)),
    ]);
    assert.equal(answers[1], 3_000_000);
    assert.equal(String(answers[2]).length, 3_000_000);
    assert.deepEqual(answers.slice(3), [0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("goes on after the container was restarted, waiting for it to be healthy", async () => {
    await open(startEngine());
    assert.equal(await query("SELECT 1 AS value"), 1);
    const restarted = docker("restart", "-t", "10", server.container);
    const during = query("SELECT 2 AS value").catch((error: Error) => error.message);
    await restarted;
    assert.match(String(await during), /^2$|terminat|shutting down|starting up|closed/);
    assert.equal(await query("SELECT 3 AS value"), 3);
  });

  it("waits for a container that is not there yet", async () => {
    await open(startEngine());
    await docker("stop", "-t", "10", server.container);
    const answer = query("SELECT 4 AS value");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await docker("start", server.container);
    assert.equal(await answer, 4);
  });

  it("tells the client in one line when there is no container", async () => {
    const target = new Target({ stack: "conf-nobody", dockerHost: "" });
    const limits = { containerMilliseconds: 500, dockerMilliseconds: 500, retryMilliseconds: 100 };
    const listener = createServer((socket) => void serveClient(socket, target, new Gate(1), limits));
    await new Promise<void>((resolve) => listener.listen(port, "127.0.0.1", resolve));
    await assert.rejects(
      client(),
      /^error: the database tunnel found no healthy container of stack "conf-nobody", service "db" on this machine within 1 s: [^\n]*$/,
    );
    listener.close();
  });

  it("tells the client in one line when the Docker host does not answer", async () => {
    const target = new Target({ stack: STACK, dockerHost: `unix://${folder}/nothing.sock` });
    const limits = { containerMilliseconds: 60_000, dockerMilliseconds: 300, retryMilliseconds: 100 };
    const listener = createServer((socket) => void serveClient(socket, target, new Gate(1), limits));
    await new Promise<void>((resolve) => listener.listen(port, "127.0.0.1", resolve));
    await assert.rejects(
      client(),
      /^error: the database tunnel finds no container .*nothing\.sock.*Docker daemon[^\n]*$/,
    );
    listener.close();
  });

  it("ends within 2 s of its engine, also with a connection open, and leaves nothing running", async () => {
    const engine = startEngine();
    await open(engine);
    const pid = await daemonPid();
    const idle = await client();
    const took = await endOf(engine, pid);
    assert.ok(took < 2_000, `it took ${took} ms`);
    assert.ok(!(await isListening(port)));
    await idle.end().catch(() => undefined);
    await until(
      "no docker exec is left",
      async () => {
        const { stdout } = await run("ps", ["-eo", "args"]);
        return !stdout.split("\n").some((line) => line.startsWith("docker exec") && line.includes("socat"));
      },
      10,
    );
    await until(
      "no connection is left in the server",
      async () => {
        const [row] = await server.sql<{ n: number }>(
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend' AND client_addr IS NULL AND pid <> pg_backend_pid()",
        );
        return row?.n === 0;
      },
      10,
    );
  });

  it("is shared by the engines of one stack and lives until the last of them has ended", async () => {
    const [first, second] = [startEngine(), startEngine()];
    await open(first);
    const pid = await daemonPid();
    await open(second);
    assert.equal(await daemonPid(), pid);
    first.kill("SIGKILL");
    await until(
      "the first engine is gone",
      async () => first.exitCode !== null || first.signalCode !== null,
      5,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.equal(await query("SELECT 5 AS value"), 5);
    assert.ok((await endOf(second, pid)) < 2_000);
  });

  it("opens one tunnel when two programs ask at the same moment", async () => {
    const [first, second] = [startEngine(), startEngine()];
    await Promise.all([open(first), open(second)]);
    assert.equal(await query("SELECT 6 AS value"), 6);
    const pid = await daemonPid();
    first.kill("SIGKILL");
    assert.ok((await endOf(second, pid)) < 2_000);
  });

  it("opens again at once after the last engine has ended", async () => {
    const first = startEngine();
    await open(first);
    first.kill("SIGKILL");
    await open(startEngine());
    assert.equal(await query("SELECT 7 AS value"), 7);
  });

  it("refuses to lead one stack's program through another stack's tunnel", async () => {
    await open(startEngine());
    const pid = await daemonPid();
    await assert.rejects(open(startEngine(), { stack: "prod" }), (error: Error) => {
      assert.equal(
        error.message,
        `port ${port} of 127.0.0.1, which the database tunnel needs, is taken by the database tunnel of stack "${STACK}" (process ${pid}): end that or set fitnesscrm:database.tunnelPort to a free port`,
      );
      return true;
    });
    await assert.rejects(
      open(startEngine(), { dockerHost: "ssh://elsewhere" }),
      /taken by the database tunnel/,
    );
  });

  it("names the port, who has it and the setting when something else listens there", async () => {
    const listener = await listen(port);
    await assert.rejects(open(startEngine()), (error: Error) => {
      const holder = process.platform === "linux" ? `.*\\(process ${process.pid}\\)` : ".*";
      assert.match(
        error.message,
        new RegExp(
          `^port ${port} of 127\\.0\\.0\\.1, .* is taken by ${holder}: .*fitnesscrm:database\\.tunnelPort[^\\n]*$`,
        ),
      );
      return true;
    });
    await new Promise((resolve) => listener.close(resolve));
  });

  it("refuses to follow an engine that has ended", async () => {
    const engine = startEngine();
    engine.kill("SIGKILL");
    await until("the engine is gone", async () => engine.signalCode !== null, 5);
    await assert.rejects(open(engine), /has ended/);
  });

  it("prints nothing, does not keep the program alive and takes none of its secrets along", async () => {
    const engine = startEngine();
    const script = join(folder, "program.ts");
    const tunnel = join(__dirname, "..", "..", "components", "database", "tunnel.ts");
    writeFileSync(
      script,
      `import { ensureTunnel } from ${JSON.stringify(tunnel)};
ensureTunnel({ dockerHost: "", stack: ${JSON.stringify(STACK)}, port: ${port}, enginePid: ${engine.pid}, project: ${JSON.stringify(PROJECT_FOLDER)} });`,
    );
    const tsx = pathToFileURL(require.resolve("tsx")).href;
    const { stdout, stderr } = await run(process.execPath, ["--import", tsx, script], {
      env: { ...process.env, PULUMI_CONFIG: "hidden-config", PULUMI_CONFIG_PASSPHRASE: "hidden-passphrase" },
      timeout: 30_000,
    });
    assert.equal(stdout, "");
    assert.equal(stderr, "");
    assert.equal(await query("SELECT 8 AS value"), 8);
    if (process.platform === "linux") {
      assert.doesNotMatch(readFileSync(`/proc/${await daemonPid()}/environ`, "utf8"), /hidden/);
    }
  });

  describe("to a Docker host reached by SSH", () => {
    const sshd = `conf-pg-sshd-${process.pid}`;
    const pathBefore = process.env.PATH;

    before(async () => {
      await ensureImage(
        "conf-sshd-test:1",
        `ARG BASE
FROM \${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends openssh-server docker-cli && rm -rf /var/lib/apt/lists/*
RUN mkdir -p /run/sshd /root/.ssh && chmod 700 /root/.ssh
`,
      );
    });

    after(async () => {
      process.env.PATH = pathBefore;
      await docker("rm", "-f", "-v", sshd);
    });

    it("carries queries all the same", async () => {
      await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "key")]);
      const start = `printf '%s\\n' "$KEY" > /root/.ssh/authorized_keys && exec /usr/sbin/sshd -D -e`;
      const key = readFileSync(join(folder, "key.pub"), "utf8").trim();
      await docker(
        ...["run", "-d", "--name", sshd, "-e", `KEY=${key}`, "-p", "127.0.0.1::22"],
        ...["-v", "/var/run/docker.sock:/var/run/docker.sock", "conf-sshd-test:1", "sh", "-c", start],
      );
      const sshPort = (await docker("port", sshd, "22/tcp")).split("\n")[0]?.split(":").pop();
      // The Docker CLI takes `ssh` from PATH: a wrapper leaves the user's own ~/.ssh alone.
      writeFileSync(
        join(folder, "ssh_config"),
        `Host *\n  IdentityFile ${folder}/key\n  IdentitiesOnly yes\n  UserKnownHostsFile ${folder}/known_hosts\n  StrictHostKeyChecking accept-new\n  BatchMode yes\n`,
      );
      const ssh = (await run("sh", ["-c", "command -v ssh"])).stdout.trim();
      writeFileSync(join(folder, "ssh"), `#!/bin/sh\nexec ${ssh} -F '${folder}/ssh_config' "$@"\n`);
      chmodSync(join(folder, "ssh"), 0o755);
      process.env.PATH = [folder, pathBefore].join(delimiter);

      const engine = startEngine();
      await open(engine, { dockerHost: `ssh://root@127.0.0.1:${sshPort}` });
      const pid = await daemonPid();
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, index) => query(`SELECT ${index} AS value`)),
      );
      assert.deepEqual(answers, [0, 1, 2, 3, 4, 5]);
      assert.ok((await endOf(engine, pid)) < 2_000);
      await until(
        "no ssh of the tunnel is left",
        async () => {
          const { stdout } = await run("ps", ["-eo", "args"]);
          return !stdout.includes(`${folder}/ssh_config`);
        },
        10,
      );
    });
  });
});
