/** A live service as the SDK's outputs. */
import type * as docker from "@pulumi/docker";
import { formatDuration } from "../durations";
import { fromMap } from "../labels";
import type { StateOf } from "../resolved";
import type {
  WireContainer,
  WireFile,
  WireMount,
  WirePort,
  WireService,
  WireSpec,
  WireTaskTemplate,
  WireUpdateConfig,
} from "./wire";

export type State = StateOf<docker.Service>;
type TaskSpec = State["taskSpec"];
type ContainerSpec = TaskSpec["containerSpec"];
type Mount = NonNullable<ContainerSpec["mounts"]>[number];

/** The state, without what the engine does not tell (`auth`, `convergeConfig`). */
export function fromWire(service: WireService): State {
  const { Spec, Endpoint } = service;
  const ports = Endpoint?.Spec?.Mode ? Endpoint.Ports : Spec.EndpointSpec?.Ports;
  return {
    auth: undefined,
    convergeConfig: undefined,
    endpointSpec: {
      mode: Endpoint?.Spec?.Mode || Spec.EndpointSpec?.Mode || "vip",
      ports: list(ports)?.map(port),
    },
    labels: fromMap(Spec.Labels),
    mode: mode(Spec.Mode),
    name: Spec.Name ?? "",
    rollbackConfig: updateConfig(Spec.RollbackConfig),
    taskSpec: taskSpec(Spec.TaskTemplate),
    updateConfig: updateConfig(Spec.UpdateConfig),
  };
}

function mode(found: WireSpec["Mode"]): State["mode"] {
  const replicas = found?.Replicated?.Replicas ?? 1;
  if (found?.Global === undefined) return { global: false, replicated: { replicas } };
  // The SDK's type knows no service without replicas, although a global one has none.
  return { global: true } as State["mode"];
}

const duration = (ns: number | null | undefined): string | undefined =>
  ns === undefined || ns === null ? undefined : formatDuration(ns);

/** A list that has elements; Go leaves empty ones out or tells them as null. */
const list = <T>(items: T[] | null | undefined): T[] | undefined =>
  items && items.length > 0 ? items : undefined;

const port = (found: WirePort) => ({
  name: found.Name || undefined,
  protocol: found.Protocol ?? "tcp",
  publishMode: found.PublishMode ?? "ingress",
  publishedPort: found.PublishedPort ?? 0,
  targetPort: found.TargetPort ?? 0,
});

function updateConfig(found: WireUpdateConfig | null | undefined): State["updateConfig"] {
  if (!found) return undefined;
  return {
    delay: formatDuration(found.Delay ?? 0),
    failureAction: found.FailureAction,
    maxFailureRatio: ratio(found.MaxFailureRatio ?? 0),
    monitor: formatDuration(found.Monitor ?? 0),
    order: found.Order,
    parallelism: found.Parallelism ?? 0,
  };
}

/** With at least one decimal, as the upstream provider tells it; the engine holds it in single precision. */
function ratio(value: number): string {
  const exact = Number(value.toPrecision(6));
  return Number.isInteger(exact) ? exact.toFixed(1) : String(exact);
}

function taskSpec(found: WireTaskTemplate): TaskSpec {
  const { RestartPolicy, Placement, LogDriver, Resources } = found;
  return {
    containerSpec: container(found.ContainerSpec ?? {}),
    forceUpdate: found.ForceUpdate ?? 0,
    logDriver: LogDriver
      ? { name: LogDriver.Name ?? "", options: LogDriver.Options ?? undefined }
      : undefined,
    networksAdvanceds: list(found.Networks)?.map((network) => ({
      aliases: list(network.Aliases),
      driverOpts: list(Object.entries(network.DriverOpts ?? {}).map(([key, value]) => `${key}=${value}`)),
      id: network.Target,
    })),
    placement: {
      constraints: list(Placement?.Constraints),
      maxReplicas: Placement?.MaxReplicas ?? 0,
      platforms: list(Placement?.Platforms)?.map(({ Architecture, OS }) => ({
        architecture: Architecture ?? "",
        os: OS ?? "",
      })),
      prefs: list(Placement?.Preferences)?.map(({ Spread }) => Spread?.SpreadDescriptor ?? ""),
    },
    resources: resources(Resources),
    restartPolicy: {
      condition: RestartPolicy?.Condition,
      delay: duration(RestartPolicy?.Delay),
      maxAttempts: RestartPolicy?.MaxAttempts ?? undefined,
      window: duration(RestartPolicy?.Window),
    },
    runtime: found.Runtime ?? "container",
  };
}

function resources(found: WireTaskTemplate["Resources"]): TaskSpec["resources"] {
  const generic = found?.Reservations?.GenericResources ?? [];
  const named = generic.flatMap(({ NamedResourceSpec: spec }) =>
    spec ? [`${spec.Kind}=${spec.Value}`] : [],
  );
  const discrete = generic.flatMap(({ DiscreteResourceSpec: spec }) =>
    spec ? [`${spec.Kind}=${spec.Value}`] : [],
  );
  return {
    limits: found?.Limits
      ? { memoryBytes: found.Limits.MemoryBytes ?? 0, nanoCpus: found.Limits.NanoCPUs ?? 0 }
      : undefined,
    reservation: found?.Reservations
      ? {
          genericResources:
            generic.length > 0
              ? { discreteResourcesSpecs: list(discrete), namedResourcesSpecs: list(named) }
              : undefined,
          memoryBytes: found.Reservations.MemoryBytes ?? 0,
          nanoCpus: found.Reservations.NanoCPUs ?? 0,
        }
      : undefined,
  };
}

function container(found: WireContainer): ContainerSpec {
  const { Healthcheck, DNSConfig, Privileges } = found;
  return {
    args: list(found.Args),
    capAdds: list(found.CapabilityAdd),
    capDrops: list(found.CapabilityDrop),
    commands: list(found.Command),
    configs: list(found.Configs)?.map(({ ConfigID, ConfigName, File }) => ({
      configId: ConfigID,
      configName: ConfigName,
      ...file(File),
    })),
    dir: found.Dir || undefined,
    dnsConfig: {
      nameservers: DNSConfig?.Nameservers ?? [],
      options: list(DNSConfig?.Options),
      searches: list(DNSConfig?.Search),
    },
    env: env(found.Env),
    groups: list(found.Groups),
    healthcheck: {
      interval: formatDuration(Healthcheck?.Interval ?? 0),
      retries: Healthcheck?.Retries ?? 0,
      startPeriod: formatDuration(Healthcheck?.StartPeriod ?? 0),
      tests: list(Healthcheck?.Test),
      timeout: formatDuration(Healthcheck?.Timeout ?? 0),
    },
    hostname: found.Hostname || undefined,
    hosts: list(found.Hosts)?.map((line) => {
      const [ip = "", host = ""] = line.split(" ");
      return { host, ip };
    }),
    image: found.Image ?? "",
    init: found.Init ?? false,
    isolation: found.Isolation ?? "default",
    labels: list(fromMap(found.Labels)),
    mounts: list(found.Mounts)?.map(mount),
    privileges: Privileges
      ? {
          credentialSpec: Privileges.CredentialSpec
            ? { file: Privileges.CredentialSpec.File, registry: Privileges.CredentialSpec.Registry }
            : undefined,
          seLinuxContext: Privileges.SELinuxContext
            ? {
                disable: Privileges.SELinuxContext.Disable,
                level: Privileges.SELinuxContext.Level,
                role: Privileges.SELinuxContext.Role,
                type: Privileges.SELinuxContext.Type,
                user: Privileges.SELinuxContext.User,
              }
            : undefined,
        }
      : undefined,
    readOnly: found.ReadOnly ?? false,
    secrets: list(found.Secrets)?.map(({ SecretID, SecretName, File }) => ({
      secretId: SecretID,
      secretName: SecretName,
      ...file(File),
    })),
    stopGracePeriod: duration(found.StopGracePeriod) ?? "10s",
    stopSignal: found.StopSignal || undefined,
    sysctl: found.Sysctls ?? {},
    user: found.User || undefined,
  };
}

const file = (found: WireFile | null | undefined) => ({
  fileGid: found?.GID ?? "0",
  fileMode: found?.Mode ?? 0,
  fileName: found?.Name ?? "",
  fileUid: found?.UID ?? "0",
});

/** `KEY=value` lines as a map; a line without a sign is a variable without a value. */
function env(lines: string[] | null | undefined): Record<string, string> | undefined {
  if (!lines || lines.length === 0) return undefined;
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

function mount(found: WireMount): Mount {
  const { BindOptions, VolumeOptions, TmpfsOptions } = found;
  return {
    bindOptions: BindOptions && { propagation: BindOptions.Propagation },
    readOnly: found.ReadOnly ?? false,
    source: found.Source,
    target: found.Target,
    tmpfsOptions: TmpfsOptions && { mode: TmpfsOptions.Mode ?? 0, sizeBytes: TmpfsOptions.SizeBytes ?? 0 },
    type: found.Type,
    volumeOptions: VolumeOptions && {
      driverName: VolumeOptions.DriverConfig?.Name,
      driverOptions: VolumeOptions.DriverConfig?.Options ?? undefined,
      labels: list(fromMap(VolumeOptions.Labels)),
      noCopy: VolumeOptions.NoCopy ?? false,
    },
  };
}
