import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

export interface LockOptions {
  /** What the lock is taken for, in the words of "… is running since …"; the file's name when left out. */
  what?: string;
  /**
   * How long to wait for another holder. Half a second when left out, so that somebody who only looks whether the lock is
   * taken is in nobody's way.
   */
  waitSeconds?: number;
  now?: () => Date;
}

/** Who holds a lock, as its file says. */
export interface LockHolder {
  readonly what: string;
  /** ISO time. */
  readonly since: string;
}

/** Somebody else holds the lock. */
export class LockTakenError extends Error {
  constructor(
    readonly path: string,
    readonly holder: LockHolder | undefined,
  ) {
    super(
      holder === undefined
        ? `${basename(path, ".lock")} is running already: wait for its end`
        : `${holder.what} is running since ${holder.since}: wait for its end`,
    );
    this.name = "LockTakenError";
  }
}

/** Exit code of `flock` for a lock that is taken, of our choice. */
const TAKEN = 75;
const DEFAULT_WAIT_SECONDS = 0.5;

/**
 * Does `work` while holding a lock of the kernel on the file `path`, which is made when it is missing and stays.
 *
 * The lock belongs to a `flock` process that ends when its standard input does: the end of this process, be it by SIGKILL,
 * gives it back, and no lock is ever left of a process that is gone. It holds between the containers of one volume.
 *
 * @param work Its signal is aborted when the lock is lost, because somebody killed its holder.
 * @throws LockTakenError when another holder has it.
 */
export async function withLock<T>(
  path: string,
  work: (lost: AbortSignal) => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const holder = await acquire(path, options.waitSeconds ?? DEFAULT_WAIT_SECONDS);
  const lost = new AbortController();
  const onExit = (): void => lost.abort(new Error(`the lock ${path} was lost: its holder was killed`));
  holder.once("exit", onExit);
  if (hasEnded(holder)) {
    onExit();
  }
  try {
    const { what = basename(path, ".lock"), now = () => new Date() } = options;
    // In place: a renamed file would be another one, with a lock of its own.
    writeFileSync(path, `${JSON.stringify({ what, since: now().toISOString() } satisfies LockHolder)}\n`);
    return await work(lost.signal);
  } finally {
    holder.off("exit", onExit);
    await release(holder);
  }
}

/** Whether somebody holds the lock now. A file that is not there is free. */
export async function isLocked(path: string): Promise<boolean> {
  if (!existsSync(path)) {
    return false;
  }
  // Shared, so that two who look at once do not see each other.
  const child = spawn(
    "flock",
    ["--shared", "--nonblock", "--conflict-exit-code", String(TAKEN), path, "true"],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const { code, message } = await ended(child);
  if (code !== 0 && code !== TAKEN) {
    throw new Error(`lock ${path}: ${message}`);
  }
  return code === TAKEN;
}

async function acquire(path: string, waitSeconds: number): Promise<ChildProcess> {
  const child = spawn(
    "flock",
    ["--no-fork", "--timeout", String(waitSeconds), "--conflict-exit-code", String(TAKEN), path, "cat"],
    // A group of its own: the interrupt of a terminal ends what we do, not what guards it.
    { stdio: ["pipe", "pipe", "pipe"], detached: true },
  );
  child.stdin?.on("error", () => {
    // A `flock` that ends without the lock says so by its exit code.
  });
  // What comes back has passed `cat`, which runs only once the lock is held.
  child.stdin?.write("held\n");
  const held = child.stdout === null ? Promise.reject() : once(child.stdout, "data").then(() => undefined);
  const end = ended(child);
  const failure = await Promise.race([held, end]);
  if (failure === undefined) {
    child.stdout?.resume();
    return child;
  }
  if (failure.code === TAKEN) {
    throw new LockTakenError(path, holderOf(path));
  }
  throw new Error(`lock ${path}: ${failure.message}`);
}

async function release(holder: ChildProcess): Promise<void> {
  if (hasEnded(holder)) {
    return;
  }
  const exit = once(holder, "exit");
  holder.stdin?.end();
  await exit;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function ended(child: ChildProcess): Promise<{ code: number | null; message: string }> {
  return new Promise((resolve) => {
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error: NodeJS.ErrnoException) =>
      resolve({
        code: null,
        message: error.code === "ENOENT" ? "the flock program of util-linux is missing" : error.message,
      }),
    );
    child.on("close", (code, signal) =>
      resolve({ code, message: stderr.trim().split("\n").at(-1) || `flock ended with ${code ?? signal}` }),
    );
  });
}

function holderOf(path: string): LockHolder | undefined {
  try {
    const { what, since } = JSON.parse(readFileSync(path, "utf8")) as Partial<LockHolder>;
    return typeof what === "string" && typeof since === "string" ? { what, since } : undefined;
  } catch {
    return undefined;
  }
}
