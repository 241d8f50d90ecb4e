import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type ArchiveAnswer, archiveAnswer, fixed, timedLine } from "../../ops/logs/model";
import type { DockerHost, StackServiceInfo } from "../docker";
import { messageOf, UserError } from "../errors";
import { runInOps } from "../ops";
import { LastLines, LogMerger, type TimedLine } from "./merge";

export interface TogetherArgs {
  docker: DockerHost;
  stack: string;
  services: readonly StackServiceInfo[];
  isShown: (line: string) => boolean;
  /** What stands before the lines of a service. */
  prefixOf: (service: string) => string;
  /** Whether the engine has all of it: the archive is not asked then. */
  isHeld: boolean;
  /** So many of the last lines of each service; all where it is left out. */
  tail: number | undefined;
  /** Where lines go; standard output where it is left out. */
  write?: (text: string) => void;
}

export interface TogetherRequest {
  service?: string;
  /** Milliseconds since 1970. */
  since: number;
  until: number;
  grep: string | undefined;
}

/**
 * Prints what archive and engine have of a time, in its order.
 *
 * @throws UserError after the engine's lines, where the archive, or one of the engine's logs, could not be read.
 */
export async function showTogether(args: TogetherArgs, request: TogetherRequest): Promise<void> {
  const { tail, prefixOf, write = (text) => void process.stdout.write(text) } = args;
  const last = tail === undefined ? undefined : new LastLines(tail);
  const print = (lines: readonly TimedLine[]): void => {
    for (const { service, line } of lines) write(`${prefixOf(service)}${line}\n`);
  };
  const show = (lines: readonly TimedLine[]): void => (last === undefined ? print(lines) : last.add(lines));

  const engine = await engineLines(args, request);
  const merger = new LogMerger(engine.lines);
  const problems = [...engine.problems];
  if (!args.isHeld) {
    try {
      await askArchive(args, request, (answer) => show(merger.take(answer)));
    } catch (error) {
      problems.push(
        `logs: the archive could not be read, so that of its time only what the engine still holds is shown: ${messageOf(error)}`,
      );
    }
  }
  show(merger.end());
  if (last !== undefined) {
    print(last.lines());
  }
  if (problems.length > 0) {
    throw new UserError(problems.join("\n"));
  }
}

/** Asks the one container that can open what is archived. */
async function askArchive(
  { docker, stack }: TogetherArgs,
  request: TogetherRequest,
  take: (answer: ArchiveAnswer) => void,
): Promise<void> {
  let fault: unknown;
  await runInOps(docker, stack, "restore", ["logs"], {
    input: JSON.stringify(request),
    onOutput: (line) => {
      try {
        if (fault === undefined) take(parse(line));
      } catch (error) {
        fault = error;
      }
    },
  });
  if (fault !== undefined) {
    throw fault;
  }
}

function parse(line: string): ArchiveAnswer {
  try {
    return archiveAnswer.parse(JSON.parse(line));
  } catch {
    throw new UserError(
      "restore logs: its answer is not what this checkout expects: their versions differ, run ./fitnesscrm up",
    );
  }
}

async function engineLines(
  { docker, services, isShown }: TogetherArgs,
  { since, until }: TogetherRequest,
): Promise<{ lines: TimedLine[]; problems: string[] }> {
  const [first, end] = [fixed(since), fixed(until)];
  const lines: TimedLine[] = [];
  const problems: string[] = [];
  await Promise.all(
    services.map(async ({ service, name }) => {
      const args = [
        "service",
        "logs",
        "--raw",
        "--timestamps",
        "--since",
        new Date(since).toISOString(),
        name,
      ];
      const code = await read(docker, args, (text) => {
        const timed = timedLine(text);
        if (timed === undefined) {
          // The engine's own complaint.
          process.stderr.write(`${service}: ${text}\n`);
        } else if (timed.time >= first && timed.time < end && isShown(timed.line)) {
          lines.push({ service, ...timed });
        }
      });
      if (code !== 0) {
        problems.push(`logs: the engine ended the stream of ${service}: what it said stands above`);
      }
    }),
  );
  return { lines, problems };
}

function read(docker: DockerHost, args: readonly string[], onLine: (line: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, { env: docker.environment, stdio: ["ignore", "pipe", "pipe"] });
    const ended = [child.stdout, child.stderr].map(
      (input) =>
        new Promise<void>((done) => {
          createInterface({ input }).on("line", onLine).on("close", done);
        }),
    );
    child.on("error", reject);
    child.on("close", (code) => void Promise.all(ended).then(() => resolve(code ?? 1)));
  });
}
