import { type Basis, type Rule, resourceRule } from "./lib/rule";
import { container, SERVICE, type Service, seconds, serviceName } from "./lib/service";
import { atLeast } from "./lib/settings";

const DEPLOY: Basis = { row: "M17", says: "Deploy: Rebuild and restart" };
const RESTART: Basis = { row: "M4", says: "Restart specific service" };
const ROLLBACK: Basis = { row: "M20", says: "Rollback Code" };
const VERIFY: Basis = { row: "M18", says: "Post-Deployment: Verify services" };

/** Services that users talk to and that can run twice for a moment. */
const ROLLING: readonly string[] = ["backend", "frontend"];
/** Services with requests under way when they are told to stop. */
const SERVING: readonly string[] = [...ROLLING, "nginx"];

const DATABASE: readonly string[] = ["db"];

/** Time in which a new task that fails takes the update back, seconds. */
const MONITOR_SECONDS = 5;
/** The engine's own, where an update says nothing. */
const ENGINE_MONITOR = "5s";
/** Time that requests under way are given before their server is killed, seconds. */
const DRAIN_SECONDS = 30;
/** Time that the database is given to write what it holds before it is killed, seconds. */
const DATABASE_STOP_SECONDS = 60;
/** The engine's own, where a service says nothing. */
const ENGINE_GRACE = "10s";

const rolling = resourceRule(
  {
    name: "service-rolling",
    section: "Deployment Procedures",
    basis: DEPLOY,
    demands: `${ROLLING.join(" and ")} are replaced one task at a time, each new one healthy before an old one stops.`,
    types: [SERVICE],
  },
  ({ props }, judge) => {
    const applies = () => ROLLING.includes(serviceName(props) ?? "");
    for (const [what, config] of [
      ["updated", () => props.updateConfig],
      ["rolled back", () => props.rollbackConfig],
    ] as const) {
      const property = what === "updated" ? "updateConfig" : "rollbackConfig";
      judge.must(
        () => !applies() || config()?.order === "start-first",
        () => `is ${what} ${config()?.order ?? "in no declared order"}`,
        `${property}.order "start-first"`,
      );
      judge.must(
        () => !applies() || (config()?.parallelism ?? 1) === 1,
        () => `is ${what} ${config()?.parallelism || "all"} tasks at once`,
        `${property}.parallelism 1, or not set`,
      );
    }
  },
);

const rollback = resourceRule(
  {
    name: "service-rollback",
    section: "Deployment Procedures",
    basis: ROLLBACK,
    demands:
      "A service whose new version does not get healthy is rolled back by the engine, at the first task that fails.",
    types: [SERVICE],
    settings: {
      monitorSeconds: atLeast(
        MONITOR_SECONDS,
        "Seconds for which a new task is watched before it counts as good.",
      ),
    },
  },
  ({ props }, judge, { monitorSeconds }) => {
    judge.must(
      () => props.updateConfig?.failureAction === "rollback",
      () => `does ${props.updateConfig?.failureAction ?? "nothing declared"} when an update fails`,
      'updateConfig.failureAction "rollback"',
    );
    judge.must(
      () => Number(props.updateConfig?.maxFailureRatio ?? 0) === 0,
      () => `lets a share of ${props.updateConfig?.maxFailureRatio} of its new tasks fail`,
      'updateConfig.maxFailureRatio "0.0", or not set',
    );
    judge.must(
      () => seconds(props.updateConfig?.monitor ?? ENGINE_MONITOR) >= monitorSeconds,
      () => `is watched for ${props.updateConfig?.monitor} after an update`,
      `updateConfig.monitor of ${monitorSeconds}s or more`,
    );
  },
);

const awaited = resourceRule(
  {
    name: "service-awaited",
    section: "Deployment Procedures",
    basis: VERIFY,
    demands: "An update waits until the service's tasks are healthy, and fails when they do not get so.",
    types: [SERVICE],
  },
  ({ props }, judge) => {
    // Nothing can wait for a service of no fixed number of tasks.
    const applies = () => props.mode?.global !== true;
    judge.must(
      () => !applies() || props.convergeConfig !== undefined,
      "is left to itself as soon as the engine knows of it",
      "convergeConfig",
    );
    judge.must(
      () =>
        !applies() || props.convergeConfig === undefined || seconds(props.convergeConfig.timeout ?? "3m") > 0,
      () => `is given ${props.convergeConfig?.timeout} to get healthy`,
      "convergeConfig.timeout above 0, or not set",
    );
  },
);

const drain = resourceRule(
  {
    name: "service-stop-grace",
    section: "Deployment Procedures",
    basis: RESTART,
    demands:
      "A server is given the time to finish its requests, and the database the time to write what it holds.",
    types: [SERVICE],
    settings: {
      drainSeconds: atLeast(DRAIN_SECONDS, "Seconds that requests under way are given."),
      databaseSeconds: atLeast(DATABASE_STOP_SECONDS, "Seconds that the database is given."),
    },
  },
  ({ props }, judge, { drainSeconds, databaseSeconds }) => {
    for (const [services, needed] of [
      [SERVING, drainSeconds],
      [DATABASE, databaseSeconds],
    ] as const) {
      judge.must(
        () => !services.includes(serviceName(props) ?? "") || seconds(grace(props)) >= needed,
        () => `is killed ${grace(props)} after it was told to stop`,
        `taskSpec.containerSpec.stopGracePeriod of ${needed}s or more`,
      );
    }
  },
);

function grace(props: Service): string {
  return container(props).stopGracePeriod ?? ENGINE_GRACE;
}

export const UPDATES: readonly Rule[] = [rolling, rollback, awaited, drain];
