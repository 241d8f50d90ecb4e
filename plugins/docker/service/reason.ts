/** Why a service's tasks do not run, in words. */
import { filters, type Reader } from "../engine";
import type { WireTask } from "./wire";

/** Task states that a task does not come back from. */
const ENDED = new Set(["failed", "rejected", "shutdown", "complete", "orphaned", "remove"]);
/** How much of a health check's last output is told, characters. */
const OUTPUT_LIMIT = 400;

interface Container {
  readonly State?: {
    readonly Health?: {
      readonly Status?: string;
      readonly FailingStreak?: number;
      readonly Log?: { readonly ExitCode: number; readonly Output: string }[] | null;
    };
  };
}

export const tasksOf = (engine: Reader, serviceId: string): Promise<WireTask[]> =>
  engine.get<WireTask[]>("/tasks", filters({ service: [serviceId] }));

/**
 * One line about the newest task that failed or does not start, with the last word of its health check; undefined when
 * every task does well. `since` leaves out what failed before that time, milliseconds.
 */
export async function failureReason(
  engine: Reader,
  serviceId: string,
  since: number,
): Promise<string | undefined> {
  const tasks = (await tasksOf(engine, serviceId))
    .filter((task) => Date.parse(task.CreatedAt) >= since)
    .sort((a, b) => Date.parse(b.CreatedAt) - Date.parse(a.CreatedAt));
  const failed = tasks.find(({ Status }) => Status.State === "failed" || Status.State === "rejected");
  const stuck = tasks.find(({ Status }) => Status.State !== "running" && !ENDED.has(Status.State));
  // A task that ended says more than one that is only late, and the first one to fail was often stopped as a failure.
  const task = failed ?? stuck ?? tasks.find(({ Status }) => Status.Err);
  if (!task) return undefined;
  const health = await healthOf(engine, task);
  const { State, Err, Message } = task.Status;
  return [`task ${task.ID} is ${State}: ${Err || Message || "no reason given"}`, health]
    .filter(Boolean)
    .join("; ");
}

/** What the health check said last; undefined when there is none, or the container is gone or on another node. */
async function healthOf(engine: Reader, task: WireTask): Promise<string | undefined> {
  const id = task.Status.ContainerStatus?.ContainerID;
  if (!id) return undefined;
  const container = await engine.find<Container>(`/containers/${id}/json`);
  const health = container?.State?.Health;
  const failed = health?.Log?.filter(({ ExitCode }) => ExitCode !== 0) ?? [];
  const spoke = failed.filter(({ Output }) => Output.trim() !== "");
  // The last check may have been killed with its container, and have had no time to speak, or have been begun too late: then the engine's
  // own trouble with it stands there, as -1.
  const last = spoke.findLast(({ ExitCode }) => ExitCode > 0) ?? spoke.at(-1) ?? failed.at(-1);
  if (!last) return health?.Status === "starting" ? "its health check has not passed yet" : undefined;
  const said = last.Output.replace(/\s+/g, " ").trim().slice(0, OUTPUT_LIMIT);
  return `its health check ended with ${last.ExitCode}${said ? `: ${said}` : " and said nothing"}`;
}
