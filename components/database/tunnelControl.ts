/**
 * What the program's side of the tunnel and its daemon agree on: where they meet, how a process is told from another one
 * with the same number, and what they say to each other.
 */
import { lstatSync, mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** A process; `start` tells it from a later one that got the same number (absent where the system does not say). */
export interface ProcessId {
  readonly pid: number;
  readonly start?: string;
  /** Pid of the process that started it. */
  readonly parent?: string;
}

/** What a tunnel leads to. */
export interface Destination {
  readonly stack: string;
  /** As in DOCKER_HOST; empty for the CLI's own default. */
  readonly dockerHost: string;
}

/** Asks a daemon to serve one more engine. */
export interface Request extends Destination {
  readonly engine: ProcessId;
}

/** The daemon's answer: it leads where the request wants to go and has taken the engine on, or it leads elsewhere. */
export interface Answer extends Destination {
  readonly accepted: boolean;
  readonly daemonPid: number;
}

/** What the daemon tells the process that started it, as one line of JSON on file descriptor 3. */
export interface Started {
  readonly ready: boolean;
  /** A Node error code, e.g. EADDRINUSE, when it is not ready. */
  readonly code?: string;
  readonly message?: string;
}

export const STARTED_FD = 3;

/**
 * A folder that only this user can enter. Throws when somebody else owns it or may enter it: a socket there could be
 * anybody's.
 */
export function runtimeFolder(): string {
  const { uid } = userInfo();
  const session = process.env.XDG_RUNTIME_DIR;
  const folder = session ? join(session, "fitnesscrm") : join(tmpdir(), `fitnesscrm-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new Error(
      `${folder} must be a folder that only you can enter: remove it, or set TMPDIR to one of your own`,
    );
  }
  return folder;
}

export function controlSocket(port: number): string {
  return join(runtimeFolder(), `tunnel-${port}.sock`);
}

export function logFile(port: number): string {
  return join(runtimeFolder(), `tunnel-${port}.log`);
}

/** The state letter, the parent and the start time of a process, from Linux's `/proc`; undefined elsewhere or when it is gone. */
function linuxStat(pid: number): { state: string; parent: string; start: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces and parentheses of its own.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", parent: fields[1] ?? "", start: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

export function identify(pid: number): ProcessId {
  const stat = linuxStat(pid);
  return { pid, start: stat?.start, parent: stat?.parent };
}

/**
 * Whether that very process still runs, for who started it. A zombie does not: it has ended and waits for its parent to notice.
 * Nor does one that was left alone: the language host of an engine that was killed waits for ever.
 */
export function isAlive({ pid, start, parent }: ProcessId): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const stat = linuxStat(pid);
  if (stat === undefined) return start === undefined;
  const isSame = start === undefined || start === stat.start;
  return stat.state !== "Z" && isSame && (parent === undefined || parent === stat.parent);
}

const ASK_MILLISECONDS = 2_000;

/** Asks the daemon of that port; undefined when none of this user's answers. */
export function ask(port: number, request: Request): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(controlSocket(port));
    let text = "";
    const finish = (answer: Answer | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(ASK_MILLISECONDS, () => finish(undefined));
    socket.once("error", () => finish(undefined));
    socket.once("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on("data", (chunk) => {
      text += chunk.toString("utf8");
      if (text.endsWith("\n")) finish(parse<Answer>(text));
    });
    socket.once("close", () => finish(undefined));
  });
}

/** One line of JSON; undefined when it is none. */
export function parse<T>(line: string): T | undefined {
  try {
    return JSON.parse(line) as T;
  } catch {
    return undefined;
  }
}
