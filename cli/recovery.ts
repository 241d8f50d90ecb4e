import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { runningName } from "../toolchain/processes";
import { type DockerHost, words } from "./docker";
import type { Pulumi, StackState, StateResource } from "./pulumi";

/** What an update needs to know of the state that the last one left, and of what has happened to the machine since. */
export interface Recovery {
  /** Arguments for `pulumi up`. */
  args: string[];
  /** The state knows of things that are gone: the update must look first. */
  refresh: boolean;
  /** One line for each thing that is being put right. */
  notes: string[];
}

/**
 * Removes the state's lock when the process that made it is gone: it was killed, or the machine restarted. The launcher's own
 * lock is held, so nobody else takes the state's in between.
 *
 * @returns Whether there was one.
 */
export async function releaseDeadLock(pulumi: Pulumi): Promise<boolean> {
  const { home, stack, kind } = pulumi.context;
  if (kind === "remote") {
    return false;
  }
  const folder = join(home, "state", ".pulumi", "locks", "organization", "fitnesscrm", stack);
  // One that was killed a moment ago may not have ended yet.
  const deadline = Date.now() + DYING_MILLISECONDS;
  for (;;) {
    const holders = readLocks(folder);
    if (holders.length === 0) {
      return false;
    }
    if (!(await Promise.all(holders.map(holds))).includes(true)) {
      break;
    }
    if (Date.now() > deadline) {
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await pulumi.runChecked("lock of the state", ["cancel", "--yes", "--stack", stack]);
  return true;
}

/** How long an update that holds the state's lock is given to end by itself. */
const DYING_MILLISECONDS = 5_000;

/** The number alone proves nothing: after a restart of the machine it belongs to some other process. */
async function holds({ pid, host }: { pid: number; host: string }): Promise<boolean> {
  return host !== hostname() || (await runningName(pid)) === "pulumi";
}

function readLocks(folder: string): { pid: number; host: string }[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => {
        const lock = JSON.parse(readFileSync(join(folder, name), "utf8")) as {
          pid: number;
          hostname: string;
        };
        return { pid: lock.pid, host: lock.hostname };
      });
  } catch {
    return [];
  }
}

/** What `pulumi up` must be told so that it goes on from where the world is, not from where the state thinks it is. */
export async function planRecovery(state: StackState, docker: DockerHost, stack: string): Promise<Recovery> {
  const lostImages = await imagesToRebuild(state, docker);
  const lostServices = await servicesGone(state, docker, stack);
  return {
    args: lostImages.flatMap((urn) => ["--replace", urn]),
    refresh: lostServices.length > 0,
    notes: [
      ...(lostImages.length > 0
        ? [`${lostImages.length} images are gone from the engine and are made again`]
        : []),
      ...(lostServices.length > 0 ? [`gone from the engine and made again: ${lostServices.join(", ")}`] : []),
    ],
  };
}

/**
 * Makes volumes again that the state knows and the engine does not, before a task that wants one has the engine make it
 * without labels.
 *
 * @returns One line for each that is gone, or that the engine has made anew: what it held is lost here.
 */
export async function recoverVolumes(
  state: StackState,
  docker: DockerHost,
  stack: string,
): Promise<string[]> {
  const declared = (state.resources ?? []).flatMap(({ type, inputs, outputs }) =>
    type === "docker:index/volume:Volume" && typeof inputs?.name === "string"
      ? [{ name: inputs.name, labelled: Array.isArray(outputs?.labels) && outputs.labels.length > 0 }]
      : [],
  );
  if (declared.length === 0) {
    return [];
  }
  const label = `fitnesscrm.stack=${stack}`;
  const list = (...filter: string[]) => docker.runChecked("volumes", ["volume", "ls", "--quiet", ...filter]);
  const [all, ours] = (await Promise.all([list(), list("--filter", `label=${label}`)])).map(
    (text) => new Set(words(text)),
  );
  const notes: string[] = [];
  for (const { name, labelled } of declared) {
    if (!all?.has(name)) {
      await docker.runChecked(`volume ${name}`, ["volume", "create", "--label", label, name]);
      notes.push(`volume ${name} was gone and is made again, empty: ${whatNow(name, stack)}`);
    } else if (labelled && !ours?.has(name)) {
      notes.push(`volume ${name} was lost, the engine has made a new one: ${whatNow(name, stack)}`);
    }
  }
  return notes;
}

const RESTORE = "./fitnesscrm restore brings its data back";
const WORKING = "nothing in it has to last";
/** What a backup holds, and what becomes of the rest. */
const AFTER_LOSS: ReadonlyMap<string, string> = new Map([
  ["postgres", RESTORE],
  ["uploads", RESTORE],
  ["redis", "the cache and what else was in Redis begin anew"],
  ["backups", "the copies in S3 are not touched by it, and the next backup is kept here again"],
  ["edge-log", "the log of requests begins anew"],
  [
    "certificates",
    "ops gets another certificate as soon as it starts, and browsers refuse the page until it has",
  ],
  ["pages", "ops writes its pages again within a minute"],
  ["restore", WORKING],
  ["engine", WORKING],
  ["engine-logs", WORKING],
]);

function whatNow(volume: string, stack: string): string {
  return AFTER_LOSS.get(volume.slice(`fitnesscrm-${stack}-`.length)) ?? "no backup holds what was in it";
}

/** Services that the state knows and the engine does not: its data was wiped, or somebody removed them. */
async function servicesGone(state: StackState, docker: DockerHost, stack: string): Promise<string[]> {
  const declared = (state.resources ?? []).flatMap(({ type, inputs }) =>
    type === "docker:index/service:Service" && typeof inputs?.name === "string" ? [inputs.name] : [],
  );
  const existing = new Set((await docker.services(stack)).map(({ name }) => name));
  return declared.filter((name) => !existing.has(name));
}

/** Image commands whose image is not on the engine any more, e.g. after a prune or on a new disk. */
async function imagesToRebuild(state: StackState, docker: DockerHost): Promise<string[]> {
  const commands = (state.resources ?? []).flatMap((resource) => {
    const image = builtImage(resource);
    return image === undefined ? [] : [{ urn: resource.urn, image }];
  });
  const missing = await Promise.all(commands.map(async ({ image }) => !(await docker.imageExists(image))));
  return commands.filter((_, index) => missing[index]).map(({ urn }) => urn);
}

/** ID of the image that a command of the state has built or pulled; undefined for other resources. */
export function builtImage({ type, outputs }: StateResource): string | undefined {
  const stdout = outputs?.stdout;
  if (
    type !== "command:local:Command" ||
    typeof stdout !== "string" ||
    !stdout.startsWith('{"id":"sha256:')
  ) {
    return undefined;
  }
  return (JSON.parse(stdout) as { id: string }).id;
}
