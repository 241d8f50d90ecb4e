import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { constants } from "node:os";
import type { Context } from "../lib/types";
import { LineLog } from "./lines";

/** One run of a command. */
export interface Run {
  readonly command: string;
  /** Program and arguments that the command is appended to. */
  readonly interpreter: readonly string[];
  readonly dir: string | undefined;
  /** Added to this process's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string | undefined;
  readonly log: { readonly stdout: boolean; readonly stderr: boolean };
}

/** What a command printed, each without its last line feed. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a command that is told to end may take before it is killed, milliseconds. */
const GRACE_MILLISECONDS = 5_000;
/** How much of a failed command's output its error repeats, characters. */
const TAIL_LENGTH = 4_000;
const SHOWN_COMMAND_LENGTH = 500;

const running = new Set<ChildProcess>();

/** Signals the command and everything it started: each command leads a process group of its own. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) {
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

process.on("exit", () => {
  for (const child of running) {
    signalGroup(child, "SIGKILL");
  }
});

/**
 * Runs a command to its end, and until nothing holds its output open any more. Throws in the official plugin's words
 * (`exit status 3: running "…":` and what the command printed) when it fails, is cancelled or takes longer than the
 * resource's custom timeout; then the whole process group is ended.
 */
export async function run(
  what: Run,
  context: Pick<Context, "signal" | "timeoutSeconds" | "log">,
): Promise<Printed> {
  const failure = (reason: string, output = "") =>
    new Error(`${reason}: running ${shown(what.command)}:\n${tail(output)}`.trimEnd());
  if (what.dir !== undefined && !isDirectory(what.dir)) {
    throw failure(`chdir ${what.dir}: no such directory`);
  }
  const stopped = stopSignal(context);
  try {
    stopped.signal.throwIfAborted();
    return await new Promise<Printed>((resolve, reject) => {
      let child: ChildProcess;
      try {
        child = start(what);
      } catch (error) {
        // Node throws some failures of the system call instead of reporting them later.
        reject(failure(startFailure(error as Error, what)));
        return;
      }
      running.add(child);
      const output = collect(child, what, context);
      let killTimer: NodeJS.Timeout | undefined;
      const stop = () => {
        signalGroup(child, "SIGTERM");
        killTimer = setTimeout(() => signalGroup(child, "SIGKILL"), GRACE_MILLISECONDS);
      };
      stopped.signal.addEventListener("abort", stop, { once: true });
      const settle = () => {
        stopped.signal.removeEventListener("abort", stop);
        clearTimeout(killTimer);
        running.delete(child);
        output.end();
      };
      child.once("error", (error) => {
        settle();
        reject(failure(startFailure(error, what)));
      });
      child.once("close", (code, signal) => {
        if (stopped.signal.aborted) {
          // A child that outlived the shell and let go of its output would stay behind.
          signalGroup(child, "SIGKILL");
        }
        settle();
        const reason = endReason(code, signal, stopped.signal);
        if (reason === undefined) {
          resolve(output.printed());
        } else {
          reject(failure(reason, output.both()));
        }
      });
    });
  } finally {
    stopped.release();
  }
}

function start(what: Run): ChildProcess {
  const [program = "/bin/sh", ...args] = what.interpreter;
  const child = spawn(program, [...args, what.command], {
    cwd: what.dir,
    env: { ...process.env, ...what.environment },
    detached: true,
    stdio: [what.stdin ? "pipe" : "ignore", "pipe", "pipe"],
  });
  // A command need not read its input to the end.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(what.stdin);
  return child;
}

function collect(child: ChildProcess, what: Run, context: Pick<Context, "log">) {
  const chunks: { stdout: Buffer[]; stderr: Buffer[]; both: Buffer[] } = { stdout: [], stderr: [], both: [] };
  const logs: LineLog[] = [];
  for (const name of ["stdout", "stderr"] as const) {
    const log = what.log[name] ? new LineLog((line) => context.log("info", line)) : undefined;
    if (log !== undefined) {
      logs.push(log);
    }
    child[name]?.on("data", (chunk: Buffer) => {
      chunks[name].push(chunk);
      chunks.both.push(chunk);
      log?.write(chunk);
    });
  }
  const text = (name: keyof typeof chunks) => Buffer.concat(chunks[name]).toString("utf8");
  return {
    end: () => {
      for (const log of logs) {
        log.end();
      }
    },
    both: () => text("both"),
    printed: (): Printed => ({
      stdout: withoutLastLineFeed(text("stdout")),
      stderr: withoutLastLineFeed(text("stderr")),
    }),
  };
}

/** A signal that is aborted by the engine's cancel or by the custom timeout, with the reason in its words. */
function stopSignal({ signal, timeoutSeconds }: Pick<Context, "signal" | "timeoutSeconds">) {
  const controller = new AbortController();
  const cancel = () => controller.abort(new Error("cancelled"));
  const timer =
    timeoutSeconds === undefined
      ? undefined
      : setTimeout(
          () => controller.abort(new Error(`timed out after ${timeoutSeconds} s`)),
          timeoutSeconds * 1_000,
        );
  if (signal.aborted) {
    cancel();
  }
  signal.addEventListener("abort", cancel, { once: true });
  return {
    signal: controller.signal,
    release: () => {
      signal.removeEventListener("abort", cancel);
      clearTimeout(timer);
    },
  };
}

function endReason(
  code: number | null,
  signal: NodeJS.Signals | null,
  stopped: AbortSignal,
): string | undefined {
  if (stopped.aborted) {
    return stopped.reason instanceof Error ? stopped.reason.message : "cancelled";
  }
  if (signal !== null) {
    return `signal: ${signal} (${constants.signals[signal]})`;
  }
  return code === 0 ? undefined : `exit status ${code}`;
}

function startFailure(error: Error, what: Run): string {
  const program = what.interpreter[0] ?? "";
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return `exec: ${JSON.stringify(program)}: executable file not found in $PATH`;
    case "EACCES":
      return `exec: ${JSON.stringify(program)}: permission denied`;
    case "E2BIG":
      return "argument list too long (the previous output is passed in the environment: set addPreviousOutputInEnv to false)";
    default:
      return error.message;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function withoutLastLineFeed(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

function tail(text: string): string {
  return text.length <= TAIL_LENGTH ? text : `…${text.slice(-TAIL_LENGTH)}`;
}

function shown(command: string): string {
  return JSON.stringify(
    command.length <= SHOWN_COMMAND_LENGTH ? command : `${command.slice(0, SHOWN_COMMAND_LENGTH)}…`,
  );
}
