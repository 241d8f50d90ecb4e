import { z } from "zod";
import { type DockerHost, type TaskInfo, words } from "./docker";
import { UserError } from "./errors";
import { openSession } from "./session";
import { columns, size } from "./table";

/** One container, and what it may use. */
export interface ContainerStats {
  service: string;
  container: string;
  /** Percent of one processor, and how many it may use; null for no limit. */
  cpuPercent: number;
  cpuLimit: number | null;
  memoryBytes: number;
  memoryLimitBytes: number | null;
  processes: number;
}

export interface ServiceStats {
  service: string;
  /** Tasks that ended with a failure and were replaced, of those that the engine remembers. */
  restarts: number;
  /** Containers that the kernel killed for want of memory, of those that the engine remembers. */
  oomKills: number;
  containers: ContainerStats[];
}

/** `./fitnesscrm stats` (M33, M35). */
export async function showStats({ stack, json }: { stack: string; json?: boolean }): Promise<void> {
  const { docker } = openSession(stack);
  const stats = await readStats(docker, stack);
  process.stdout.write(`${json ? JSON.stringify(stats, null, 2) : formatStats(stats)}\n`);
}

const inspected = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    State: z.object({ Running: z.boolean(), OOMKilled: z.boolean() }),
    HostConfig: z.object({ Memory: z.number(), NanoCpus: z.number() }),
    Config: z.object({ Labels: z.record(z.string(), z.string()).nullable() }),
  }),
);
export type Inspected = z.infer<typeof inspected>[number];

const measured = z.object({ ID: z.string(), CPUPerc: z.string(), MemUsage: z.string(), PIDs: z.string() });
export type Measured = z.infer<typeof measured>;

/** @throws UserError for a stack without services. */
export async function readStats(docker: DockerHost, stack: string): Promise<ServiceStats[]> {
  const services = await docker.services(stack);
  const ids = words(
    await docker.runChecked("containers of the stack", [
      ...["container", "ls", "--all", "--quiet", "--no-trunc"],
      ...["--filter", `label=fitnesscrm.stack=${stack}`, "--filter", "label=fitnesscrm.service"],
    ]),
  );
  if (services.length === 0 && ids.length === 0) {
    throw new UserError(`stack ${stack} has no services: run ./fitnesscrm up --stack ${stack}`);
  }
  // A container that went between two questions is missing from the answer, which is right.
  const found =
    ids.length === 0
      ? []
      : inspected.parse(JSON.parse((await docker.run(["container", "inspect", ...ids])).stdout || "[]"));
  const running = found.filter(({ State }) => State.Running);
  const names = new Map(services.map(({ id, service }) => [id, service]));
  return statsByService(
    [...names.values()],
    found,
    await measure(docker, running),
    (await docker.tasks(services.map(({ name }) => name))).map((task) => ({
      ...task,
      service: names.get(task.serviceId) ?? "",
    })),
  );
}

async function measure(docker: DockerHost, running: readonly Inspected[]): Promise<Measured[]> {
  if (running.length === 0) {
    return [];
  }
  const { stdout } = await docker.run([
    ...["container", "stats", "--no-stream", "--no-trunc", "--format", "{{json .}}"],
    ...running.map(({ Id }) => Id),
  ]);
  return parseMeasured(stdout);
}

/** Lines of `docker stats`; those of containers that are gone hold dashes and are left out. */
export function parseMeasured(stdout: string): Measured[] {
  return stdout
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => measured.parse(JSON.parse(line)))
    .filter(({ CPUPerc }) => !CPUPerc.startsWith("--"));
}

/** By service; the one that is nearest to a limit first, and its containers in the same order. */
export function statsByService(
  services: readonly string[],
  found: readonly Inspected[],
  measures: readonly Measured[],
  tasks: readonly (Pick<TaskInfo, "state"> & { service: string })[],
): ServiceStats[] {
  const byId = new Map(measures.map((one) => [one.ID, one]));
  const serviceOf = ({ Config }: Inspected): string => Config.Labels?.["fitnesscrm.service"] ?? "";
  return services
    .map((service) => {
      const own = found.filter((one) => serviceOf(one) === service);
      return {
        service,
        restarts: tasks.filter(
          (task) => task.service === service && ["failed", "rejected"].includes(task.state),
        ).length,
        oomKills: own.filter(({ State }) => State.OOMKilled).length,
        containers: own
          .flatMap((container) => {
            const measure = byId.get(container.Id);
            return measure === undefined ? [] : [containerStats(service, container, measure)];
          })
          .sort((a, b) => pressure(b) - pressure(a)),
      };
    })
    .sort((a, b) => most(b) - most(a) || a.service.localeCompare(b.service));
}

function containerStats(service: string, { Id, HostConfig }: Inspected, measure: Measured): ContainerStats {
  return {
    service,
    container: Id.slice(0, 12),
    cpuPercent: Number.parseFloat(measure.CPUPerc),
    cpuLimit: HostConfig.NanoCpus === 0 ? null : HostConfig.NanoCpus / 1e9,
    memoryBytes: parseSize(measure.MemUsage.split("/")[0] ?? ""),
    memoryLimitBytes: HostConfig.Memory === 0 ? null : HostConfig.Memory,
    processes: Number.parseInt(measure.PIDs, 10) || 0,
  };
}

/** As `docker stats` writes it: `10.69MiB`. @returns NaN for anything else. */
export function parseSize(text: string): number {
  const [, value, unit = ""] = /^([\d.]+)\s*([KMGT]i?)?B$/i.exec(text.trim()) ?? [];
  const power = unit === "" ? 0 : "KMGT".indexOf(unit[0]?.toUpperCase() ?? "") + 1;
  return Number(value ?? Number.NaN) * (unit.endsWith("i") ? 1024 : 1000) ** power;
}

/** The larger share of a limit that a container uses, 0 to 1. */
function pressure({ cpuPercent, cpuLimit, memoryBytes, memoryLimitBytes }: ContainerStats): number {
  return Math.max(
    cpuLimit === null ? 0 : cpuPercent / 100 / cpuLimit,
    memoryLimitBytes === null ? 0 : memoryBytes / memoryLimitBytes,
  );
}

function most({ containers }: ServiceStats): number {
  return Math.max(0, ...containers.map(pressure));
}

export function formatStats(stats: readonly ServiceStats[]): string {
  const rows = stats.flatMap(({ service, restarts, oomKills, containers }) => {
    const counts = [String(restarts), String(oomKills)];
    return containers.length === 0
      ? [[service, "-", "-", "-", "-", "-", "-", ...counts]]
      : containers.map((one, index) => [
          index === 0 ? service : "",
          one.container,
          `${one.cpuPercent.toFixed(1)} %`,
          one.cpuLimit === null ? "no limit" : `${one.cpuLimit * 100} %`,
          size(one.memoryBytes),
          one.memoryLimitBytes === null ? "no limit" : size(one.memoryLimitBytes),
          one.memoryLimitBytes === null
            ? "-"
            : `${((100 * one.memoryBytes) / one.memoryLimitBytes).toFixed(1)} %`,
          ...(index === 0 ? counts : ["", ""]),
        ]);
  });
  const heads = ["SERVICE", "CONTAINER", "CPU", "LIMIT", "MEMORY", "LIMIT", "OF IT", "RESTARTS", "OOM KILLS"];
  return columns(heads, rows).join("\n");
}
