import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { DockerHost } from "./docker";
import { UserError } from "./errors";
import { lastLine } from "./exec";

/** The two services that carry the operations program. Only `restore` can decrypt a backup. */
export type OpsService = "ops" | "restore";

export interface OpsOptions {
  /** Written to the command's standard input: secrets go this way, since a command line can be read by everybody. */
  input?: string;
  /** Called with every line of progress as it comes. */
  onLine?: (line: string) => void;
  /** Called with every line that the command prints as its result, which is then kept nowhere else. */
  onOutput?: (line: string) => void;
  /** No limit when left out. */
  timeoutSeconds?: number;
}

/** How the program in the container starts the one line that says why it failed. */
const REASON = "ops: ";

/**
 * Runs a command of the operations program inside the stack's running container of `service`.
 *
 * @returns The JSON document that it printed; undefined when it printed nothing.
 * @throws UserError with the program's own reason; when the service does not run; when the limit is over.
 */
export async function runInOps(
  docker: DockerHost,
  stack: string,
  service: OpsService,
  args: readonly string[],
  options: OpsOptions = {},
): Promise<unknown> {
  const what = `${service} ${args[0] ?? ""}`.trimEnd();
  const container = await opsContainer(docker, stack, service);
  const command = ["exec", "--interactive", container, "node", "/opt/ops/main.js", ...args];
  const { code, stdout, stderrTail, timedOut } = await execute(docker, command, options);
  if (timedOut) {
    // Ending `docker exec` ends only this side of it.
    throw new UserError(
      `${what}: no answer within ${options.timeoutSeconds} seconds: it may still be at work in its container, ` +
        `see ./fitnesscrm logs ${service} --stack ${stack}`,
    );
  }
  if (code !== 0) {
    throw new UserError(reasonOf(what, service, stack, code, stderrTail), code === 2 ? 2 : 1);
  }
  if (stdout.trim() === "") {
    return undefined;
  }
  try {
    return JSON.parse(stdout) as unknown;
  } catch {
    // What it printed is not shown: nobody knows what it is.
    throw new UserError(
      `${what}: answered with something that is not JSON: its image and this checkout differ, run ./fitnesscrm up ` +
        `--stack ${stack}`,
    );
  }
}

/**
 * Id of the running container of a stack's service; the newest one during an update.
 *
 * @throws UserError when there is none.
 */
export async function opsContainer(docker: DockerHost, stack: string, service: OpsService): Promise<string> {
  const filters = [
    `label=fitnesscrm.stack=${stack}`,
    `label=fitnesscrm.service=${service}`,
    "status=running",
  ];
  const ids = await docker.runChecked(`containers of ${service}`, [
    "container",
    "ls",
    "--quiet",
    "--no-trunc",
    ...filters.flatMap((filter) => ["--filter", filter]),
  ]);
  const newest = ids.split("\n")[0]?.trim();
  if (newest) {
    return newest;
  }
  // Names the services that there are where this one was never deployed.
  await docker.service(stack, service);
  throw new UserError(
    `service ${service} of stack ${stack} does not run: ./fitnesscrm health --stack ${stack} says why, ` +
      `./fitnesscrm up --stack ${stack} starts it`,
  );
}

interface Execution {
  code: number;
  stdout: string;
  /** The last lines of standard error. */
  stderrTail: string;
  timedOut: boolean;
}

const TAIL_LINES = 20;

function execute(docker: DockerHost, args: readonly string[], options: OpsOptions): Promise<Execution> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, {
      env: docker.environment,
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let timedOut = false;
    const tail: string[] = [];
    // The reason is told once, as the error: it is held back until it is known whether it was the last line.
    let held: string | undefined;
    const show = (line: string): void => {
      if (held !== undefined) {
        options.onLine?.(held);
      }
      held = line.startsWith(REASON) ? line : undefined;
      if (held === undefined) {
        options.onLine?.(line);
      }
    };
    const timer =
      options.timeoutSeconds === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill("SIGKILL");
            // A process of the command's own, such as ssh, may hold the pipes for longer.
            child.stdout?.destroy();
            child.stderr?.destroy();
          }, options.timeoutSeconds * 1000);
    const output = new Promise<void>((done) => {
      if (options.onOutput !== undefined && child.stdout !== null) {
        createInterface({ input: child.stdout }).on("line", options.onOutput).on("close", done);
        return;
      }
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      done();
    });
    const lines = new Promise<void>((done) => {
      if (child.stderr === null) {
        done();
        return;
      }
      createInterface({ input: child.stderr })
        .on("line", (line) => {
          tail.push(line);
          tail.splice(0, tail.length - TAIL_LINES);
          show(line);
        })
        .on("close", done);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(
        error.code === "ENOENT"
          ? new UserError("docker is not installed, or not on PATH: the stack's containers are reached by it")
          : error,
      );
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      // A stream that was destroyed has no last line.
      void (timedOut ? Promise.resolve() : Promise.all([lines, output])).then(() => {
        if (code === 0 && held !== undefined) {
          options.onLine?.(held);
        }
        resolve({ code: code ?? 137, stdout, stderrTail: tail.join("\n"), timedOut });
      });
    });
    child.stdin?.on("error", () => {
      // A command that ends before it has read its input says so by its exit code.
    });
    child.stdin?.end(options.input);
  });
}

function reasonOf(
  what: string,
  service: OpsService,
  stack: string,
  code: number,
  stderrTail: string,
): string {
  const last = lastLine(stderrTail);
  if (last.startsWith(REASON)) {
    return last.slice(REASON.length);
  }
  if (code === 137) {
    return (
      `${what}: was killed: its container was restarted or had too little memory, see ./fitnesscrm logs ${service} ` +
      `--stack ${stack}`
    );
  }
  return `${what}: ${last.replace(/^Error response from daemon: /, "") || `exit code ${code}`}`;
}
