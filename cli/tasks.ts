import { z } from "zod";
import { TASK_SERVICES } from "../ops/tasks/definitions";
import { type TaskRecord, taskRecord } from "../ops/tasks/records";
import { taskDefinitions } from "../tasks";
import { showWallClock } from "../wallClock";
import type { DockerHost } from "./docker";
import { messageOf, UserError } from "./errors";
import { runInOps } from "./ops";

const taskStatus = z.object({
  name: z.string(),
  service: z.enum(TASK_SERVICES),
  cron: z.string(),
  zone: z.string(),
  next: z.string().nullable(),
  last: taskRecord.nullable(),
  running: z.boolean(),
});

/** How a task stands, as its container says; times are ISO. */
export type TaskStatus = z.infer<typeof taskStatus>;

export interface TaskOverview {
  tasks: TaskStatus[];
  /** One line for each container that did not answer. */
  problems: string[];
}

const ANSWER_SECONDS = 60;

/** Asks the containers that run tasks. One that does not answer does not hide the other's. */
export async function taskOverview(docker: DockerHost, stack: string): Promise<TaskOverview> {
  const services = TASK_SERVICES.filter((service) =>
    taskDefinitions().some((definition) => definition.service === service),
  );
  const answers = await Promise.allSettled(
    services.map(async (service) => {
      const answer = await runInOps(docker, stack, service, ["tasks"], { timeoutSeconds: ANSWER_SECONDS });
      return parseAnswer(z.array(taskStatus), answer, `${service} tasks`);
    }),
  );
  return {
    tasks: answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : [])),
    problems: answers.flatMap((answer) => (answer.status === "rejected" ? [messageOf(answer.reason)] : [])),
  };
}

/**
 * Runs a task now, to its end.
 *
 * @throws UserError when it failed, with its reason.
 */
export async function runTaskNow(
  docker: DockerHost,
  stack: string,
  name: string,
  options: { label?: string; onLine?: (line: string) => void },
): Promise<TaskRecord> {
  // On a stack without one the container says so.
  const definitions = taskDefinitions({ certificates: true });
  const definition = definitions.find((each) => each.name === name);
  if (definition === undefined) {
    const names = definitions.map((each) => each.name).join(", ");
    throw new UserError(`task ${JSON.stringify(name)} does not exist: must be one of ${names}`, 2);
  }
  const { label, onLine } = options;
  if (label !== undefined && name !== "backup") {
    throw new UserError(`--label: only a backup has a label, ${name} makes nothing that could carry one`, 2);
  }
  const args = ["run", name, ...(label === undefined ? [] : ["--label", label])];
  const answer = await runInOps(docker, stack, definition.service, args, { onLine });
  const record = parseAnswer(taskRecord, answer, `${definition.service} run`);
  if (record.result !== "ok") {
    throw new UserError(`${name}: ${record.result}: ${record.reason}`);
  }
  return record;
}

export function formatTasks(tasks: readonly TaskStatus[]): string {
  const rows = tasks.map(({ name, service, zone, next, last, running }) => [
    name,
    service,
    running ? "running" : next === null ? "never" : showWallClock(zone, new Date(next)),
    last === null ? "never" : showWallClock(zone, new Date(last.endedAt)),
    last === null ? "" : `${last.result}: ${last.reason}`,
  ]);
  const table = [["TASK", "SERVICE", `NEXT (${tasks[0]?.zone ?? "no tasks"})`, "LAST", "RESULT"], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The run that has ended, in one line. */
export function formatRecord({ task, result, reason, startedAt, endedAt }: TaskRecord): string {
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  return `${task}: ${result} after ${seconds.toFixed(seconds < 10 ? 1 : 0)} s: ${reason}`;
}

function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const result = schema.safeParse(answer);
  if (!result.success) {
    throw new UserError(
      `${what}: its answer is not what this checkout expects: their versions differ, run ./fitnesscrm up`,
    );
  }
  return result.data;
}
