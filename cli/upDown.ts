import { setTimeout as sleep } from "node:timers/promises";
import type { DockerHost, StackServiceInfo } from "./docker";
import { UserError } from "./errors";
import type { StackState } from "./pulumi";

/**
 * A node label that no node has. A service that runs once on every node cannot be scaled to zero; held to such a node it
 * runs nowhere.
 */
export const NOWHERE = "node.labels.fitnesscrm.down==true";

/** In the order of starting; what stands in one line starts together, and what depends on it waits. Stopping goes backwards. */
const STAGES: readonly (readonly string[])[] = [
  ["db", "redis", "engine"],
  ["backend", "frontend", "ops", "restore", "agent"],
  ["nginx"],
];

/** How long tasks may take to stop; the database has two minutes to write what it holds. */
const STOP_SECONDS = 150;

/**
 * Stops every task of a stack and leaves everything else: services, volumes, network, bucket and state (M2).
 *
 * @param onAsked Called once the first services were asked to stop, and before any of them is missed.
 * @returns The services that were stopped; none when all were stopped already.
 */
export async function stopServices(
  docker: DockerHost,
  stack: string,
  progress: (text: string) => void,
  onAsked: () => Promise<void> = async () => {},
): Promise<string[]> {
  const services = await docker.services(stack);
  const stopped: string[] = [];
  let quiet: Promise<void> | undefined;
  for (const stage of [...STAGES].reverse()) {
    const members = services.filter(({ service }) => stage.includes(service));
    for (const service of members) {
      if (await isStopped(docker, service)) {
        continue;
      }
      progress(service.service);
      const stop = service.replicas === undefined ? ["--constraint-add", NOWHERE] : ["--replicas", "0"];
      await docker.runChecked(`service ${service.name}`, [
        "service",
        "update",
        "--detach",
        "--quiet",
        ...stop,
        service.name,
      ]);
      stopped.push(service.service);
    }
    quiet ??= onAsked();
    await quiet;
    // The database must not go while the backend still answers its last requests.
    await waitUntilGone(docker, members);
  }
  return stopped;
}

async function isStopped(docker: DockerHost, service: StackServiceInfo): Promise<boolean> {
  return service.replicas === undefined
    ? (await constraints(docker, service)).includes(NOWHERE)
    : service.replicas === 0;
}

async function constraints(docker: DockerHost, service: StackServiceInfo): Promise<string[]> {
  const json = await docker.runChecked(`service ${service.name}`, [
    "service",
    "inspect",
    "--format",
    "{{json .Spec.TaskTemplate.Placement}}",
    service.name,
  ]);
  return (JSON.parse(json) as { Constraints?: string[] | null } | null)?.Constraints ?? [];
}

async function waitUntilGone(docker: DockerHost, services: readonly StackServiceInfo[]): Promise<void> {
  const deadline = Date.now() + STOP_SECONDS * 1000;
  for (;;) {
    const tasks = await docker.tasks(services.map(({ name }) => name));
    const alive = tasks.filter(({ state }) => ["running", "starting", "preparing"].includes(state));
    if (alive.length === 0) {
      return;
    }
    if (Date.now() > deadline) {
      throw new UserError(
        `${alive.length} tasks did not stop within ${STOP_SECONDS} s: see docker service ps`,
      );
    }
    await sleep(500);
  }
}

/**
 * Starts what {@link stopServices} stopped, as many tasks as the state says.
 *
 * @returns The services that were started.
 */
export async function startServices(docker: DockerHost, stack: string, state: StackState): Promise<string[]> {
  const started: string[] = [];
  for (const service of inOrder(await docker.services(stack))) {
    if (!(await isStopped(docker, service))) {
      continue;
    }
    const start =
      service.replicas === undefined
        ? ["--constraint-rm", NOWHERE]
        : ["--replicas", String(declaredReplicas(state, service.name))];
    await docker.runChecked(`service ${service.name}`, [
      "service",
      "update",
      "--detach",
      "--quiet",
      ...start,
      service.name,
    ]);
    started.push(service.service);
  }
  return started;
}

/** Tasks that the last update declared for a service; 1 when the state does not know it. */
export function declaredReplicas(state: StackState, serviceName: string): number {
  const resource = (state.resources ?? []).find(
    ({ type, inputs }) => type === "docker:index/service:Service" && inputs?.name === serviceName,
  );
  const mode = resource?.inputs?.mode as { replicated?: { replicas?: number } } | undefined;
  return mode?.replicated?.replicas ?? 1;
}

function inOrder(services: readonly StackServiceInfo[]): StackServiceInfo[] {
  const rank = ({ service }: StackServiceInfo): number => {
    const index = STAGES.findIndex((stage) => stage.includes(service));
    return index < 0 ? STAGES.length : index;
  };
  return [...services].sort((a, b) => rank(a) - rank(b));
}
