import assert from "node:assert/strict";
import type { Reader } from "../../../../plugins/docker/engine";
import { converge, NotConverged, type Wait } from "../../../../plugins/docker/service/converge";
import type { WireService, WireTask, WireTaskTemplate } from "../../../../plugins/docker/service/wire";

const NEW: WireTaskTemplate = { ContainerSpec: { Image: "img:2", Healthcheck: { Test: ["CMD", "true"] } } };
const OLD: WireTaskTemplate = { ContainerSpec: { Image: "img:1", Healthcheck: { Test: ["CMD", "true"] } } };

const task = (ID: string, State: string, more: Partial<WireTask> = {}, status: object = {}): WireTask => ({
  ID,
  CreatedAt: "2026-01-01T00:00:10Z",
  DesiredState: "running",
  Spec: NEW,
  ...more,
  Status: { State, ...status },
});

/** One look at the service: its update status and its tasks. */
interface Look {
  readonly status?: WireService["UpdateStatus"];
  readonly tasks: readonly WireTask[];
}

const LOG = [
  { ExitCode: 0, Output: "fine" },
  { ExitCode: 1, Output: "no\n connection " },
  { ExitCode: 137, Output: "" },
  { ExitCode: -1, Output: "OCI runtime exec failed: broken pipe" },
];

/** An engine that shows one look after the other, and the last one from then on. */
function engine(looks: readonly Look[], replicas: number): Reader & { readonly seen: () => number } {
  let at = -1;
  const look = (): Look => looks[Math.min(at, looks.length - 1)] ?? { tasks: [] };
  const answer = (path: string, query?: Readonly<Record<string, string | number>>): unknown => {
    if (path.startsWith("/services/")) {
      at += 1;
      const Spec = { Name: "svc", TaskTemplate: NEW, Mode: { Replicated: { Replicas: replicas } } };
      return { ID: "id", Version: { Index: 1 }, Spec, UpdateStatus: look().status };
    }
    if (path === "/tasks") {
      const wanted = String(query?.filters).includes("desired-state");
      return look().tasks.filter((one) => !wanted || one.DesiredState === "running");
    }
    return { State: { Health: { Status: "unhealthy", Log: LOG } } };
  };
  return {
    get: async <T>(path: string, query?: Readonly<Record<string, string | number>>) =>
      answer(path, query) as T,
    find: async <T>(path: string) => answer(path) as T,
    seen: () => at + 1,
  };
}

const wait = (timeoutMs = 5000): Wait => ({
  timeoutMs,
  timeout: "5s",
  signal: new AbortController().signal,
  since: Date.parse("2026-01-01T00:00:00Z"),
});

const failure = (looks: readonly Look[], limit?: number): Promise<NotConverged> =>
  converge(engine(looks, 1), "id", wait(limit)).then(
    () => assert.fail("the service converged"),
    (error: unknown) => {
      assert.ok(error instanceof NotConverged);
      return error;
    },
  );

const dead = task(
  "t2",
  "failed",
  { DesiredState: "shutdown" },
  {
    Err: "task: non-zero exit (137): dockerexec: unhealthy container",
    ContainerStatus: { ContainerID: "c2" },
  },
);

describe("waiting for a service", () => {
  it("ends when every replica runs", async () => {
    const fake = engine(
      [{ tasks: [task("a", "starting")] }, { tasks: [task("a", "running"), task("b", "running")] }],
      2,
    );
    await converge(fake, "id", wait());
    assert.equal(fake.seen(), 2);
  });

  it("does not take tasks of the former specification for the new ones", async () => {
    const fake = engine(
      [
        { tasks: [task("a", "running", { Spec: OLD })] },
        { status: { State: "updating" }, tasks: [task("a", "running", { Spec: OLD })] },
        { status: { State: "completed" }, tasks: [task("b", "running")] },
      ],
      1,
    );
    await converge(fake, "id", wait());
    assert.equal(fake.seen(), 3);
  });

  it("ends at once for a service that is to run nothing", async () => {
    await converge(engine([{ tasks: [] }], 0), "id", wait());
  });

  it("watches a task without a health check for a moment", async () => {
    const bare: WireTaskTemplate = { ContainerSpec: { Image: "img:2" } };
    const fake = engine(
      [{ status: { State: "completed" }, tasks: [task("a", "running", { Spec: bare })] }],
      1,
    );
    const started = Date.now();
    await converge(fake, "id", wait());
    assert.ok(Date.now() - started >= 2000);
  });

  it("tells why it was rolled back, and that it was", async () => {
    const error = await failure([
      { status: { State: "rollback_started" }, tasks: [dead] },
      {
        status: { State: "rollback_completed", Message: "rollback completed" },
        tasks: [dead, task("t3", "running")],
      },
    ]);
    assert.equal(error.outcome, "rolledBack");
    assert.equal(
      error.message,
      "the service svc was rolled back to what it was before: task t2 is failed: task: non-zero exit (137): " +
        "dockerexec: unhealthy container; its health check ended with 1: no connection",
    );
  });

  it("tells that an update was paused", async () => {
    const error = await failure([
      { status: { State: "paused", Message: "update paused due to failure" }, tasks: [] },
    ]);
    assert.equal(error.message, "the service svc has its update paused: update paused due to failure");
    assert.equal(error.outcome, "paused");
  });

  it("tells what is wrong when its time is up", async () => {
    const pending = task("t1", "pending", {}, { Err: "no suitable node (insufficient memory)" });
    const error = await failure([{ tasks: [pending] }], 0);
    assert.equal(
      error.message,
      "the service svc did not converge within 5s: task t1 is pending: no suitable node (insufficient memory)",
    );
  });

  it("does not blame a task that failed before the change", async () => {
    const former = { ...dead, CreatedAt: "2025-12-31T00:00:00Z" };
    const error = await failure([{ tasks: [former] }], 0);
    assert.equal(
      error.message,
      "the service svc did not converge within 5s: its tasks are not all running yet",
    );
  });

  it("ends when the engine is told to cancel", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    const waiting = converge(engine([{ tasks: [] }], 1), "id", { ...wait(), signal: stop.signal });
    await assert.rejects(waiting, { name: "AbortError" });
  });
});
