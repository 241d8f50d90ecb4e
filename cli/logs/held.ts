import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fixed, timedLine } from "../../ops/logs/model";
import type { DockerHost, StackServiceInfo } from "../docker";

/** What the engine holds of a running task. */
export interface HeldLog {
  /** ISO time at which the task was made. */
  readonly createdAt: string;
  /** Time of the oldest line, as `normalTime` has it; undefined for a task that has written nothing. */
  readonly firstLine: string | undefined;
}

/**
 * Whether the engine has everything that a service wrote since a moment: its tasks ran then already, and the oldest line of each is
 * still there. Where that is not certain the archive is asked, which costs time and shows nothing that is wrong.
 *
 * @param tasks Those that run.
 */
export function isHeld(tasks: readonly HeldLog[], since: number): boolean {
  return (
    tasks.length > 0 &&
    tasks.every(
      ({ createdAt, firstLine }) =>
        Date.parse(createdAt) <= since && (firstLine === undefined || firstLine <= fixed(since)),
    )
  );
}

/** The same, of all these services, by the engine. */
export async function engineHolds(
  docker: DockerHost,
  services: readonly StackServiceInfo[],
  since: number,
): Promise<boolean> {
  const held = await Promise.all(
    services.map(async ({ name }) => {
      const running = (await docker.tasks([name])).filter(({ state }) => state === "running");
      // Most often the answer is no already, without a look into a log.
      if (
        !isHeld(
          running.map(({ createdAt }) => ({ createdAt, firstLine: undefined })),
          since,
        )
      ) {
        return false;
      }
      const logs = running.map(async ({ id, createdAt }) => ({
        createdAt,
        firstLine: await firstLine(docker, id),
      }));
      return isHeld(await Promise.all(logs), since);
    }),
  );
  return held.every((one) => one);
}

/** The time of the oldest line of a task. */
function firstLine(docker: DockerHost, task: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", ["service", "logs", "--raw", "--timestamps", task], {
      env: docker.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const found = (time: string | undefined): void => {
      child.kill();
      resolve(time);
    };
    // The engine gives lines in their order: the first that comes, of either stream, is the oldest.
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).once("line", (line) => {
        const time = timedLine(line)?.time;
        if (time !== undefined) found(time);
      });
    }
    child.once("error", reject);
    child.once("close", () => found(undefined));
  });
}
