import { SERVICES } from "../config";
import type { DockerHost, StackServiceInfo, TaskInfo } from "./docker";
import { messageOf } from "./errors";
import { get } from "./http";
import { checkMonitoring, type MonitoringTargets } from "./monitoring/health";

/** Health of one part of the stack, as `./fitnesscrm health --json` prints it (M5). */
export interface ComponentHealth {
  name: string;
  healthy: boolean;
  /** One line: what is wrong, or what was seen. */
  reason: string;
}

export interface Health {
  healthy: boolean;
  components: ComponentHealth[];
}

export interface HealthTargets {
  stack: string;
  docker: DockerHost;
  /** Where the application's pages and API are asked for, as users do. Undefined before the first deployment. */
  url?: string;
  apiHealthUrl?: string;
  /** The AWS emulator of a local stack. */
  emulator?: string;
  mailbox?: string;
  /** Alarms and subscriptions. */
  monitoring?: MonitoringTargets;
}

/** How long one question may take, seconds. */
const TIMEOUT_SECONDS = 5;

/** Asks every part of the stack. Never throws for a part that is unwell: that is what it reports. */
export async function checkHealth(targets: HealthTargets): Promise<Health> {
  const problem = await targets.docker.problem();
  const engine: ComponentHealth = {
    name: "docker",
    healthy: problem === undefined,
    reason: problem ?? "answers, Swarm is active",
  };
  const services =
    problem === undefined
      ? await checkServices(targets.docker, targets.stack)
      : SERVICES.map((name) => ({ name, healthy: false, reason: "not known: the engine does not answer" }));
  const isRunning = services.some(({ healthy }) => healthy);
  const components = [
    engine,
    ...services,
    ...(await Promise.all(endpoints(targets).map(checkEndpoint))),
    ...(targets.monitoring === undefined
      ? []
      : await checkMonitoring(targets.monitoring, targets.stack, isRunning)),
  ];
  return { healthy: components.every(({ healthy }) => healthy), components };
}

async function checkServices(docker: DockerHost, stack: string): Promise<ComponentHealth[]> {
  try {
    return await askServices(docker, stack);
  } catch (error) {
    // The engine went away, or a service did, between two questions.
    return SERVICES.map((name) => ({ name, healthy: false, reason: `not known: ${messageOf(error)}` }));
  }
}

async function askServices(docker: DockerHost, stack: string): Promise<ComponentHealth[]> {
  const services = await docker.services(stack);
  const tasks = await docker.tasks(services.map(({ name }) => name));
  const logs = await healthLogs(docker, tasks);
  return SERVICES.map((name) => {
    const service = services.find((candidate) => candidate.service === name);
    return service === undefined
      ? { name, healthy: false, reason: "its service does not exist: run ./fitnesscrm up" }
      : {
          name,
          ...judgeService(
            service,
            tasks.filter(({ serviceId }) => serviceId === service.id),
            logs,
          ),
        };
  });
}

/**
 * Judges a service by its tasks.
 *
 * @param logs What the health check of a container that is not healthy said last, by container id.
 */
export function judgeService(
  service: Pick<StackServiceInfo, "replicas" | "updateState" | "updateMessage">,
  tasks: readonly TaskInfo[],
  logs: ReadonlyMap<string, string>,
): Omit<ComponentHealth, "name"> {
  if (service.replicas === 0) {
    return { healthy: false, reason: "stopped (0 tasks wanted): run ./fitnesscrm up" };
  }
  const wanted = service.replicas ?? Math.max(1, new Set(tasks.map(({ nodeId }) => nodeId)).size);
  const alive = tasks.filter(({ state, desiredState }) => state === "running" && desiredState === "running");
  const unwell = alive.filter(({ containerId }) => containerId !== undefined && logs.has(containerId));
  const healthy = alive.length - unwell.length;
  if (healthy >= wanted) {
    const rolledBack = service.updateState?.startsWith("rollback") ?? false;
    const note = rolledBack ? `, its last update was rolled back: ${service.updateMessage}` : "";
    return { healthy: true, reason: `${healthy} of ${wanted} tasks healthy${note}` };
  }
  return { healthy: false, reason: `${healthy} of ${wanted} tasks healthy: ${whyNot(tasks, unwell, logs)}` };
}

function whyNot(
  tasks: readonly TaskInfo[],
  unwell: readonly TaskInfo[],
  logs: ReadonlyMap<string, string>,
): string {
  const [sick] = unwell;
  if (sick?.containerId !== undefined) {
    return logs.get(sick.containerId) ?? "its health check fails";
  }
  const newest = tasks[0];
  if (newest === undefined) {
    return "no task was started yet";
  }
  const failed = tasks.find(({ error }) => error !== undefined);
  return failed?.error ?? `its newest task is ${newest.state}`;
}

/** For every running container that is not healthy: what its health check said last. */
async function healthLogs(docker: DockerHost, tasks: readonly TaskInfo[]): Promise<Map<string, string>> {
  const ids = tasks.flatMap(({ state, containerId }) =>
    state === "running" && containerId ? [containerId] : [],
  );
  if (ids.length === 0) {
    return new Map();
  }
  const { stdout } = await docker.run([
    "container",
    "inspect",
    "--format",
    "{{.Id}} {{json .State.Health}}",
    ...ids,
  ]);
  const entries = stdout
    .split("\n")
    .filter((line) => line.includes(" "))
    .flatMap((line): [string, string][] => {
      const [id = "", json = ""] = [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)];
      const health = JSON.parse(json) as { Status: string; Log?: { Output: string }[] | null } | null;
      return health === null || health.Status === "healthy"
        ? []
        : [[id, describeUnhealthy(health.Status, health.Log?.at(-1)?.Output)]];
    });
  return new Map(entries);
}

function describeUnhealthy(status: string, output: string | undefined): string {
  const line = output?.trim().split("\n").at(-1)?.trim();
  return line ? `${status}: ${line}` : status;
}

interface Endpoint {
  name: string;
  url: string;
}

function endpoints({ url, apiHealthUrl, emulator, mailbox }: HealthTargets): Endpoint[] {
  return [
    ...(apiHealthUrl ? [{ name: "api", url: apiHealthUrl }] : []),
    ...(url ? [{ name: "frontend-page", url: `${url}/` }] : []),
    ...(emulator ? [{ name: "aws", url: `${emulator}/_localstack/health` }] : []),
    ...(mailbox ? [{ name: "mailbox", url: `${mailbox}/readyz` }] : []),
  ];
}

async function checkEndpoint({ name, url }: Endpoint): Promise<ComponentHealth> {
  try {
    const { status, body } = await get(url, TIMEOUT_SECONDS);
    return status >= 200 && status < 300
      ? { name, healthy: true, reason: `${url} answers ${status}` }
      : { name, healthy: false, reason: `${url} answers ${status}: ${firstWords(body)}` };
  } catch (error) {
    return { name, healthy: false, reason: `${url} does not answer: ${messageOf(error)}` };
  }
}

function firstWords(body: string): string {
  return body.trim().slice(0, 200).replaceAll("\n", " ");
}

/** Health as lines for a person: one a component. */
export function formatHealth(health: Health): string {
  const width = Math.max(...health.components.map(({ name }) => name.length));
  return health.components
    .map(({ name, healthy, reason }) => `${healthy ? "ok  " : "FAIL"}  ${name.padEnd(width)}  ${reason}`)
    .join("\n");
}
