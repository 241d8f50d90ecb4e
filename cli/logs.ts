import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { messageOf, UserError } from "./errors";
import { engineHolds } from "./logs/held";
import { showTogether } from "./logs/together";
import type { Session } from "./session";

export interface LogsOptions {
  follow?: boolean;
  /** Lines, or `all`. By default 100, and all where `since` or `grep` already choose. */
  tail?: string;
  /** A moment, or how long ago: `90s`, `15m`, `2h`, `3d`. */
  since?: string;
  /** The same; lines from then on are not shown. */
  until?: string;
  /** A regular expression; only lines that match are shown. */
  grep?: string;
}

const DEFAULT_TAIL = "100";
const HOURS_A_DAY = 24;
const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

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
  return new Date(moment("--since", since, 0)).toISOString();
}

/**
 * A moment of an option, in milliseconds since 1970.
 *
 * @param now Likewise; how long ago is counted from it.
 * @throws UserError that names the option.
 */
export function moment(option: string, text: string, now: number): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const at =
    count !== undefined
      ? now - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS]
      : /^\d{4}-\d\d-\d\d/.test(text)
        ? Date.parse(text)
        : Number.NaN;
  if (Number.isNaN(at)) {
    throw new UserError(
      `${option} ${JSON.stringify(text)}: must be how long ago, such as 15m or 2d, or a moment such as 2026-11-26T10:00Z`,
      2,
    );
  }
  return Math.max(0, at);
}

/** The time that is asked for, in milliseconds since 1970; undefined for what the engine alone answers. */
export function askedRange(
  { follow, since, until }: LogsOptions,
  now: number,
): { since: number; until: number } | undefined {
  if (since === undefined && until === undefined) {
    return undefined;
  }
  if (follow) {
    if (until !== undefined) {
      throw new UserError("--until: what comes has no end with --follow: leave one of them out", 2);
    }
    return undefined;
  }
  const range = {
    since: since === undefined ? 0 : moment("--since", since, now),
    until: until === undefined ? now : moment("--until", until, now),
  };
  if (since !== undefined && until !== undefined && range.since >= range.until) {
    throw new UserError(`--until ${JSON.stringify(until)}: must be after --since`, 2);
  }
  return range;
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

/**
 * Prints the logs of one service, or of all of them with each line's service before it (M3). Of a time that the engine does not hold
 * any more, the archive's lines come with the engine's (M55).
 */
export async function showLogs(
  { docker, context }: Session,
  service: string | undefined,
  options: LogsOptions,
): Promise<void> {
  const args = logArguments(options);
  const range = askedRange(options, Date.now());
  const isShown = lineFilter(options.grep);
  const services =
    service === undefined
      ? await docker.services(context.stack)
      : [await docker.service(context.stack, service)];
  if (services.length === 0) {
    throw new UserError(`stack ${context.stack} has no services: run ./fitnesscrm up`);
  }
  const width = Math.max(...services.map((each) => each.service.length));
  const prefixOf = (name: string): string => (services.length === 1 ? "" : `${name.padEnd(width)} | `);
  if (range !== undefined) {
    const isHeld = await engineHolds(docker, services, range.since);
    if (!isHeld || options.until !== undefined) {
      const request = { ...range, ...(service !== undefined && { service }), grep: options.grep };
      const tail = options.tail === undefined || options.tail === "all" ? undefined : Number(options.tail);
      await showTogether(
        { docker, stack: context.stack, services, isShown, prefixOf, isHeld, tail },
        request,
      );
      return;
    }
  }
  const codes = await Promise.all(
    services.map((each) =>
      follow(["service", "logs", ...args, each.name], docker.environment, isShown, prefixOf(each.service)),
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
