import { createInterface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isStartRace, START_TRIES } from "../plugins/docker/startRace";
import type { RestartOptions } from "./commands/restart";
import type { DockerHost, StackServiceInfo, TaskInfo } from "./docker";
import { UserError } from "./errors";
import { takeLock } from "./lock";
import { inStep, openSession, progressReporter } from "./session";

/** What users or operators notice of a restart. A service that is not named here rolls: nobody notices. */
const INTERRUPTS: Readonly<Record<string, string>> = {
  db: "the application answers with errors until the database is back, some seconds",
  redis: "the application works without its cache until it is back, some seconds",
  nginx: "new connections are refused for one to two seconds",
  ops: "a backup or another task that runs now is ended",
  restore: "a restore or a drill that runs now is ended",
};

/** How long one task may take to be replaced, seconds: an old one may drain for a minute. */
const TASK_SECONDS = 240;
const POLL_MS = 500;
/** States in which the engine does nothing more by itself. */
const FAILED: readonly string[] = ["paused", "rollback_completed", "rollback_paused"];

/** `./fitnesscrm restart SERVICE` (M4). */
export async function restart(service: string, options: RestartOptions): Promise<void> {
  const { context, docker } = openSession(options.stack);
  const { stack } = context;
  const problem = await docker.problem();
  if (problem !== undefined) {
    throw new UserError(`restart: ${problem}`);
  }
  await docker.service(stack, service);
  if (options.yes !== true && !(await isAccepted(service, stack))) {
    return;
  }
  const release = await takeLock(context.folder, `fitnesscrm restart ${service} --stack ${stack}`);
  try {
    const started = performance.now();
    const tasks = await inStep(
      progressReporter(),
      `restarting ${service}`,
      (detail) => replaceTasks(docker, stack, service, detail),
      (count) => `${count} ${count === 1 ? "task" : "tasks"} replaced`,
    );
    if (options.json) {
      const seconds = (performance.now() - started) / 1000;
      process.stdout.write(`${JSON.stringify({ service, tasks, seconds }, null, 2)}\n`);
    }
  } finally {
    await release();
  }
}

/** What a restart of a service interrupts; undefined when it rolls without anybody noticing. */
export function interruptionOf(service: string): string | undefined {
  return INTERRUPTS[service];
}

/** @throws UserError when there is something to ask and nobody to ask. */
async function isAccepted(service: string, stack: string): Promise<boolean> {
  const interruption = interruptionOf(service);
  if (interruption === undefined) {
    return true;
  }
  if (!process.stdin.isTTY) {
    throw new UserError(
      `restart of ${service} in stack ${stack}: ${interruption}; there is no terminal to ask on: add --yes`,
      2,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Restarting ${service}: ${interruption}. Go on? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

type Engine = Pick<DockerHost, "service" | "tasks" | "runChecked">;

/**
 * Has the engine replace every task of a service by one of the same specification, in the service's own manner: one at a
 * time, health-gated, rolled back when the new ones do not get healthy. What the engine gave up for its own start race is
 * tried again.
 *
 * @param pause Waits between two looks at the service.
 * @returns How many were replaced.
 * @throws UserError with the engine's reason.
 */
export async function replaceTasks(
  docker: Engine,
  stack: string,
  service: string,
  progress: (text: string) => void,
  pause: () => Promise<void> = () => sleep(POLL_MS),
): Promise<number> {
  const { name, replicas } = await docker.service(stack, service);
  const wanted = replicas ?? runningOf(await docker.tasks([name])).length;
  if (wanted === 0) {
    throw new UserError(`service ${service} of stack ${stack} is stopped: ./fitnesscrm up starts it`);
  }
  for (let tries = 1; ; tries += 1) {
    const failure = await forceUpdate(docker, stack, service, wanted, progress, pause);
    if (failure === undefined) {
      return wanted;
    }
    if (!isStartRace(failure) || tries === START_TRIES) {
      throw new UserError(`restart of ${service}: ${failure}`);
    }
    progress(`${failure}; trying again`);
  }
}

/** @returns Why the engine gave up; undefined when every task is a new one. */
async function forceUpdate(
  docker: Engine,
  stack: string,
  service: string,
  wanted: number,
  progress: (text: string) => void,
  pause: () => Promise<void>,
): Promise<string | undefined> {
  const { name } = await docker.service(stack, service);
  const before = new Set((await docker.tasks([name])).map(({ id }) => id));
  await docker.runChecked(`service ${name}`, ["service", "update", "--force", "--detach", "--quiet", name]);
  const deadline = performance.now() + wanted * TASK_SECONDS * 1000;
  for (;;) {
    const now = await docker.service(stack, service);
    const tasks = (await docker.tasks([name])).filter(({ id }) => !before.has(id));
    const replaced = runningOf(tasks).length;
    progress(`${replaced} of ${wanted} tasks replaced`);
    if (FAILED.includes(now.updateState ?? "")) {
      return failureOf(now, tasks);
    }
    if (now.updateState === "completed" && replaced >= wanted) {
      return undefined;
    }
    if (performance.now() > deadline) {
      return (
        `${replaced} of ${wanted} tasks were replaced within ${wanted * TASK_SECONDS} s: see ` +
        `./fitnesscrm logs ${service}`
      );
    }
    await pause();
  }
}

function runningOf(tasks: readonly TaskInfo[]): TaskInfo[] {
  return tasks.filter(({ state, desiredState }) => state === "running" && desiredState === "running");
}

function failureOf({ service, updateState, updateMessage }: StackServiceInfo, tasks: TaskInfo[]): string {
  const reason = tasks.find(({ error }) => error !== undefined)?.error ?? updateMessage ?? "no reason given";
  const outcome =
    updateState === "rollback_completed" ? "the old specification runs again" : "the engine does not go on";
  return `the new task did not get healthy (${reason}), ${outcome}: see ./fitnesscrm logs ${service}`;
}
