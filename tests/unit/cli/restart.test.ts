import assert from "node:assert/strict";
import type { StackServiceInfo, TaskInfo } from "../../../cli/docker";
import { UserError } from "../../../cli/errors";
import { interruptionOf, replaceTasks } from "../../../cli/restart";

interface Moment {
  updateState?: string;
  updateMessage?: string;
  tasks: TaskInfo[];
}

const task = (id: string, state = "running", more: Partial<TaskInfo> = {}): TaskInfo => ({
  id,
  serviceId: "s1",
  nodeId: "n1",
  desiredState: "running",
  state,
  createdAt: "2026-01-01T00:00:00Z",
  ...more,
});
const stopped = (id: string): TaskInfo => task(id, "shutdown", { desiredState: "shutdown" });

/** An engine that is one moment further each time it is waited for; the first one is before the restart. */
function engineOf(replicas: number | undefined, moments: readonly Moment[]) {
  let at = 0;
  const calls: string[] = [];
  const now = (): Moment => {
    const moment = moments[at];
    assert.ok(moment !== undefined, "the restart goes on after the last moment");
    return moment;
  };
  const service = async (): Promise<StackServiceInfo> => ({
    id: "s1",
    name: "fitnesscrm-unit-backend",
    service: "backend",
    ...(replicas !== undefined && { replicas }),
    ...(now().updateState !== undefined && { updateState: now().updateState }),
    ...(now().updateMessage !== undefined && { updateMessage: now().updateMessage }),
    publishedPorts: [],
  });
  return {
    calls,
    pause: async () => {
      at += 1;
    },
    docker: {
      service,
      tasks: async () => now().tasks,
      runChecked: async (_: string, args: readonly string[]) => {
        calls.push(args.join(" "));
        at += 1;
        return "";
      },
    },
  };
}

async function replace(replicas: number | undefined, moments: readonly Moment[]) {
  const { calls, docker, pause } = engineOf(replicas, moments);
  const progress: string[] = [];
  const result = await replaceTasks(docker, "unit", "backend", (text) => progress.push(text), pause).then(
    (count) => ({ count }),
    (error: unknown) => ({ error }),
  );
  return { calls, progress, result };
}

describe("restarting a service (M4)", () => {
  it("forces an update of the same specification and waits until every task is a new one", async () => {
    const { calls, progress, result } = await replace(2, [
      { updateState: "completed", tasks: [task("a"), task("b")] },
      { tasks: [task("a"), task("b")] },
      { updateState: "updating", tasks: [task("c", "starting"), task("a"), task("b")] },
      { updateState: "updating", tasks: [task("c"), stopped("a"), task("b")] },
      { updateState: "completed", tasks: [task("d"), task("c"), stopped("a"), stopped("b")] },
    ]);
    assert.deepEqual(calls, ["service update --force --detach --quiet fitnesscrm-unit-backend"]);
    assert.deepEqual(result, { count: 2 });
    assert.deepEqual(progress, [
      "0 of 2 tasks replaced",
      "0 of 2 tasks replaced",
      "1 of 2 tasks replaced",
      "2 of 2 tasks replaced",
    ]);
  });

  it("does not take an earlier update's end for its own", async () => {
    const { result } = await replace(1, [
      { updateState: "completed", tasks: [task("a")] },
      { updateState: "completed", tasks: [task("a")] },
      { updateState: "completed", tasks: [task("b"), stopped("a")] },
    ]);
    assert.deepEqual(result, { count: 1 });
  });

  it("counts the tasks of a service that runs once on every node", async () => {
    const { result } = await replace(undefined, [
      { tasks: [task("a"), task("b"), stopped("x")] },
      { updateState: "completed", tasks: [task("c"), task("d"), stopped("a"), stopped("b")] },
    ]);
    assert.deepEqual(result, { count: 2 });
  });

  const failures: [string, Moment, string][] = [
    [
      "that was rolled back",
      {
        updateState: "rollback_completed",
        updateMessage: "rollback completed",
        tasks: [task("b", "failed", { error: "task: unhealthy container" }), task("a")],
      },
      "the new task did not get healthy (task: unhealthy container), the old specification runs again",
    ],
    [
      "that the engine gave up",
      { updateState: "paused", updateMessage: "update paused due to failure", tasks: [task("a")] },
      "the new task did not get healthy (update paused due to failure), the engine does not go on",
    ],
  ];
  for (const [what, moment, reason] of failures) {
    it(`names the reason of one ${what}`, async () => {
      const { result } = await replace(1, [{ tasks: [task("a")] }, moment]);
      assert.deepEqual(result, {
        error: new UserError(`restart of backend: ${reason}: see ./fitnesscrm logs backend`),
      });
    });
  }

  const race = (id: string) =>
    task(id, "failed", {
      error:
        "starting container failed: unable to remount dir as readonly: mount tmpfs:/x/mounts/secrets, flags: 0x21: device or resource busy",
    });

  it("restarts once more when the engine gave up for a race of its own", async () => {
    const { calls, progress, result } = await replace(1, [
      { tasks: [task("a")] },
      { updateState: "updating", tasks: [task("a")] },
      { updateState: "rollback_completed", tasks: [race("b"), task("a")] },
      { updateState: "updating", tasks: [race("b"), task("a")] },
      { updateState: "completed", tasks: [task("c"), race("b"), stopped("a")] },
    ]);
    assert.equal(calls.length, 2);
    assert.deepEqual(result, { count: 1 });
    assert.match(progress.join("\n"), /device or resource busy.*; trying again$/m);
  });

  it("gives up when the race is lost three times", async () => {
    const lost = ["b", "c", "d"].map((id) => ({
      updateState: "rollback_completed",
      tasks: [race(id), task("a")],
    }));
    const { calls, result } = await replace(1, [{ tasks: [task("a")] }, ...lost]);
    assert.equal(calls.length, 3);
    assert.match(
      String((result as { error: unknown }).error),
      /device or resource busy.*the old specification runs again/,
    );
  });

  for (const replicas of [0, undefined]) {
    it(`starts nothing that is stopped (${replicas === 0 ? "no task wanted" : "on no node"})`, async () => {
      const { calls, result } = await replace(replicas, [{ tasks: [stopped("a")] }]);
      assert.deepEqual(calls, []);
      assert.deepEqual(result, {
        error: new UserError("service backend of stack unit is stopped: ./fitnesscrm up starts it"),
      });
    });
  }

  it("interrupts nothing of users' with backend and frontend, and says what it does with the rest", () => {
    assert.equal(interruptionOf("backend"), undefined);
    assert.equal(interruptionOf("frontend"), undefined);
    for (const service of ["db", "redis", "nginx", "ops", "restore"]) {
      assert.notEqual(interruptionOf(service), undefined, service);
    }
  });
});
