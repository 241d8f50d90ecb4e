import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Limits, ServiceName } from "../../config";
import { DATA_NODE_LABEL } from "../../labels";
import type { Rollout } from "../deploy/rollout";

/** A file inside a service's containers that comes from a Swarm config. */
export interface ConfigFile {
  config: docker.ServiceConfig;
  /** Absolute path in the container. */
  path: string;
  executable?: boolean;
}

/** What one command line says of a container's health. */
export interface Probe {
  /** Shell-less command, e.g. `["/usr/local/bin/healthcheck"]`. */
  command: string[];
  /** Failures in the first seconds of a container's life do not count. Default 30 s. */
  startPeriodSeconds?: number;
}

export interface PublishedPort {
  readonly host: number;
  readonly container: number;
}

export interface StackServiceArgs {
  /** The gates that a change of the service goes through. */
  rollout: Rollout;
  /** Stack that the service belongs to; part of its name and its labels. */
  stack: string;
  service: ServiceName;
  /** Overlay network; other services find this one under its service name. */
  network: docker.Network;
  /** Image ID or image by digest. */
  image: pulumi.Input<string>;
  /** Replaces the image's entrypoint. */
  command?: pulumi.Input<string[]>;
  /** Replaces the image's command. */
  args?: pulumi.Input<string[]>;
  /** Never a secret: `docker inspect` shows it. */
  environment?: Record<string, pulumi.Input<string>>;
  /** Swarm secrets by file name below /run/secrets. */
  secrets?: Record<string, docker.Secret>;
  configs?: ConfigFile[];
  /** Volumes by mount point. */
  volumes?: Record<string, pulumi.Input<string>>;
  /** Volumes that the container may not change. */
  readOnlyVolumes?: Record<string, pulumi.Input<string>>;
  /** Read-only folders and files of the host by mount point. */
  hostFolders?: Record<string, string>;
  /** In-memory folders by mount point, MiB. */
  scratchMiB?: Record<string, number>;
  probe: Probe;
  limits: Limits;
  /** Capabilities that come back after all were dropped. */
  capabilities?: string[];
  /** The container cannot write but to its mounts. */
  readOnlyRoot?: boolean;
  /** Tasks, or one on every node. */
  replicas: number | "global";
  /**
   * `roll`: the new task is healthy before the old one stops. `replace`: the old one stops first, because two must never
   * run at once (one data volume, one port of the host).
   */
  update: "roll" | "replace";
  /** Held to the node that has the data. */
  pinned?: boolean;
  /** Ports of the host, on every interface, and the container's. */
  publish?: PublishedPort[];
  /** Seconds between the stop signal and the kill. Default 30. */
  stopGraceSeconds?: number;
  /** What has to have happened before a task of it starts. */
  dependsOn?: pulumi.Input<pulumi.Resource>[];
}

/** Every container's log: rotated by the engine at 10 MiB, five files kept (M55). */
const LOG_DRIVER = { name: "json-file", options: { "max-size": "10m", "max-file": "5" } } as const;

/** What a task may take to become healthy before an update counts as failed. */
const CONVERGE_SECONDS = 180;

/**
 * One Swarm service with what every service of the stack has: a health check, memory and CPU limits (M33, M35), rotated
 * logs (M55), restarts without end, no capabilities but those named, secrets as files, and updates that the engine rolls
 * back by itself.
 *
 * @example
 * new StackService("redis", { stack: "local", service: "redis", network, image, probe: { command: ["/usr/local/bin/healthcheck"] },
 *   limits: { memoryMiB: 384, cpus: 0.5 }, replicas: 1, update: "replace", pinned: true });
 */
export class StackService extends pulumi.ComponentResource {
  /** The Swarm service. What needs it running and healthy depends on it. */
  readonly service: docker.Service;
  /** Full name of the Swarm service, e.g. `fitnesscrm-local-redis`. */
  readonly serviceName: pulumi.Output<string>;

  constructor(name: string, args: StackServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:stack:Service", name, {}, opts);

    const declared = declaration(args);
    args.rollout.declare(args.service, declared);
    this.service = new docker.Service(name, declared, {
      parent: this,
      dependsOn: [args.rollout.before.command, ...(args.dependsOn ?? [])],
      // The name is fixed, so that people and scripts find the service; a replacement must make room first.
      deleteBeforeReplace: true,
      // The provider reports this one as unknown for ever.
      ignoreChanges: ["taskSpec.containerSpec.sysctl"],
      customTimeouts: { create: "10m", update: "10m", delete: "5m" },
    });
    args.rollout.add(this.service);

    this.serviceName = this.service.name;
    this.registerOutputs({ serviceName: this.serviceName });
  }
}

function declaration(args: StackServiceArgs): docker.ServiceArgs {
  return {
    name: `fitnesscrm-${args.stack}-${args.service}`,
    labels: labels(args),
    taskSpec: {
      containerSpec: containerSpec(args),
      networksAdvanceds: [{ id: args.network.id, aliases: [args.service] }],
      resources: { limits: engineLimits(args.limits) },
      // A window that is not set is reported by the engine as "0s", and every preview would show it.
      restartPolicy: { condition: "any", delay: "2s", window: "0s" },
      logDriver: LOG_DRIVER,
      ...(args.pinned && { placement: { constraints: [`node.labels.${DATA_NODE_LABEL}==true`] } }),
    },
    mode: args.replicas === "global" ? { global: true } : { replicated: { replicas: args.replicas } },
    // Names resolve to tasks: the engine's virtual addresses need IPVS, which small kernels lack.
    endpointSpec: { mode: "dnsrr", ...(args.publish && { ports: args.publish.map(publishedPort) }) },
    updateConfig: updateConfig(args.update, "rollback"),
    rollbackConfig: updateConfig(args.update, "pause"),
    // The provider cannot wait for a service of no fixed number of tasks.
    ...(args.replicas !== "global" && {
      convergeConfig: { delay: "1s", timeout: duration(CONVERGE_SECONDS) },
    }),
  };
}

function labels(args: StackServiceArgs): { label: string; value: string }[] {
  return [
    { label: "fitnesscrm.stack", value: args.stack },
    { label: "fitnesscrm.service", value: args.service },
  ];
}

function containerSpec(args: StackServiceArgs): docker.types.input.ServiceTaskSpecContainerSpec {
  return {
    image: args.image,
    ...(args.command !== undefined && { commands: args.command }),
    ...(args.args !== undefined && { args: args.args }),
    ...(args.environment !== undefined && { env: args.environment }),
    readOnly: args.readOnlyRoot ?? false,
    stopGracePeriod: duration(args.stopGraceSeconds ?? 30),
    // The engine tells of a container's memory limit with its use, but not of its CPUs: the agent finds them here.
    labels: [...labels(args), { label: "fitnesscrm.cpus", value: String(args.limits.cpus) }],
    secrets: Object.entries(args.secrets ?? {}).map(([fileName, secret]) => ({
      secretId: secret.id,
      secretName: secret.name,
      fileName,
    })),
    configs: (args.configs ?? []).map(({ config, path, executable }) => ({
      configId: config.id,
      configName: config.name,
      fileName: path,
      fileMode: executable ? 0o555 : 0o444,
    })),
    mounts: mounts(args),
    healthcheck: {
      tests: ["CMD", ...args.probe.command],
      interval: "5s",
      timeout: "5s",
      retries: 3,
      startPeriod: duration(args.probe.startPeriodSeconds ?? 30),
    },
    capDrops: ["ALL"],
    ...(args.capabilities !== undefined && { capAdds: args.capabilities }),
  };
}

/** Seconds as the provider reads them back (`90` is `1m30s`): any other spelling is a change in every preview. */
export function duration(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const text = `${h > 0 ? `${h}h` : ""}${h > 0 || m > 0 ? `${m}m` : ""}${s}s`;
  return text.replace(/(?<=m)0s$/, "").replace(/(?<=h)0m$/, "");
}

function mounts(args: StackServiceArgs): docker.types.input.ServiceTaskSpecContainerSpecMount[] {
  return [
    ...Object.entries(args.volumes ?? {}).map(([target, source]) => ({ type: "volume", source, target })),
    ...Object.entries(args.readOnlyVolumes ?? {}).map(([target, source]) => ({
      type: "volume",
      source,
      target,
      readOnly: true,
      // A reader that comes first would leave its own folder's owner on the volume.
      volumeOptions: { noCopy: true },
    })),
    ...Object.entries(args.hostFolders ?? {}).map(([target, source]) => ({
      type: "bind",
      source,
      target,
      readOnly: true,
    })),
    ...Object.entries(args.scratchMiB ?? {}).map(([target, mib]) => ({
      type: "tmpfs",
      target,
      // No mode: the engine takes the folder's own, and the provider reads some modes back differently.
      tmpfsOptions: { sizeBytes: mib * 1024 * 1024 },
    })),
  ];
}

function engineLimits({ memoryMiB, cpus }: Limits): { memoryBytes: number; nanoCpus: number } {
  return { memoryBytes: memoryMiB * 1024 * 1024, nanoCpus: Math.round(cpus * 1e9) };
}

function publishedPort({ host, container }: PublishedPort) {
  return { publishMode: "host", publishedPort: host, targetPort: container, protocol: "tcp" };
}

function updateConfig(update: StackServiceArgs["update"], failureAction: "rollback" | "pause") {
  return {
    order: update === "roll" ? "start-first" : "stop-first",
    parallelism: 1,
    delay: "0s",
    // The verification watches the first logs and the health of all of it; this is for what dies at once.
    monitor: "5s",
    maxFailureRatio: "0.0",
    failureAction,
  };
}
