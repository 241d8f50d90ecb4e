/** The engine's API for services and tasks, as far as it is used here. Durations are nanoseconds. */

export type Texts = Record<string, string>;

export interface WireMount {
  Type: string;
  Target: string;
  Source?: string;
  ReadOnly?: boolean;
  BindOptions?: { Propagation?: string };
  VolumeOptions?: {
    NoCopy?: boolean;
    Labels?: Texts | null;
    DriverConfig?: { Name?: string; Options?: Texts | null };
  };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

export interface WireFile {
  Name: string;
  UID?: string;
  GID?: string;
  Mode?: number;
}

export interface WireHealthcheck {
  Test?: string[] | null;
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  Retries?: number;
}

export interface WireContainer {
  Image?: string;
  Labels?: Texts | null;
  Command?: string[] | null;
  Args?: string[] | null;
  Hostname?: string;
  Env?: string[] | null;
  Dir?: string;
  User?: string;
  Groups?: string[] | null;
  Privileges?: {
    CredentialSpec?: { File?: string; Registry?: string } | null;
    SELinuxContext?: {
      Disable?: boolean;
      User?: string;
      Role?: string;
      Type?: string;
      Level?: string;
    } | null;
  } | null;
  Init?: boolean | null;
  ReadOnly?: boolean;
  Mounts?: WireMount[] | null;
  StopSignal?: string;
  StopGracePeriod?: number | null;
  Healthcheck?: WireHealthcheck | null;
  Hosts?: string[] | null;
  DNSConfig?: { Nameservers?: string[] | null; Search?: string[] | null; Options?: string[] | null } | null;
  Secrets?: { SecretID: string; SecretName?: string; File?: WireFile | null }[] | null;
  Configs?: { ConfigID: string; ConfigName?: string; File?: WireFile | null }[] | null;
  Isolation?: string;
  Sysctls?: Texts | null;
  CapabilityAdd?: string[] | null;
  CapabilityDrop?: string[] | null;
}

export interface WireGenericResource {
  NamedResourceSpec?: { Kind: string; Value: string };
  DiscreteResourceSpec?: { Kind: string; Value: number };
}

export interface WireTaskTemplate {
  ContainerSpec?: WireContainer;
  Resources?: {
    Limits?: { NanoCPUs?: number; MemoryBytes?: number } | null;
    Reservations?: {
      NanoCPUs?: number;
      MemoryBytes?: number;
      GenericResources?: WireGenericResource[] | null;
    } | null;
  } | null;
  RestartPolicy?: {
    Condition?: string;
    Delay?: number | null;
    MaxAttempts?: number | null;
    Window?: number | null;
  } | null;
  Placement?: {
    Constraints?: string[] | null;
    Preferences?: { Spread?: { SpreadDescriptor: string } }[] | null;
    MaxReplicas?: number;
    Platforms?: { Architecture?: string; OS?: string }[] | null;
  } | null;
  ForceUpdate?: number;
  Runtime?: string;
  Networks?: { Target: string; Aliases?: string[] | null; DriverOpts?: Texts | null }[] | null;
  LogDriver?: { Name?: string; Options?: Texts | null } | null;
}

export interface WireUpdateConfig {
  Parallelism?: number;
  Delay?: number;
  FailureAction?: string;
  Monitor?: number;
  MaxFailureRatio?: number;
  Order?: string;
}

export interface WirePort {
  Name?: string;
  Protocol?: string;
  TargetPort?: number;
  PublishedPort?: number;
  PublishMode?: string;
}

export interface WireSpec {
  Name?: string;
  Labels?: Texts | null;
  TaskTemplate: WireTaskTemplate;
  Mode?: { Replicated?: { Replicas?: number | null }; Global?: object };
  UpdateConfig?: WireUpdateConfig | null;
  RollbackConfig?: WireUpdateConfig | null;
  EndpointSpec?: { Mode?: string; Ports?: WirePort[] | null } | null;
}

export interface WireService {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: WireSpec;
  readonly Endpoint?: {
    readonly Spec?: { readonly Mode?: string };
    readonly Ports?: WirePort[] | null;
  };
  readonly UpdateStatus?: { readonly State?: string; readonly Message?: string };
}

export interface WireTask {
  readonly ID: string;
  readonly Slot?: number;
  readonly NodeID?: string;
  readonly CreatedAt: string;
  readonly DesiredState: string;
  readonly Spec: WireTaskTemplate;
  readonly Status: {
    readonly State: string;
    readonly Message?: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ContainerID?: string; readonly ExitCode?: number };
  };
}
