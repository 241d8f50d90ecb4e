/** What the upstream schema says about a service's properties, and the checks that it makes. */
import { type Failure, type Props, UNKNOWN } from "../../lib/types";
import { parseDuration } from "../durations";
import { type Shape, valuesAt } from "../project";

const UPDATE_DEFAULTS = {
  parallelism: 1,
  delay: "0s",
  failureAction: "pause",
  monitor: "5s",
  maxFailureRatio: "0.0",
  order: "stop-first",
};
const CONTAINER = "taskSpec.containerSpec";
const FILE_DEFAULTS = { fileUid: "0", fileGid: "0", fileMode: 0o444 };

const under = (path: string, defaults: Props): Props =>
  Object.fromEntries(Object.entries(defaults).map(([key, value]) => [`${path}.${key}`, value]));

export const shape: Shape = {
  sets: {
    labels: ["label"],
    "taskSpec.networksAdvanceds": ["id"],
    "taskSpec.networksAdvanceds[*].aliases": [],
    "taskSpec.networksAdvanceds[*].driverOpts": [],
    "taskSpec.placement.constraints": [],
    "taskSpec.placement.prefs": [],
    "taskSpec.placement.platforms": ["architecture", "os"],
    "taskSpec.resources.reservation.genericResources.namedResourcesSpecs": [],
    "taskSpec.resources.reservation.genericResources.discreteResourcesSpecs": [],
    [`${CONTAINER}.labels`]: ["label"],
    [`${CONTAINER}.mounts`]: ["target"],
    [`${CONTAINER}.mounts[*].volumeOptions.labels`]: ["label"],
    [`${CONTAINER}.hosts`]: ["ip", "host"],
    [`${CONTAINER}.secrets`]: ["secretId", "fileName"],
    [`${CONTAINER}.configs`]: ["configId", "fileName"],
  },
  computed: [
    "endpointSpec",
    "endpointSpec.mode",
    "endpointSpec.ports[*].publishedPort",
    "mode",
    "mode.replicated",
    "taskSpec.forceUpdate",
    "taskSpec.placement",
    "taskSpec.placement.platforms",
    "taskSpec.resources",
    "taskSpec.restartPolicy",
    "taskSpec.restartPolicy.*",
    "taskSpec.runtime",
    `${CONTAINER}.dnsConfig`,
    `${CONTAINER}.healthcheck`,
    `${CONTAINER}.init`,
    `${CONTAINER}.stopGracePeriod`,
    `${CONTAINER}.sysctl`,
    `${CONTAINER}.secrets[*].secretName`,
    `${CONTAINER}.configs[*].configName`,
  ],
  durations: [
    ...["updateConfig", "rollbackConfig"].flatMap((config) => [`${config}.delay`, `${config}.monitor`]),
    "taskSpec.restartPolicy.delay",
    "taskSpec.restartPolicy.window",
    `${CONTAINER}.stopGracePeriod`,
    ...["interval", "timeout", "startPeriod"].map((key) => `${CONTAINER}.healthcheck.${key}`),
    "convergeConfig.delay",
    "convergeConfig.timeout",
  ],
  defaults: {
    ...under("convergeConfig", { delay: "7s", timeout: "3m" }),
    ...under("updateConfig", UPDATE_DEFAULTS),
    ...under("rollbackConfig", UPDATE_DEFAULTS),
    ...under("mode", { global: false }),
    ...under("mode.replicated", { replicas: 1 }),
    ...under("endpointSpec.ports[*]", { protocol: "tcp", publishMode: "ingress" }),
    ...under(CONTAINER, { isolation: "default" }),
    ...under(`${CONTAINER}.healthcheck`, { interval: "0s", timeout: "0s", startPeriod: "0s", retries: 0 }),
    ...under(`${CONTAINER}.secrets[*]`, FILE_DEFAULTS),
    ...under(`${CONTAINER}.configs[*]`, FILE_DEFAULTS),
  },
  unreadable: ["auth", "convergeConfig"],
};

/** Allowed texts by path. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  "updateConfig.failureAction": ["pause", "continue", "rollback"],
  "rollbackConfig.failureAction": ["pause", "continue"],
  "updateConfig.order": ["stop-first", "start-first"],
  "rollbackConfig.order": ["stop-first", "start-first"],
  "endpointSpec.mode": ["vip", "dnsrr"],
  "endpointSpec.ports[*].protocol": ["tcp", "udp", "sctp"],
  "endpointSpec.ports[*].publishMode": ["host", "ingress"],
  "taskSpec.restartPolicy.condition": ["none", "on-failure", "any"],
  "taskSpec.runtime": ["container", "plugin"],
  [`${CONTAINER}.isolation`]: ["default", "process", "hyperv"],
  [`${CONTAINER}.mounts[*].type`]: ["bind", "volume", "tmpfs"],
  [`${CONTAINER}.mounts[*].bindOptions.propagation`]: [
    ...["private", "rprivate", "shared", "rshared", "slave", "rslave"],
  ],
};

const COUNTS: readonly string[] = [
  "mode.replicated.replicas",
  "updateConfig.parallelism",
  "rollbackConfig.parallelism",
  "taskSpec.forceUpdate",
  "taskSpec.placement.maxReplicas",
  "taskSpec.restartPolicy.maxAttempts",
  `${CONTAINER}.healthcheck.retries`,
  `${CONTAINER}.secrets[*].fileMode`,
  `${CONTAINER}.configs[*].fileMode`,
];

/** Everything that is wrong with the inputs. Values that are not known yet are left alone. */
export function checkService(inputs: Props): Failure[] {
  const failures: Failure[] = [];
  const each = (pattern: string, reason: (value: unknown) => string | undefined): void => {
    for (const [property, value] of valuesAt(inputs, pattern)) {
      const why = value === undefined || value === UNKNOWN ? undefined : reason(value);
      if (why !== undefined) failures.push({ property, reason: why });
    }
  };
  for (const pattern of shape.durations) {
    each(pattern, (value) =>
      parseDuration(value) === undefined
        ? `is ${show(value)}, but must be a duration such as 10s or 1m30s`
        : undefined,
    );
  }
  for (const [pattern, allowed] of Object.entries(CHOICES)) {
    each(pattern, (value) =>
      allowed.includes(value as string)
        ? undefined
        : `is ${show(value)}, but must be one of ${allowed.join(", ")}`,
    );
  }
  for (const pattern of COUNTS) {
    each(pattern, (value) =>
      Number.isInteger(value) && (value as number) >= 0
        ? undefined
        : `is ${show(value)}, but must be a whole number from 0 on`,
    );
  }
  for (const config of ["updateConfig", "rollbackConfig"]) {
    each(`${config}.maxFailureRatio`, (value) =>
      Number(value) >= 0 && Number(value) <= 1
        ? undefined
        : `is ${show(value)}, but must lie between 0.0 and 1.0`,
    );
  }
  each("taskSpec.networksAdvanceds[*]", (value) => {
    const { id, name } = value as Props;
    return id === undefined && name === undefined ? "needs the id or the name of a network" : undefined;
  });
  return [...failures, ...conflicts(inputs)];
}

function conflicts(inputs: Props): Failure[] {
  const mode = inputs.mode as { global?: unknown; replicated?: unknown } | undefined;
  if (mode?.global !== true) return [];
  const failures: Failure[] = [];
  if (mode.replicated !== undefined) {
    failures.push({ property: "mode", reason: "is both global and replicated; give one of them" });
  }
  if (inputs.convergeConfig !== undefined) {
    failures.push({ property: "convergeConfig", reason: "is not possible for a global service" });
  }
  return failures;
}

const show = (value: unknown): string => (typeof value === "string" ? `"${value}"` : JSON.stringify(value));
