/**
 * Opens the tunnel through which the PostgreSQL provider reaches the database: a listener on this machine's loopback
 * interface that pipes every connection into the database's container. It works for a local and for an SSH Docker host
 * alike, and the server needs no published port.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import {
  type Answer,
  ask,
  type Destination,
  identify,
  isAlive,
  logFile,
  parse,
  type Request,
  STARTED_FD,
  type Started,
} from "./tunnelControl";

export interface TunnelOptions {
  /** As in DOCKER_HOST: `unix://…`, `ssh://user@server`; empty for the Docker CLI's default. */
  readonly dockerHost: string;
  readonly stack: string;
  /** Port on 127.0.0.1 to listen on. */
  readonly port: number;
  /** The process whose end ends the tunnel: the engine's language host, which is the program's parent. */
  readonly enginePid: number;
  /** The folder of this project, which the tunnel's own process is started from. */
  readonly project: string;
}

const DAEMON = join("components", "database", "tunnelDaemon.ts");
const CONFIG_KEY = "fitnesscrm:database.tunnelPort";
/** How long a port that is being given up by an ending tunnel, or taken by a starting one, is waited for. */
const SETTLE_MILLISECONDS = 3_000;
const START_MILLISECONDS = 20_000;
const RETRY_MILLISECONDS = 100;
const ATTEMPTS = 3;

/**
 * Makes sure that a tunnel to the stack's database listens on the port until the engine ends. Resolves once connections
 * are accepted; the container itself is looked for when somebody connects.
 *
 * Throws, in one line, when the port belongs to something else or to the tunnel of another stack.
 */
export async function ensureTunnel({
  dockerHost,
  stack,
  port,
  enginePid,
  project,
}: TunnelOptions): Promise<void> {
  const engine = identify(enginePid);
  if (!isAlive(engine)) {
    throw new Error(`the database tunnel cannot follow process ${enginePid}: it has ended`);
  }
  const request: Request = { stack, dockerHost: dockerHost || (process.env.DOCKER_HOST ?? ""), engine };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (accepted(await ask(port, request), request, port)) return;
    const started = await startDaemon(project, port, request);
    if (started.ready) return;
    if (started.code !== "EADDRINUSE") {
      throw new Error(
        `the database tunnel cannot listen on 127.0.0.1:${port}: ${started.message} (set ${CONFIG_KEY})`,
      );
    }
    if (await settled(port, request)) return;
  }
  throw taken(port, portHolder(port));
}

/** Waits while somebody else has the port. True once a tunnel of ours took the engine on, false once the port is free. */
async function settled(port: number, request: Request): Promise<boolean> {
  const deadline = Date.now() + SETTLE_MILLISECONDS;
  while (Date.now() < deadline) {
    if (accepted(await ask(port, request), request, port)) return true;
    if (await isFree(port)) return false;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
  }
  throw taken(port, portHolder(port));
}

function accepted(answer: Answer | undefined, request: Destination, port: number): boolean {
  if (answer === undefined) return false;
  if (answer.accepted) return true;
  const where = answer.stack === request.stack ? ` on ${answer.dockerHost || "this machine"}` : "";
  throw taken(port, `the database tunnel of stack "${answer.stack}"${where} (process ${answer.daemonPid})`);
}

function taken(port: number, holder: string | undefined): Error {
  return new Error(
    `port ${port} of 127.0.0.1, which the database tunnel needs, is taken by ${holder ?? "another program"}: end that or set ${CONFIG_KEY} to a free port`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const finish = (free: boolean): void => {
      socket.destroy();
      resolve(free);
    };
    socket.setTimeout(RETRY_MILLISECONDS, () => finish(false));
    socket.once("connect", () => finish(false));
    socket.once("error", (error: NodeJS.ErrnoException) => finish(error.code === "ECONNREFUSED"));
  });
}

/** What the Docker CLI and ssh need. The program's environment also holds the stack's secrets: they stay behind. */
const PASSED_ON =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|LANG|LC_.*|XDG_.*|SSH_AUTH_SOCK|SSH_AGENT_PID|SSH_ASKPASS|SSH_ASKPASS_REQUIRE|DISPLAY|DOCKER_.*)$/;

/** Starts the daemon in a session of its own and waits until it listens or says why it cannot. */
async function startDaemon(project: string, port: number, request: Request): Promise<Started> {
  const log = openSync(logFile(port), "a", 0o600);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED_ON.test(name)));
  const daemon = spawn(
    process.execPath,
    [
      "--require",
      join(project, "typescript.cjs"),
      join(project, DAEMON),
      JSON.stringify({ port, ...request }),
    ],
    { cwd: "/", env, detached: true, stdio: ["ignore", log, log, "pipe"] },
  );
  closeSync(log);
  const channel = daemon.stdio[STARTED_FD] as Readable;
  try {
    return await new Promise<Started>((resolve) => {
      let text = "";
      const timer = setTimeout(() => {
        daemon.kill();
        resolve({ ready: false, message: `it did not start within ${START_MILLISECONDS / 1000} s` });
      }, START_MILLISECONDS);
      const finish = (started: Started): void => {
        clearTimeout(timer);
        resolve(started);
      };
      daemon.once("error", (error) => finish({ ready: false, message: error.message }));
      channel.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      channel.once("error", () => undefined);
      channel.once("close", () => {
        finish(parse<Started>(text) ?? { ready: false, message: `it ended at once, see ${logFile(port)}` });
      });
    });
  } finally {
    channel.destroy();
    daemon.unref();
  }
}

const LISTENING = "0A";

/** Which process listens on a port of this machine, as far as Linux lets us know. */
function portHolder(port: number): string | undefined {
  try {
    const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listeningInodes(table, port));
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      if (openSockets(pid).some((inode) => inodes.includes(inode))) {
        const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
        return `${name} (process ${pid})`;
      }
    }
  } catch {
    // Not Linux: the port's number has to do.
  }
  return undefined;
}

function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync(table, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) && fields[3] === LISTENING)
    .map((fields) => fields[9] ?? "");
}

function openSockets(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
