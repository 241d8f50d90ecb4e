import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

/** How long a child may take to end by itself after it was asked to. */
const GRACE_MS = 5_000;
/** What is kept of a child's complaints. */
const COMPLAINTS = 8_192;

export interface Child {
  readonly process: ChildProcess;
  /** Resolves when it ended well; rejects with one line: what it is, how it ended, its complaint. */
  readonly done: Promise<void>;
}

/** What a program complained about first, in one line: later complaints tend to be consequences. Its detail belongs to it. */
export function complaint(stderr: string): string {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    // How tar ends whatever happened.
    .filter((line) => line !== "" && !/Error is not recoverable|due to previous errors/.test(line));
  const error = lines.findIndex((line) => /\b(error|fatal|panic)\b/i.test(line));
  if (error === -1) return lines.at(-1) ?? "";
  const [first = "", next = ""] = lines.slice(error);
  return /\bdetail\b/i.test(next) ? `${first} ${next}` : first;
}

/**
 * Starts a program that dies with us: on the signal (asked first, killed after 5 s), and with this process even when that is
 * killed. It gets no standard input unless `stdio` gives it one, and its complaints become the reason of a failure.
 */
export function start(
  command: string,
  args: readonly string[],
  options: {
    signal?: AbortSignal;
    stdio?: SpawnOptions["stdio"];
    env?: NodeJS.ProcessEnv;
    cwd?: string;
  } = {},
): Child {
  const { signal, stdio = ["ignore", "pipe", "pipe"], ...rest } = options;
  signal?.throwIfAborted();
  // A killed parent cannot end its children; the kernel does.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", command, ...args], { ...rest, stdio });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(0, COMPLAINTS);
  });
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    child.kill("SIGTERM");
    timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  };
  signal?.addEventListener("abort", end, { once: true });
  const done = new Promise<void>((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "ENOENT" ? "setpriv is not installed" : error.message;
      reject(new Error(`${command} could not be started: ${why}`));
    });
    child.once("close", (code, killedBy) => {
      if (signal?.aborted) {
        reject(signal.reason);
      } else if (code === 0) {
        resolve();
      } else {
        const how = killedBy === null ? `failed with code ${code}` : `was killed (${killedBy})`;
        const words = complaint(stderr);
        reject(new Error(`${command} ${how}${words === "" ? "" : `: ${words}`}`));
      }
    });
  }).finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  });
  // It is awaited later, perhaps after something else failed first.
  done.catch(() => undefined);
  return { process: child, done };
}

/** Whether somebody failed only because the one behind it had, or because all were told to end. */
function isConsequence(reason: unknown): boolean {
  const text = reason instanceof Error ? `${reason.name} ${reason.message}` : String(reason);
  return /^AbortError|EPIPE|ECONNRESET|broken pipe|connection reset|SIGPIPE|premature close|Wrote only/i.test(
    text,
  );
}

/**
 * Waits for works that need each other. The first that fails ends the rest through `controller`, and none runs any more when
 * this rejects: with that first reason, or, where it is only that the next in a row of pipes was gone, with why it was gone.
 */
export async function together<T extends readonly unknown[]>(
  controller: AbortController,
  works: { [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const reasons: unknown[] = [];
  const settled = await Promise.allSettled(
    works.map((work) =>
      work.catch((reason: unknown) => {
        reasons.push(reason);
        controller.abort(reason);
        throw reason;
      }),
    ),
  );
  if (reasons.length > 0) {
    throw reasons.find((reason) => !isConsequence(reason)) ?? reasons[0];
  }
  return settled.map((result) => (result.status === "fulfilled" ? result.value : undefined)) as unknown as T;
}

/** A controller that is aborted with another signal. */
export function childController(signal?: AbortSignal): { controller: AbortController; release(): void } {
  const controller = new AbortController();
  if (signal?.aborted) controller.abort(signal.reason);
  const follow = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", follow, { once: true });
  return { controller, release: () => signal?.removeEventListener("abort", follow) };
}
