import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine } from "../exec";

/** One line that reports an error. */
export interface ErrorLine {
  service: string;
  line: string;
}

/** What users talk to: an error burst there is one that they see. */
const WATCHED = ["backend", "frontend", "nginx"] as const;

/**
 * Whether a line of a log reports an error: by its level, as the head of a stack trace, or as a request that was answered with 5xx.
 * A line that only quotes the word (`"errors": 0`, a path) does not.
 */
export function reportsError(line: string): boolean {
  return (
    /^Traceback \(most recent call last\)/.test(line.trim()) ||
    /(?:^|[\s["'|:])(?:ERROR|CRITICAL|FATAL|PANIC)(?:[\s\]"'|:]|$)/.test(line) ||
    /"level":\s*"(?:error|critical|fatal)"/i.test(line) ||
    /\[(?:error|crit|alert|emerg)\]/.test(line) ||
    /"status":\s*5\d\d\b/.test(line) ||
    /" 5\d\d \d+(?: |$)/.test(line)
  );
}

/**
 * Lines that report errors, written by what users talk to: all that tasks of this deployment wrote, and what older ones wrote
 * since the watch began. Errors of the release before are not this one's.
 *
 * @param startedAt When the deployment started, by this machine's clock.
 * @throws UserError when a log cannot be read: that is not the same as one without errors.
 */
export async function errorLines(
  docker: DockerHost,
  stack: string,
  startedAt: Date,
  watchedFrom: Date,
): Promise<ErrorLine[]> {
  const skew = await clockSkew(docker);
  const onHost = (at: Date): string => new Date(at.getTime() + skew).toISOString();
  const found: ErrorLine[] = [];
  for (const service of WATCHED) {
    for (const task of await docker.tasks([`fitnesscrm-${stack}-${service}`])) {
      const isNew = task.createdAt >= onHost(startedAt);
      if (!isNew && task.state !== "running") {
        continue;
      }
      const since = onHost(isNew ? startedAt : watchedFrom);
      const { code, stdout, stderr } = await docker.run([
        "service",
        "logs",
        "--raw",
        "--since",
        since,
        task.id,
      ]);
      // Of a task that was removed meanwhile there is no log any more.
      if (code !== 0 && !/no such task|not found/i.test(stderr)) {
        throw new UserError(`logs of ${service}: cannot be read: ${lastLine(stderr) || `exit code ${code}`}`);
      }
      const lines = `${stdout}\n${stderr}`.split("\n").filter(reportsError);
      found.push(...lines.map((line) => ({ service, line: line.trim() })));
    }
  }
  return found;
}

/** Milliseconds by which the Docker host's clock is ahead of this machine's. */
async function clockSkew(docker: DockerHost): Promise<number> {
  const { stdout } = await docker.run(["info", "--format", "{{.SystemTime}}"]);
  const hostTime = Date.parse(stdout.trim());
  return Number.isNaN(hostTime) ? 0 : hostTime - Date.now();
}
