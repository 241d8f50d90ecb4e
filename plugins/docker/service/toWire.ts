/** A service's inputs as the engine's API wants them. */
import type * as docker from "@pulumi/docker";
import { parseDuration } from "../durations";
import { toMap } from "../labels";
import type { Resolved } from "../resolved";
import type {
  WireContainer,
  WireGenericResource,
  WireSpec,
  WireTaskTemplate,
  WireUpdateConfig,
} from "./wire";

export type Inputs = Resolved<docker.ServiceArgs>;
type TaskSpec = Inputs["taskSpec"];
type ContainerSpec = TaskSpec["containerSpec"];
type Resources = NonNullable<TaskSpec["resources"]>;
type UpdateConfig = NonNullable<Inputs["updateConfig"]>;

/**
 * What an update sends. A property that the engine fills in by itself and that the inputs leave out stays what it is,
 * as upstream has it: a forced restart by hand, say, is not undone (which would restart the tasks again).
 */
export function toUpdate(inputs: Inputs, current: WireSpec): WireSpec {
  const wanted = toWire(inputs);
  const { TaskTemplate: before } = current;
  const { TaskTemplate: task } = wanted;
  return {
    ...wanted,
    Mode: inputs.mode === undefined ? current.Mode : wanted.Mode,
    EndpointSpec: inputs.endpointSpec === undefined ? current.EndpointSpec : wanted.EndpointSpec,
    TaskTemplate: {
      ...task,
      ...kept(task, before, ["ForceUpdate", "Placement", "Resources", "RestartPolicy", "Runtime"]),
      ContainerSpec: {
        ...task.ContainerSpec,
        ...kept(task.ContainerSpec, before.ContainerSpec, [
          ...(["DNSConfig", "Healthcheck", "Init", "StopGracePeriod", "Sysctls"] as const),
        ]),
      },
    },
  };
}

function kept<T extends object>(
  wanted: T | undefined,
  current: T | undefined,
  keys: (keyof T)[],
): Partial<T> {
  const missing = keys.filter((key) => wanted?.[key] === undefined && current?.[key] !== undefined);
  return Object.fromEntries(missing.map((key) => [key, current?.[key]])) as Partial<T>;
}

export function toWire(inputs: Inputs): WireSpec {
  const { endpointSpec, mode } = inputs;
  return {
    Name: inputs.name,
    Labels: toMap(inputs.labels),
    TaskTemplate: taskTemplate(inputs.taskSpec),
    Mode: mode?.global ? { Global: {} } : { Replicated: { Replicas: mode?.replicated?.replicas ?? 1 } },
    UpdateConfig: inputs.updateConfig && updateConfig(inputs.updateConfig),
    RollbackConfig: inputs.rollbackConfig && updateConfig(inputs.rollbackConfig),
    EndpointSpec: {
      Mode: endpointSpec?.mode,
      Ports: endpointSpec?.ports?.map((port) => ({
        Name: port.name,
        Protocol: port.protocol ?? "tcp",
        TargetPort: port.targetPort,
        PublishedPort: port.publishedPort,
        PublishMode: port.publishMode ?? "ingress",
      })),
    },
  };
}

function updateConfig(config: UpdateConfig): WireUpdateConfig {
  return {
    Parallelism: config.parallelism ?? 1,
    Delay: parseDuration(config.delay),
    FailureAction: config.failureAction,
    Monitor: parseDuration(config.monitor),
    MaxFailureRatio: config.maxFailureRatio === undefined ? undefined : Number(config.maxFailureRatio),
    Order: config.order,
  };
}

function taskTemplate(task: TaskSpec): WireTaskTemplate {
  const { restartPolicy, placement, logDriver } = task;
  return {
    ContainerSpec: container(task.containerSpec),
    Resources: task.resources && resources(task.resources),
    RestartPolicy: restartPolicy && {
      Condition: restartPolicy.condition,
      Delay: parseDuration(restartPolicy.delay),
      MaxAttempts: restartPolicy.maxAttempts,
      Window: parseDuration(restartPolicy.window),
    },
    Placement: placement && {
      Constraints: placement.constraints,
      Preferences: placement.prefs?.map((pref) => ({ Spread: { SpreadDescriptor: pref } })),
      MaxReplicas: placement.maxReplicas,
      Platforms: placement.platforms?.map(({ architecture, os }) => ({ Architecture: architecture, OS: os })),
    },
    ForceUpdate: task.forceUpdate,
    Runtime: task.runtime,
    Networks: task.networksAdvanceds?.map((network) => ({
      Target: network.id ?? network.name ?? "",
      Aliases: network.aliases,
      DriverOpts: network.driverOpts && Object.fromEntries(network.driverOpts.map(splitPair)),
    })),
    LogDriver: logDriver && { Name: logDriver.name, Options: logDriver.options },
  };
}

function resources({ limits, reservation }: Resources): WireTaskTemplate["Resources"] {
  const generic = reservation?.genericResources;
  const named = (generic?.namedResourcesSpecs ?? []).map((text): WireGenericResource => {
    const [kind, value] = splitPair(text);
    return { NamedResourceSpec: { Kind: kind, Value: value } };
  });
  const discrete = (generic?.discreteResourcesSpecs ?? []).map((text): WireGenericResource => {
    const [kind, value] = splitPair(text);
    return { DiscreteResourceSpec: { Kind: kind, Value: Number(value) } };
  });
  return {
    Limits: limits && { NanoCPUs: limits.nanoCpus, MemoryBytes: limits.memoryBytes },
    Reservations: reservation && {
      NanoCPUs: reservation.nanoCpus,
      MemoryBytes: reservation.memoryBytes,
      GenericResources: generic && [...named, ...discrete],
    },
  };
}

function container(spec: ContainerSpec): WireContainer {
  const { healthcheck, dnsConfig } = spec;
  return {
    Image: spec.image,
    Labels: toMap(spec.labels),
    Command: spec.commands,
    Args: spec.args,
    Hostname: spec.hostname,
    // In one order: another order would be another specification, and start new tasks.
    Env:
      spec.env &&
      Object.entries(spec.env)
        .sort(byKey)
        .map(([key, value]) => `${key}=${value}`),
    Dir: spec.dir,
    User: spec.user,
    Groups: spec.groups,
    Privileges: spec.privileges && {
      CredentialSpec: spec.privileges.credentialSpec && {
        File: spec.privileges.credentialSpec.file,
        Registry: spec.privileges.credentialSpec.registry,
      },
      SELinuxContext: spec.privileges.seLinuxContext && {
        Disable: spec.privileges.seLinuxContext.disable,
        User: spec.privileges.seLinuxContext.user,
        Role: spec.privileges.seLinuxContext.role,
        Type: spec.privileges.seLinuxContext.type,
        Level: spec.privileges.seLinuxContext.level,
      },
    },
    Init: spec.init,
    ReadOnly: spec.readOnly,
    Mounts: spec.mounts?.map((mount) => ({
      Type: mount.type,
      Target: mount.target,
      Source: mount.source,
      ReadOnly: mount.readOnly,
      BindOptions: mount.bindOptions && { Propagation: mount.bindOptions.propagation },
      VolumeOptions: mount.volumeOptions && {
        NoCopy: mount.volumeOptions.noCopy,
        Labels: toMap(mount.volumeOptions.labels),
        DriverConfig: mount.volumeOptions.driverName
          ? { Name: mount.volumeOptions.driverName, Options: mount.volumeOptions.driverOptions }
          : undefined,
      },
      TmpfsOptions: mount.tmpfsOptions && {
        SizeBytes: mount.tmpfsOptions.sizeBytes,
        Mode: mount.tmpfsOptions.mode,
      },
    })),
    StopSignal: spec.stopSignal,
    StopGracePeriod: parseDuration(spec.stopGracePeriod),
    Healthcheck: healthcheck && {
      Test: healthcheck.tests,
      Interval: parseDuration(healthcheck.interval),
      Timeout: parseDuration(healthcheck.timeout),
      StartPeriod: parseDuration(healthcheck.startPeriod),
      Retries: healthcheck.retries,
    },
    Hosts: spec.hosts?.map(({ ip, host }) => `${ip} ${host}`),
    DNSConfig: dnsConfig && {
      Nameservers: dnsConfig.nameservers,
      Search: dnsConfig.searches,
      Options: dnsConfig.options,
    },
    Secrets: spec.secrets?.map((secret) => ({
      SecretID: secret.secretId,
      SecretName: secret.secretName,
      File: file(secret),
    })),
    Configs: spec.configs?.map((config) => ({
      ConfigID: config.configId,
      ConfigName: config.configName,
      File: file(config),
    })),
    Isolation: spec.isolation,
    Sysctls: spec.sysctl,
    CapabilityAdd: spec.capAdds,
    CapabilityDrop: spec.capDrops,
  };
}

interface FileTarget {
  readonly fileName: string;
  readonly fileUid?: string;
  readonly fileGid?: string;
  readonly fileMode?: number;
}

const file = ({ fileName, fileUid = "0", fileGid = "0", fileMode = 0o444 }: FileTarget) => ({
  Name: fileName,
  UID: fileUid,
  GID: fileGid,
  Mode: fileMode,
});

const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

function splitPair(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
