import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { messageOf, UserError } from "./errors";
import type { Session } from "./session";

export interface LogsOptions {
  follow?: boolean;
  /** Lines, or `all`. By default 100, and all where `since` or `grep` already choose. */
  tail?: string;
  /** A moment, or how long ago: `90s`, `15m`, `2h`, `3d`. */
  since?: string;
  /** A regular expression; only lines that match are shown. */
  grep?: string;
}

const DEFAULT_TAIL = "100";
const HOURS_A_DAY = 24;

/**
 * What `docker service logs` is asked for.
 *
 * @throws UserError for what is no number of lines or no time.
 */
export function logArguments({ follow, tail, since, grep }: LogsOptions): string[] {
  const lines = tail ?? (since === undefined && grep === undefined ? DEFAULT_TAIL : "all");
  if (!/^(\d+|all)$/.test(lines)) {
    throw new UserError(`--tail ${lines}: must be a number of lines, or all`, 2);
  }
  return [
    ...["--raw", "--tail", lines],
    ...(since === undefined ? [] : ["--since", sinceArgument(since)]),
    ...(follow ? ["--follow"] : []),
  ];
}

function sinceArgument(since: string): string {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(since) ?? [];
  if (count !== undefined) {
    return unit === "d" ? `${Number(count) * HOURS_A_DAY}h` : since;
  }
  const at = /^\d{4}-\d\d-\d\d/.test(since) ? new Date(since) : undefined;
  if (at === undefined || Number.isNaN(at.getTime())) {
    throw new UserError(
      `--since ${JSON.stringify(since)}: must be how long ago, such as 15m or 2d, or a moment such as 2026-11-26T10:00Z`,
      2,
    );
  }
  return at.toISOString();
}

/** Which lines are shown. @throws UserError for what is no regular expression. */
export function lineFilter(grep: string | undefined): (line: string) => boolean {
  if (grep === undefined) {
    return () => true;
  }
  try {
    const pattern = new RegExp(grep);
    return (line) => pattern.test(line);
  } catch (error) {
    throw new UserError(`--grep ${JSON.stringify(grep)}: ${messageOf(error)}`, 2);
  }
}

/** Prints the logs of one service, or of all of them with each line's service before it (M3, M55). */
export async function showLogs(
  { docker, context }: Session,
  service: string | undefined,
  options: LogsOptions,
): Promise<void> {
  const args = logArguments(options);
  const isShown = lineFilter(options.grep);
  const services =
    service === undefined
      ? await docker.services(context.stack)
      : [await docker.service(context.stack, service)];
  if (services.length === 0) {
    throw new UserError(`stack ${context.stack} has no services: run ./fitnesscrm up`);
  }
  const width = Math.max(...services.map((each) => each.service.length));
  const codes = await Promise.all(
    services.map((each) =>
      follow(
        ["service", "logs", ...args, each.name],
        docker.environment,
        isShown,
        services.length === 1 ? "" : `${each.service.padEnd(width)} | `,
      ),
    ),
  );
  if (codes.some((code) => code !== 0)) {
    throw new UserError("logs: the engine ended the stream: what it said stands above");
  }
}

function follow(
  args: string[],
  env: NodeJS.ProcessEnv,
  isShown: (line: string) => boolean,
  prefix: string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const lines = [child.stdout, child.stderr].map(
      (input) =>
        new Promise<void>((done) => {
          createInterface({ input })
            .on("line", (line) => isShown(line) && process.stdout.write(`${prefix}${line}\n`))
            .on("close", done);
        }),
    );
    child.on("error", reject);
    child.on("close", (code) => void Promise.all(lines).then(() => resolve(code ?? 1)));
  });
}
