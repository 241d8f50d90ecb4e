import { statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceName } from "../../../config";
import { type DockerHost, words } from "../../docker";
import { UserError } from "../../errors";
import type { FileSystemFacts, ProcessFacts } from "../facts";

/** Where the stack writes, by the service that sees it. */
const WRITTEN: readonly [service: ServiceName, path: string, holds: string][] = [
  ["db", "/var/lib/postgresql/data", "the database"],
  ["redis", "/data", "the cache"],
  ["ops", "/backups", "the backups"],
  ["backend", "/app/uploads", "the uploads"],
];

/** `ps` counts whole seconds: the longer the watch, the finer the answer. */
const WATCH_SECONDS = 3;

/** Running containers of the stack by service; the newest of each first. */
export async function runningContainers(docker: DockerHost, stack: string): Promise<Map<string, string[]>> {
  const lines = await docker.runChecked("containers of the stack", [
    ...["container", "ls", "--no-trunc", "--filter", `label=fitnesscrm.stack=${stack}`],
    ...["--format", '{{.ID}} {{.Label "fitnesscrm.service"}}'],
  ]);
  const found = new Map<string, string[]>();
  for (const line of lines.split("\n")) {
    const [id, service] = words(line);
    if (id !== undefined && service !== undefined) {
      found.set(service, [...(found.get(service) ?? []), id]);
    }
  }
  return found;
}

/**
 * Room on the file systems of the stack, asked for from inside, so that a server over SSH is asked as well; those that lie on one file
 * system are told as one.
 *
 * @throws UserError when nothing runs and the host is another machine.
 */
export async function gatherDisks(
  docker: DockerHost,
  containers: ReadonlyMap<string, readonly string[]>,
): Promise<FileSystemFacts[]> {
  const asked = await Promise.all(
    WRITTEN.map(async ([service, path, holds]) => {
      const container = containers.get(service)?.[0];
      if (container === undefined) {
        return undefined;
      }
      const { code, stdout } = await docker.run(["exec", container, "df", "-Pk", path], 15);
      return code === 0 ? parseDf(stdout, holds) : undefined;
    }),
  );
  const found = asked.filter((one) => one !== undefined);
  if (found.length > 0) {
    return merge(found);
  }
  if (docker.host !== "" && !docker.host.startsWith("unix:")) {
    throw new UserError("no container of the stack runs that could be asked for its disk");
  }
  const { blocks, bfree, bavail, bsize } = await statfs("/");
  const used = blocks - bfree;
  return [
    {
      holds: "this machine's root",
      usedPercent: (100 * used) / Math.max(1, used + bavail),
      freeBytes: bavail * bsize,
    },
  ];
}

/** With the name by which the kernel knows it, and its size. */
type FoundFileSystem = FileSystemFacts & { readonly device: string };

/** The last line of `df -Pk`; undefined for anything else. */
export function parseDf(stdout: string, holds: string): FoundFileSystem | undefined {
  const cells = words(stdout.trim().split("\n").at(-1) ?? "");
  const [, , used, available] = cells.map(Number);
  if (
    used === undefined ||
    available === undefined ||
    Number.isNaN(used + available) ||
    used + available <= 0
  ) {
    return undefined;
  }
  return {
    device: cells.slice(0, 2).join(" "),
    holds,
    usedPercent: (100 * used) / (used + available),
    freeBytes: available * 1024,
  };
}

function merge(found: readonly FoundFileSystem[]): FileSystemFacts[] {
  const merged: FoundFileSystem[] = [];
  for (const one of found) {
    const same = merged.findIndex(({ device }) => device === one.device);
    const known = merged[same];
    if (known === undefined) {
      merged.push(one);
    } else {
      merged[same] = { ...known, holds: `${known.holds}, ${one.holds}` };
    }
  }
  return merged.map(({ holds, usedPercent, freeBytes }) => ({ holds, usedPercent, freeBytes }));
}

/** The busiest processes of the stack's containers, by the CPU that they use now (M33). */
export async function gatherProcesses(
  docker: DockerHost,
  containers: ReadonlyMap<string, readonly string[]>,
): Promise<ProcessFacts[]> {
  const all = [...containers].flatMap(([service, ids]) => ids.map((id) => ({ service, id })));
  const look = async (): Promise<PsLine[]> =>
    (
      await Promise.all(
        all.map(async ({ service, id }) => {
          const { code, stdout } = await docker.run(["top", id, "-eo", "pid,cputimes,pcpu,rss,comm"], 15);
          return code === 0 ? parsePs(stdout, service) : [];
        }),
      )
    ).flat();
  const started = performance.now();
  const before = new Map((await look()).map(({ pid, cpuSeconds }) => [pid, cpuSeconds]));
  await sleep(WATCH_SECONDS * 1000);
  const after = await look();
  const seconds = (performance.now() - started) / 1000;
  return after
    .map(({ cpuSeconds, ...line }) => ({
      ...line,
      nowPercent: Math.max(0, (100 * (cpuSeconds - (before.get(line.pid) ?? 0))) / seconds),
    }))
    .sort((a, b) => b.nowPercent - a.nowPercent || b.lifePercent - a.lifePercent || a.pid - b.pid);
}

type PsLine = Omit<ProcessFacts, "nowPercent"> & { cpuSeconds: number };

/** Lines of `ps -o pid,cputimes,pcpu,rss,comm`; the names of programs without their arguments, which may hold secrets. */
export function parsePs(stdout: string, service: string): PsLine[] {
  return stdout
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+([\d.]+)\s+(\d+)\s+(.+?)\s*$/.exec(line))
    .flatMap((match) =>
      match === null
        ? []
        : [
            {
              service,
              pid: Number(match[1]),
              cpuSeconds: Number(match[2]),
              lifePercent: Number(match[3]),
              memoryBytes: Number(match[4]) * 1024,
              command: match[5] ?? "",
            },
          ],
    );
}
