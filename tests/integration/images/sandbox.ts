import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bundleOps } from "../../../ops/build";

const PROJECT = resolve(__dirname, "../../..");
/** The base of machines that reach package registries only. Elsewhere the Dockerfiles' own default is pulled. */
const BASE = process.env.FITNESSCRM_TEST_BASE ?? "fitnesscrm/base:trixie";

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the docker command; a failure is a result, not an error. `timeout` in milliseconds. */
export function tryDocker(args: readonly string[], timeout = 60_000): Promise<Result> {
  return new Promise((done) => {
    execFile("docker", args, { timeout, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      done({ code, stdout, stderr });
    });
  });
}

/** Runs the docker command and returns what it wrote to stdout. */
export async function docker(args: readonly string[], timeout?: number): Promise<string> {
  const { code, stdout, stderr } = await tryDocker(args, timeout);
  if (code !== 0) {
    throw new Error(
      `docker ${args.slice(0, 3).join(" ")} … ended with ${code}: ${stderr.trim() || stdout.trim()}`,
    );
  }
  return stdout.trim();
}

/** Where the toolchain keeps a program, or undefined where it is not needed. */
export function program(name: string): string | undefined {
  const home =
    process.env.FITNESSCRM_HOME ??
    join(process.env.XDG_DATA_HOME ?? join(homedir(), ".local/share"), "fitnesscrm");
  const path = join(home, "bin", name);
  return existsSync(path) ? path : undefined;
}

const built = new Map<string, Promise<string>>();

/** Builds the image of a folder below the project once a run, with `files` (name: path) put into its context. */
export function image(
  folder: string,
  options: { dockerfile?: string; buildArgs?: Record<string, string>; files?: Record<string, string> } = {},
): Promise<string> {
  const key = JSON.stringify([folder, options]);
  const known = built.get(key) ?? build(folder, options);
  built.set(key, known);
  return known;
}

async function build(folder: string, options: Parameters<typeof image>[1] = {}): Promise<string> {
  const { dockerfile = "Dockerfile", buildArgs = {}, files = {} } = options;
  const work = await mkdtemp(join(tmpdir(), "fitnesscrm-image-"));
  try {
    await cp(join(PROJECT, folder), work, { recursive: true });
    for (const [name, path] of Object.entries(files)) {
      await copyFile(path, join(work, name));
    }
    const known = (await tryDocker(["image", "inspect", BASE])).code === 0;
    const pairs = Object.entries({ ...(known ? { BASE } : {}), ...buildArgs });
    const args = pairs.flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
    return (
      await docker(
        ["build", "--quiet", "--force-rm", "--file", join(work, dockerfile), ...args, work],
        900_000,
      )
    )
      .split("\n")
      .slice(-1)
      .join("");
  } finally {
    await rm(work, { recursive: true });
  }
}

export async function opsImage(): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), "fitnesscrm-ops-"));
  try {
    const bundle = join(work, "main.js");
    await bundleOps(bundle);
    return await build("images/ops", { files: { "main.js": bundle } });
  } finally {
    await rm(work, { recursive: true });
  }
}

/** Asks until `probe` gives something, at most `seconds`; then the last reason is the error's. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  seconds = 90,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let reason = "it did not happen";
  while (Date.now() < end) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) {
        return found;
      }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    await new Promise((next) => setTimeout(next, 200));
  }
  throw new Error(`${what}: ${reason} (waited ${seconds} s)`);
}

export interface ContainerOptions {
  readonly image: string;
  /** Name in the sandbox's network. */
  readonly alias?: string;
  readonly args?: readonly string[];
  readonly entrypoint?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Path in the container: name of a volume of this sandbox, or an absolute path of the host. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** The same, for a volume of this sandbox that the container reads only; as in the stack it leaves its owner alone. */
  readonly readOnlyVolumes?: Readonly<Record<string, string>>;
  readonly tmpfs?: readonly string[];
  /** Ports that are published on loopback, where the host chooses the number. */
  readonly publish?: readonly number[];
  readonly user?: string;
}

/** Containers, volumes, secrets and a network that belong to one test file and go with it. */
export class Sandbox {
  readonly prefix = `fitnesscrm-test-img-${randomBytes(3).toString("hex")}`;
  readonly #containers = new Set<string>();
  readonly #volumes = new Set<string>();
  #secrets = "";
  #count = 0;

  async open(): Promise<void> {
    await docker(["network", "create", this.prefix]);
    this.#secrets = await mkdtemp(join(tmpdir(), "fitnesscrm-secrets-"));
    await chmod(this.#secrets, 0o755);
  }

  async close(): Promise<void> {
    if (this.#containers.size > 0) {
      await tryDocker(["rm", "--force", "--volumes", ...this.#containers]);
    }
    if (this.#volumes.size > 0) {
      await tryDocker(["volume", "rm", ...this.#volumes]);
    }
    await tryDocker(["network", "rm", this.prefix]);
    await rm(this.#secrets, { recursive: true, force: true });
  }

  /** Writes a folder of secrets, which a container sees at /run/secrets. Returns the folder; writing again changes it. */
  async secrets(name: string, values: Readonly<Record<string, string>>): Promise<string> {
    const folder = join(this.#secrets, name);
    await mkdir(folder, { recursive: true });
    for (const [file, value] of Object.entries(values)) {
      await rm(join(folder, file), { force: true });
      await writeFile(join(folder, file), value, { mode: 0o444 });
    }
    return folder;
  }

  /** Starts a container the way the stack does: no capabilities, no new privileges, read-only root. Returns its name. */
  async start(options: ContainerOptions): Promise<string> {
    const name = `${this.prefix}-${++this.#count}`;
    this.#containers.add(name);
    const volumes = Object.entries(options.volumes ?? {}).map(([path, source]) => {
      if (source.startsWith("/")) {
        return `--volume=${source}:${path}:ro`;
      }
      this.#volumes.add(`${this.prefix}-${source}`);
      return `--volume=${this.prefix}-${source}:${path}`;
    });
    for (const [path, source] of Object.entries(options.readOnlyVolumes ?? {})) {
      this.#volumes.add(`${this.prefix}-${source}`);
      volumes.push(`--volume=${this.prefix}-${source}:${path}:ro,nocopy`);
    }
    await docker([
      "run",
      "--detach",
      `--name=${name}`,
      "--cap-drop=ALL",
      "--security-opt=no-new-privileges",
      "--read-only",
      `--network=${this.prefix}`,
      ...(options.alias === undefined ? [] : [`--network-alias=${options.alias}`]),
      ...(options.entrypoint === undefined ? [] : [`--entrypoint=${options.entrypoint}`]),
      ...(options.user === undefined ? [] : [`--user=${options.user}`]),
      ...Object.entries(options.environment ?? {}).map(([key, value]) => `--env=${key}=${value}`),
      ...(options.tmpfs ?? []).map((path) => `--tmpfs=${path}:mode=1777`),
      ...(options.publish ?? []).map((port) => `--publish=127.0.0.1::${port}`),
      ...volumes,
      options.image,
      ...(options.args ?? []),
    ]);
    return name;
  }

  async port(container: string, port: number): Promise<number> {
    return Number((await docker(["port", container, String(port)])).split("\n")[0]?.split(":").pop());
  }
}

export async function exec(container: string, ...command: string[]): Promise<string> {
  return docker(["exec", container, ...command]);
}

/** Both streams of a container. */
export async function logs(container: string): Promise<string> {
  const { stdout, stderr } = await tryDocker(["logs", container]);
  return stdout + stderr;
}

export async function exitCode(container: string): Promise<number> {
  return Number(await docker(["wait", container]));
}

export function healthy(container: string, seconds?: number): Promise<unknown> {
  return eventually(
    `${container} becomes healthy`,
    async () => {
      const { code, stdout } = await tryDocker(["exec", container, "/usr/local/bin/healthcheck"]);
      if (code !== 0) {
        const state = await docker(["inspect", "--format", "{{.State.Status}}", container]);
        throw new Error(
          `${stdout.trim()} (${state}): ${(await logs(container)).split("\n").slice(-4).join(" | ")}`,
        );
      }
      return true;
    },
    seconds,
  );
}

/** Stops a container as the engine does and returns how long it took, in milliseconds. */
export async function stop(container: string, graceSeconds: number): Promise<number> {
  const started = Date.now();
  await docker(["stop", "--time", String(graceSeconds), container], (graceSeconds + 30) * 1000);
  return Date.now() - started;
}

/** A URL answers with 2xx. Each attempt has its own limit: one that meets a server in the middle of its start may hang. */
export function answers(url: string, seconds = 60): Promise<unknown> {
  return eventually(
    `${url} answers`,
    async () => {
      const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
      await answer.arrayBuffer();
      if (!answer.ok) {
        throw new Error(`it answered ${answer.status}`);
      }
      return true;
    },
    seconds,
  );
}
