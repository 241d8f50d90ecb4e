import { UserError } from "./errors";
import { type RunResult, run, runChecked } from "./exec";

/** A Swarm service of one of our stacks. */
export interface StackServiceInfo {
  id: string;
  /** Full name, e.g. `fitnesscrm-local-backend`. */
  name: string;
  /** Short name, e.g. `backend`. */
  service: string;
  /** Tasks wanted; undefined for one on every node. */
  replicas?: number;
  /** Where an update stands: `updating`, `paused`, `rollback_completed`, …; undefined when there was none. */
  updateState?: string;
  updateMessage?: string;
  /** Ports that it takes on its host. */
  publishedPorts: number[];
}

export interface TaskInfo {
  id: string;
  serviceId: string;
  nodeId: string;
  desiredState: string;
  state: string;
  /** The engine's reason for a task that is not running. */
  error?: string;
  /** Of a container that ended. */
  exitCode?: number;
  containerId?: string;
  createdAt: string;
}

interface ServiceJson {
  ID: string;
  Spec: {
    Name: string;
    Labels?: Record<string, string>;
    Mode: { Replicated?: { Replicas?: number }; Global?: object };
    EndpointSpec?: { Ports?: { PublishedPort?: number }[] };
  };
  UpdateStatus?: { State?: string; Message?: string };
}

interface TaskJson {
  ID: string;
  ServiceID: string;
  NodeID?: string;
  DesiredState: string;
  CreatedAt: string;
  Status: { State: string; Err?: string; ContainerStatus?: { ContainerID?: string; ExitCode?: number } };
}

/** Nothing that is asked by this takes long, and an engine that is stuck must not hold an update up for ever. */
const CHECKED_SECONDS = 120;

/**
 * The Docker host of a stack, by the `docker` command: it reaches a local engine and one over SSH alike, with the user's own
 * SSH configuration.
 */
export class DockerHost {
  /** @param host Empty for the default engine. */
  constructor(readonly host: string) {}

  get environment(): NodeJS.ProcessEnv {
    return this.host === "" ? process.env : { ...process.env, DOCKER_HOST: this.host };
  }

  run(args: readonly string[], timeoutSeconds = 60): Promise<RunResult> {
    return run("docker", args, { env: this.environment, timeoutSeconds });
  }

  /** @throws UserError with the engine's reason, or that it gave no answer in time. */
  runChecked(what: string, args: readonly string[], timeoutSeconds = CHECKED_SECONDS): Promise<string> {
    return runChecked(what, "docker", args, { env: this.environment, timeoutSeconds });
  }

  /** Why the engine cannot be used, or undefined when it answers. */
  async problem(): Promise<string | undefined> {
    const result = await this.run(["info", "--format", "{{.Swarm.LocalNodeState}}"], 15);
    const where = this.host === "" ? "the Docker engine" : `the Docker engine at ${this.host}`;
    if (result.code !== 0) {
      return `${where} does not answer: ${firstReason(result)}`;
    }
    const swarm = result.stdout.trim();
    return swarm === "active" ? undefined : `${where} is not part of a Swarm (state ${swarm || "unknown"})`;
  }

  async services(stack: string): Promise<StackServiceInfo[]> {
    const ids = await this.runChecked("services of the stack", [
      "service",
      "ls",
      "--quiet",
      "--filter",
      `label=fitnesscrm.stack=${stack}`,
    ]);
    const list = words(ids);
    if (list.length === 0) {
      return [];
    }
    const json = await this.runChecked("services of the stack", ["service", "inspect", ...list]);
    return (JSON.parse(json) as ServiceJson[]).map(({ ID, Spec, UpdateStatus }) => ({
      id: ID,
      name: Spec.Name,
      service: Spec.Labels?.["fitnesscrm.service"] ?? Spec.Name,
      ...(Spec.Mode.Replicated !== undefined && { replicas: Spec.Mode.Replicated.Replicas ?? 0 }),
      updateState: UpdateStatus?.State,
      updateMessage: UpdateStatus?.Message,
      publishedPorts: (Spec.EndpointSpec?.Ports ?? []).flatMap(({ PublishedPort }) => PublishedPort ?? []),
    }));
  }

  /** @throws UserError naming the services that there are. */
  async service(stack: string, name: string): Promise<StackServiceInfo> {
    const services = await this.services(stack);
    const found = services.find(({ service }) => service === name);
    if (found === undefined) {
      const names = services.map(({ service }) => service).sort();
      throw new UserError(
        `service ${JSON.stringify(name)} is not part of stack ${stack}: ` +
          (names.length === 0 ? "no service of it runs" : `must be one of ${names.join(", ")}`),
        2,
      );
    }
    return found;
  }

  /** Tasks of services, newest first. */
  async tasks(serviceNames: readonly string[]): Promise<TaskInfo[]> {
    if (serviceNames.length === 0) {
      return [];
    }
    const ids = words(
      await this.runChecked("tasks of the stack", [
        "service",
        "ps",
        "--quiet",
        "--no-trunc",
        ...serviceNames,
      ]),
    );
    if (ids.length === 0) {
      return [];
    }
    const result = await this.run(["inspect", "--type", "task", ...ids]);
    // A task that was cleaned up between the two calls is missing from the answer, which is right.
    const tasks = JSON.parse(result.stdout || "[]") as TaskJson[];
    return tasks
      .map((task) => ({
        id: task.ID,
        serviceId: task.ServiceID,
        nodeId: task.NodeID ?? "",
        desiredState: task.DesiredState,
        state: task.Status.State,
        ...(task.Status.Err && { error: task.Status.Err }),
        ...(task.Status.ContainerStatus?.ExitCode && { exitCode: task.Status.ContainerStatus.ExitCode }),
        ...(task.Status.ContainerStatus?.ContainerID && {
          containerId: task.Status.ContainerStatus.ContainerID,
        }),
        createdAt: task.CreatedAt,
      }))
      .sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  }

  /** Whether containers of a service are left, be they on their way out. */
  async hasContainers(stack: string, service: string): Promise<boolean> {
    const labels = [`fitnesscrm.stack=${stack}`, `fitnesscrm.service=${service}`];
    const filters = labels.flatMap((label) => ["--filter", `label=${label}`]);
    return (await this.runChecked("containers", ["container", "ls", "--quiet", ...filters])).trim() !== "";
  }

  async imageExists(reference: string): Promise<boolean> {
    return (await this.run(["image", "inspect", "--format", "{{.Id}}", reference])).code === 0;
  }
}

export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function firstReason({ stderr, code }: RunResult): string {
  if (code === 127) {
    return "the docker command is not installed";
  }
  if (code === 124) {
    return "no answer within 15 seconds";
  }
  const line = stderr.trim().split("\n")[0] ?? "";
  return line.replace(/^(ERROR|Error response from daemon): /i, "") || `exit code ${code}`;
}
