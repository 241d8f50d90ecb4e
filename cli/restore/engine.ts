import { spawn } from "node:child_process";
import { pipeline } from "node:stream/promises";
import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine, type RunResult, run } from "../exec";

export interface EngineOptions {
  /** Written to the command's standard input. */
  input?: string;
  timeoutSeconds?: number;
}

/** The `docker` command, as a restore uses it. */
export interface Engine {
  run(args: readonly string[], options?: EngineOptions): Promise<RunResult>;
  /** Runs two commands, the first one's output being the second one's input. What the second one writes is its result. */
  pipe(
    source: readonly string[],
    sink: readonly string[],
    options?: Pick<EngineOptions, "input">,
  ): Promise<{ source: RunResult; sink: RunResult }>;
}

export function dockerEngine(docker: DockerHost): Engine {
  const env = docker.environment;
  return {
    // With a limit the command gets a group of its own: an interrupt of the terminal must not cut a swap in two.
    run: (args, { input, timeoutSeconds = 600 } = {}) =>
      run("docker", args, { env, timeoutSeconds, ...(input !== undefined && { input }) }),
    pipe: (source, sink, { input = "" } = {}) => pipeCommands("docker", source, sink, env, input),
  };
}

/** Exported for its test. */
export async function pipeCommands(
  command: string,
  source: readonly string[],
  sink: readonly string[],
  env: NodeJS.ProcessEnv,
  input: string,
): Promise<{ source: RunResult; sink: RunResult }> {
  const from = spawn(command, source, { env, stdio: ["pipe", "pipe", "pipe"] });
  const to = spawn(command, sink, { env, stdio: ["pipe", "pipe", "pipe"] });
  const ended = Promise.all([watch(from), watch(to, true)]);
  from.stdin.on("error", () => {
    // A command that ends before it has read its input says so by its exit code.
  });
  from.stdin.end(input);
  // Where the sink has ended, whoever fills it must not wait for ever.
  await pipeline(from.stdout, to.stdin).catch(() => from.kill("SIGTERM"));
  const [first, second] = await ended;
  return { source: first, sink: second };
}

function watch(child: ReturnType<typeof spawn>, withOutput = false): Promise<RunResult> {
  return new Promise((resolve) => {
    const output = { stdout: "", stderr: "" };
    if (withOutput) {
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        output.stdout += text;
      });
    }
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output.stderr = (output.stderr + text).slice(-10_000);
    });
    child.on("error", (error: NodeJS.ErrnoException) =>
      resolve({ code: error.code === "ENOENT" ? 127 : 126, stdout: "", stderr: error.message }),
    );
    child.on("close", (code) => resolve({ code: code ?? 137, ...output }));
  });
}

/** @throws UserError with the last line of what the command said. */
export async function runChecked(
  engine: Engine,
  what: string,
  args: readonly string[],
  options?: EngineOptions,
): Promise<string> {
  const result = await engine.run(args, options);
  if (result.code !== 0) {
    throw new UserError(`${what}: ${reasonOf(result)}`);
  }
  return result.stdout;
}

/** One line of why a command failed. */
export function reasonOf({ code, stdout, stderr }: RunResult): string {
  const line = lastLine(stderr) || lastLine(stdout);
  if (code === 124) {
    return "no answer in time";
  }
  return (
    line
      .replace(/^(Error response from daemon|docker): /, "")
      .replace(/^ops: /, "")
      .replace(/^psql:<stdin>:\d+: /, "") || `exit code ${code}`
  );
}

/** Id of the running container of a service; the newest one during an update. @throws UserError when there is none. */
export async function runningContainer(engine: Engine, stack: string, service: string): Promise<string> {
  const stdout = await runChecked(engine, `containers of ${service}`, [
    "container",
    "ls",
    "--quiet",
    "--no-trunc",
    "--filter",
    `label=fitnesscrm.stack=${stack}`,
    "--filter",
    `label=fitnesscrm.service=${service}`,
    "--filter",
    "status=running",
  ]);
  const id = stdout.split("\n")[0]?.trim();
  if (!id) {
    throw new UserError(
      `service ${service} of stack ${stack} does not run: run ./fitnesscrm up --stack ${stack} first`,
    );
  }
  return id;
}
