import { z } from "zod";
import { zoneProblem } from "../../wallClock";
import { calendarProblem } from "./calendar";

/** The container in which a task runs. Only `restore` can decrypt a backup. */
export const TASK_SERVICES = ["ops", "restore"] as const;
export type TaskService = (typeof TASK_SERVICES)[number];

const taskDefinition = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, "must be lower-case letters, digits and dashes"),
  service: z.enum(TASK_SERVICES),
  cron: z.string().superRefine((cron, context) => {
    const problem = calendarProblem(cron);
    if (problem !== undefined) {
      context.addIssue({ code: "custom", message: problem });
    }
  }),
  hoursBefore: z.int().min(1).max(168).optional(),
  limitMinutes: z.int().min(1).max(1440),
  missed: z.enum(["run", "skip"]),
  failure: z.string().min(1),
});

/** One task of the operations calendar. */
export interface TaskDefinition {
  /** Unique: names the task's files and its work. */
  readonly name: string;
  readonly service: TaskService;
  /** Minute, hour, day of month, month and weekday of the wall clock, as in crontab(5); `SUN#1` is the first Sunday. */
  readonly cron: string;
  /** Runs come so many hours before the times of `cron`: the notice of a maintenance window (M38). */
  readonly hoursBefore?: number | undefined;
  /** A run that takes longer is ended and has failed. */
  readonly limitMinutes: number;
  /** What becomes of a run whose time passed while its container did not run: `run` makes up for it at the next start. */
  readonly missed: "run" | "skip";
  /** What a failure means to people, starting with its severity (M60). */
  readonly failure: string;
}

/** The calendar as its file has it (`tasks.json`). */
export interface TaskCalendar {
  /** IANA zone of every `cron`. */
  readonly timeZone: string;
  readonly tasks: readonly TaskDefinition[];
}

const taskCalendar = z.strictObject({
  timeZone: z.string().superRefine((zone, context) => {
    const problem = zoneProblem(zone);
    if (problem !== undefined) {
      context.addIssue({ code: "custom", message: problem });
    }
  }),
  tasks: z.array(taskDefinition).superRefine((tasks, context) => {
    const names = tasks.map(({ name }) => name);
    for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index))) {
      context.addIssue({ code: "custom", message: `${name} is defined twice` });
    }
  }),
});

/**
 * Reads the calendar's file.
 *
 * @param where Names the file in errors.
 * @throws Error of one line for what is wrong with it.
 */
export function parseCalendar(text: string, where = "tasks.json"): TaskCalendar {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`${where}: is not JSON: it is made by ./fitnesscrm up`);
  }
  const result = taskCalendar.safeParse(json);
  if (!result.success) {
    const faults = result.error.issues.map(
      ({ path, message }) => `${path.length === 0 ? "" : `${path.join(".")}: `}${message}`,
    );
    throw new Error(`${where}: ${faults.join("; ")}`);
  }
  return result.data;
}
