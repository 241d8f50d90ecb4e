import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { UserError } from "./errors";

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Written to the command's standard input. Secrets go this way: a command line can be read by everybody. */
  input?: string;
  timeoutSeconds?: number;
  /** Called with every line of standard output as it comes. */
  onLine?: (line: string) => void;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a command and collects what it prints.
 *
 * @returns Its exit code and output; 127 when the command does not exist, 124 when it took too long.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      // A group of its own, so that a limit ends what the command has started as well.
      detached: options.timeoutSeconds !== undefined,
    });
    const output = { stdout: "", stderr: "" };
    let timedOut = false;
    const timer =
      options.timeoutSeconds === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            killGroup(child);
          }, options.timeoutSeconds * 1000);
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output.stderr += text;
    });
    if (options.onLine !== undefined && child.stdout !== null) {
      createInterface({ input: child.stdout }).on("line", options.onLine);
    }
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ code: error.code === "ENOENT" ? 127 : 126, stdout: "", stderr: error.message });
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code: timedOut ? 124 : (code ?? signalCode(signal)), ...output });
    });
    child.stdin?.on("error", () => {
      // A command that ends before it has read its input says so by its exit code.
    });
    child.stdin?.end(options.input);
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) {
    return;
  }
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended in this very moment.
  }
}

/** Runs a command that must succeed. @throws UserError with the last line of what it said. */
export async function runChecked(
  what: string,
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    const reason =
      result.code === 124 && options.timeoutSeconds !== undefined
        ? `no answer within ${options.timeoutSeconds} seconds`
        : lastLine(result.stderr) || lastLine(result.stdout) || `exit code ${result.code}`;
    throw new UserError(`${what}: ${reason}`);
  }
  return result.stdout;
}

/** Runs a command on this terminal. @returns Its exit code. */
export function runAttached(
  command: string,
  args: readonly string[],
  options: Pick<RunOptions, "cwd" | "env"> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: "inherit" });
    const forward = (signal: NodeJS.Signals): void => {
      child.kill(signal);
    };
    // The terminal sends an interrupt to the whole group already; the child ends in its own way, and we with it.
    const ignore = (): void => {};
    process.on("SIGINT", ignore);
    process.on("SIGTERM", forward);
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new UserError(
              `${command} is not installed, or not on PATH: run ./fitnesscrm up, which gets what is missing`,
            )
          : error,
      ),
    );
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore);
      process.off("SIGTERM", forward);
      resolve(code ?? signalCode(signal));
    });
  });
}

function signalCode(signal: NodeJS.Signals | null): number {
  return signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 137;
}

/** The last line with something in it. */
export function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.trim() ?? "";
}
