/** Waiting until a service is as its specification says. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { filters, type Reader } from "../engine";
import { failureReason } from "./reason";
import type { WireService, WireTask } from "./wire";

const POLL_MS = 500;
/** How long a task without a health check has to stay up before it counts as running. */
const SETTLE_MS = 2000;
/** After this long without an update status, tasks count by their state alone; see {@link upToDate}. */
const STATUS_MS = 10_000;

/** `rolledBack`: the engine put the old specification back. `paused`: it does nothing more by itself. */
type Outcome = "rolledBack" | "paused" | "late";

/** The service did not become what it should be. */
export class NotConverged extends Error {
  constructor(
    message: string,
    readonly outcome: Outcome,
  ) {
    super(message);
    this.name = "NotConverged";
  }
}

export interface Wait {
  readonly timeoutMs: number;
  /** Words for the limit in messages, e.g. `3m`. */
  readonly timeout: string;
  readonly signal: AbortSignal;
  /** When the service was made or changed, milliseconds on the engine's clock. */
  readonly since: number;
}

/** Resolves when every replica runs (and is healthy, where it has a health check); throws {@link NotConverged}. */
export async function converge(engine: Reader, id: string, wait: Wait): Promise<void> {
  const started = Date.now();
  const up = new Map<string, number>();
  for (;;) {
    const service = await engine.get<WireService>(`/services/${id}`);
    const verdict = await judge(engine, service, wait, started, up);
    if (verdict) return;
    if (Date.now() - started >= wait.timeoutMs) {
      const why = await failureReason(engine, id, wait.since);
      throw new NotConverged(
        `the service ${service.Spec.Name} did not converge within ${wait.timeout}: ${why ?? "its tasks are not all running yet"}`,
        "late",
      );
    }
    await sleep(POLL_MS, undefined, { signal: wait.signal });
  }
}

async function judge(
  engine: Reader,
  service: WireService,
  wait: Wait,
  started: number,
  up: Map<string, number>,
): Promise<boolean> {
  const status = service.UpdateStatus;
  const failed = async (what: string, outcome: Outcome): Promise<never> => {
    const why = await failureReason(engine, service.ID, wait.since);
    throw new NotConverged(`the service ${service.Spec.Name} ${what}: ${why ?? status?.Message}`, outcome);
  };
  switch (status?.State) {
    case "rollback_completed":
      return failed("was rolled back to what it was before", "rolledBack");
    case "paused":
      return failed("has its update paused", "paused");
    case "rollback_paused":
      return failed("could not be updated, and its rollback is paused", "paused");
    case "updating":
    case "rollback_started":
      return false;
  }
  const wanted = await engine.get<WireTask[]>(
    "/tasks",
    filters({ service: [service.ID], "desired-state": ["running"] }),
  );
  const replicas = service.Spec.Mode?.Replicated?.Replicas ?? 1;
  const running = wanted.filter(({ Status }) => Status.State === "running");
  if (running.length !== replicas || wanted.length !== replicas) return false;
  // The engine tells nothing of an update at first, and nothing at all when no task has to change.
  const settled = status?.State === "completed" || Date.now() - started >= STATUS_MS;
  if (!settled && !running.every((task) => upToDate(task, service))) return false;
  return staysUp(running, up);
}

const upToDate = (task: WireTask, service: WireService): boolean =>
  isDeepStrictEqual(task.Spec, service.Spec.TaskTemplate);

/** A health check has proven a task already; one without is watched for a moment, since it may end at once. */
function staysUp(running: readonly WireTask[], up: Map<string, number>): boolean {
  const now = Date.now();
  for (const task of running) if (!up.has(task.ID)) up.set(task.ID, now);
  return running.every(({ ID, Spec }) => {
    const checked = (Spec.ContainerSpec?.Healthcheck?.Test ?? []).length > 0;
    return checked || now - (up.get(ID) ?? now) >= SETTLE_MS;
  });
}
