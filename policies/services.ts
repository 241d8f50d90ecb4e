import { type Basis, known, type Rule, resourceRule, stackRule } from "./lib/rule";
import { container, megabytes, SERVICE, type Service, seconds, serviceName, task } from "./lib/service";
import { atMost } from "./lib/settings";

const CONTAINER = "docker:index/container:Container";

const START: Basis = { row: "M1", says: "Start production environment" };
const HEALTH: Basis = { row: "M5", says: "Run Health Check" };
const MEMORY: Basis = { row: "M35", says: "Out of Memory: Increase container memory limits" };
const CPU: Basis = { row: "M33", says: "High CPU Usage: Check for infinite loops in code" };
const LOGS: Basis = { row: "M55", says: "Logs: Rotate logs daily, Clean up disk space" };
const STARTS: Basis = {
  row: "M32",
  says: "Service Won't Start: Container fails to start or crashes immediately",
};
const VERSIONS: Basis = { row: "M19", says: "Identify Previous Version" };

/** Megabytes of log that a container may keep, all files together. */
const LOG_MEGABYTES = 500;

/** The application, what backs it up, and what measures it. */
const NEEDED = ["db", "redis", "backend", "frontend", "nginx", "ops", "restore", "engine", "agent"] as const;

/** What measures the node that it runs on. */
const PER_NODE: readonly string[] = ["engine", "agent"];

/** Longest time in which a container that hangs is found out, seconds. */
const DETECTION_SECONDS = 120;
/** The engine's own, where a health check says nothing, seconds. */
const ENGINE_HEALTH_CHECK = { interval: "30s", timeout: "30s", retries: 3 } as const;

const present = stackRule(
  {
    name: "services-present",
    section: "Deployment Procedures",
    basis: START,
    demands:
      "The stack has the services of the application, and each service says by a label which one it is.",
  },
  ({ complete, of, judge }) => {
    const services = of(SERVICE);
    for (const needed of NEEDED) {
      judge.must(
        () => !complete || services.some(({ props }) => serviceName(props) === needed),
        `has no service ${needed}`,
        `a docker.Service with the label fitnesscrm.service = ${needed}`,
      );
    }
    for (const service of services) {
      service.judge.must(
        () => serviceName(service.props) !== undefined,
        "does not say which service it is, so that no rule can know what it may do",
        "the label fitnesscrm.service",
      );
    }
  },
);

const health = resourceRule(
  {
    name: "service-health-check",
    section: "Troubleshooting",
    basis: HEALTH,
    demands: "Every service has a health check of its own.",
    types: [SERVICE],
    settings: {
      detectWithinSeconds: atMost(
        DETECTION_SECONDS,
        "Longest time in which a container that hangs is found out.",
      ),
    },
  },
  ({ props }, judge, { detectWithinSeconds }) => {
    const check = () => container(props).healthcheck;
    judge.must(
      () => {
        const [kind = "", command = ""] = check()?.tests ?? [];
        return ["CMD", "CMD-SHELL"].includes(kind) && command.trim() !== "";
      },
      () =>
        `has ${check()?.tests === undefined ? "no health check" : `the health check ${JSON.stringify(check()?.tests)}`}`,
      "taskSpec.containerSpec.healthcheck.tests of CMD or CMD-SHELL and a command",
    );
    const { interval, timeout, retries } = ENGINE_HEALTH_CHECK;
    const found = () =>
      (seconds(check()?.interval ?? interval) + seconds(check()?.timeout ?? timeout)) *
      (check()?.retries ?? retries);
    judge.must(
      () => check()?.tests === undefined || (found() > 0 && found() <= detectWithinSeconds),
      () => `has a health check that finds out in ${found()} seconds`,
      `interval, timeout and retries above 0 that come to ${detectWithinSeconds} seconds or less`,
    );
  },
);

const limits = resourceRule(
  {
    name: "service-resource-limits",
    section: "Troubleshooting",
    basis: MEMORY,
    demands:
      "Every service has a memory limit and a CPU limit, and so has every folder that it keeps in memory.",
    types: [SERVICE],
  },
  ({ props }, judge) => {
    judge.must(
      () => (task(props).resources?.limits?.memoryBytes ?? 0) > 0,
      "has no memory limit",
      "taskSpec.resources.limits.memoryBytes above 0",
    );
    judge.must(
      () => (task(props).resources?.limits?.nanoCpus ?? 0) > 0,
      "has no CPU limit",
      "taskSpec.resources.limits.nanoCpus above 0",
      CPU,
    );
    const mounts = known(() => container(props).mounts) ?? [];
    for (let index = 0; index < mounts.length; index++) {
      judge.must(
        () => mounts[index]?.type !== "tmpfs" || (mounts[index]?.tmpfsOptions?.sizeBytes ?? 0) > 0,
        () => `keeps ${mounts[index]?.target} in memory without a limit`,
        "mounts[].tmpfsOptions.sizeBytes above 0",
      );
    }
  },
);

const logs = resourceRule(
  {
    name: "service-log-limits",
    section: "Performance Optimization",
    basis: LOGS,
    demands: "Every service's log is rotated and cannot fill the disk.",
    types: [SERVICE],
    settings: {
      megabytes: atMost(LOG_MEGABYTES, "Megabytes of log kept for a container, all files together."),
    },
    remedy: {
      fills: "the log driver json-file, five files of 10 MB",
      apply: (props) =>
        withTask(props, "logDriver", { name: "json-file", options: { "max-size": "10m", "max-file": "5" } }),
    },
  },
  ({ props }, judge, { megabytes: limit }) => {
    const driver = () => task(props).logDriver;
    const rotates = () => ["json-file", "local"].includes(driver()?.name ?? "");
    judge.must(
      rotates,
      () => `has ${driver()?.name === undefined ? "no log driver" : `the log driver ${driver()?.name}`}`,
      "taskSpec.logDriver json-file or local, with max-size and max-file",
    );
    const size = () => megabytes(driver()?.options?.["max-size"]);
    const files = () => Number(driver()?.options?.["max-file"]);
    judge.must(
      () => !rotates() || (size() > 0 && files() >= 2),
      "does not rotate its log",
      'logDriver.options with max-size such as "10m" and max-file of 2 or more',
    );
    judge.must(
      () => !rotates() || !(size() * files() > limit),
      () => `keeps ${Math.ceil(size() * files())} MB of log`,
      `max-size and max-file that come to ${limit} MB or less`,
    );
  },
);

const restart = resourceRule(
  {
    name: "service-restart",
    section: "Troubleshooting",
    basis: STARTS,
    demands: "Every service is started again whenever it ends, without limit.",
    types: [SERVICE],
    remedy: {
      fills: "a restart policy on any condition",
      apply: (props) => withTask(props, "restartPolicy", { condition: "any", delay: "2s", window: "0s" }),
    },
  },
  ({ props }, judge) => {
    const policy = () => task(props).restartPolicy;
    judge.must(
      () => policy()?.condition === "any",
      () => `is started again on the condition ${policy()?.condition ?? "that nobody wrote down"}`,
      'taskSpec.restartPolicy.condition "any"',
    );
    judge.must(
      () => (policy()?.maxAttempts ?? 0) === 0,
      () => `is given up after ${policy()?.maxAttempts} attempts`,
      "restartPolicy.maxAttempts 0, or not set",
    );
  },
);

/** A service with something in its task that nobody declared; undefined where somebody did. */
function withTask<K extends keyof Service["taskSpec"]>(
  props: Service,
  key: K,
  value: Service["taskSpec"][K],
): Service | undefined {
  return task(props)[key] === undefined
    ? { ...props, taskSpec: { ...props.taskSpec, [key]: value } }
    : undefined;
}

const image = resourceRule(
  {
    name: "service-image-version",
    section: "Deployment Procedures",
    basis: VERSIONS,
    demands: "Every service's image says which version it is.",
    types: [SERVICE],
  },
  ({ props }, judge) => {
    const reference = () => container(props).image ?? "";
    judge.must(
      () => namesVersion(reference()),
      () => `runs the image ${reference()}, which may be another one tomorrow`,
      "an image ID (sha256:…), a digest (name@sha256:…), or a tag other than latest",
    );
  },
);

/** True for an image ID, an image by digest, or one by a tag that is not `latest`. */
function namesVersion(reference: string): boolean {
  if (/(^|@)sha256:[0-9a-f]{64}$/.test(reference)) {
    return true;
  }
  // A colon before the last slash belongs to a registry's port.
  const [, tag = ""] = /:([^:/@]+)$/.exec(reference) ?? [];
  return tag !== "" && tag.toLowerCase() !== "latest" && !reference.includes("@");
}

const containers = resourceRule(
  {
    name: "no-single-containers",
    section: "Troubleshooting",
    basis: STARTS,
    demands:
      "What runs is a service: a container on the stack's network stays down when the engine starts again.",
    types: [CONTAINER],
  },
  (_subject, judge) => judge.must(() => false, "is a container of its own", "a docker.Service"),
);

const agent = resourceRule(
  {
    name: "agent-on-every-node",
    section: "Monitoring",
    basis: { row: "M28", says: "Check system resources" },
    demands:
      "The metrics agent and the engine's reader run on every node: one that nobody measures raises no alarm.",
    types: [SERVICE],
  },
  ({ props }, judge) =>
    judge.must(
      () => !PER_NODE.includes(serviceName(props) ?? "") || props.mode?.global === true,
      "does not run on every node",
      "mode.global true",
    ),
);

export const SERVICES: readonly Rule[] = [present, health, limits, logs, restart, image, containers, agent];
