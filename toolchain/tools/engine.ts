import { spawn } from "node:child_process";
import { open, readFile, rm, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { aptCandidate, aptInstall, aptObstacle, aptUpdate } from "../apt";
import type { Context } from "../context";
import { type Home, writeWhole } from "../home";
import { type Host, runAsRoot } from "../host";
import { identify, isRunning, isSame, type ProcessIdentity } from "../processes";
import { Refusal, type Step, type Tool } from "../types";

const DOWNLOADS = "https://download.docker.com/linux/";
const START_SECONDS = 90;

/** How the engine answers: its version, or why it does not. */
async function ask(host: Host): Promise<{ version: string } | { reason: string }> {
  if ((await host.which("docker")) === undefined) return { reason: "no docker on PATH" };
  const { code, stdout, stderr } = await host.exec(["docker", "version", "--format", "{{.Server.Version}}"], {
    timeout: 20_000,
  });
  if (code === 0 && stdout.trim() !== "") return { version: stdout.trim() };
  return { reason: stderr.trim().split("\n").at(-1) || `\`docker version\` ended with ${code}` };
}

export function engineTool(context: Context): Tool {
  const { host, home } = context;
  const remote = () => (host.env.DOCKER_HOST ? `DOCKER_HOST=${host.env.DOCKER_HOST}` : undefined);
  const elsewhere = () => {
    if (remote() !== undefined) return `${remote()} names an engine that is not started from here`;
    return host.platform === "linux" ? undefined : "engines are installed on Linux only";
  };

  return {
    name: "Docker engine",
    why: "run containers",
    remedy:
      "install Docker (https://docs.docker.com/engine/install/), or set DOCKER_HOST to an engine that answers",
    async present() {
      const answer = await ask(host);
      if ("version" in answer) return `${answer.version}${remote() === undefined ? "" : ` at ${remote()}`}`;
      if (/permission denied/i.test(answer.reason)) {
        const { username } = userInfo();
        throw new Refusal(
          `the user ${username} may not talk to the engine`,
          `run \`sudo usermod -aG docker ${username}\`, log out and in, and try again`,
        );
      }
      if (remote() !== undefined && (await host.which("docker")) !== undefined) {
        throw new Refusal(
          `${remote()} does not answer: ${answer.reason}`,
          "start that engine, or unset DOCKER_HOST to use one on this machine",
        );
      }
      return undefined;
    },
    ways: [
      {
        name: "starting the installed engine",
        root: true,
        async obstacle() {
          if (elsewhere() !== undefined) return elsewhere();
          if ((await host.which("dockerd")) === undefined) return "dockerd is not installed";
          return (await host.which("docker")) === undefined
            ? "the docker command is not installed"
            : undefined;
        },
        get: (step) => start(context, step),
      },
      {
        name: "Docker's apt repository",
        root: true,
        exclusive: "packages",
        async obstacle() {
          return (
            elsewhere() ??
            (await aptObstacle(host)) ??
            (await unknownSystem(host)) ??
            (await host.silent(DOWNLOADS))
          );
        },
        async get(step) {
          await addRepository(context);
          await aptUpdate(host);
          await aptInstall(
            host,
            ["docker-ce", "docker-ce-cli", "containerd.io", "docker-buildx-plugin"],
            step,
          );
          await start(context, step);
        },
      },
      {
        name: "the distribution's package docker.io",
        root: true,
        exclusive: "packages",
        obstacle: async () => elsewhere() ?? (await aptObstacle(host)),
        async get(step) {
          if ((await aptCandidate(host, "docker.io")) === undefined) await aptUpdate(host);
          // Since Debian 13 the docker command is a package of its own.
          const separate = (await aptCandidate(host, "docker-cli")) !== undefined;
          await aptInstall(host, ["docker.io", ...(separate ? ["docker-cli"] : []), "ca-certificates"], step);
          await start(context, step);
        },
      },
    ],
  };
  function start(_: Context, step: Step): Promise<void> {
    return startEngine(host, home, step);
  }
}

async function osRelease(host: Host): Promise<Map<string, string>> {
  const text = await readFile(join(host.root, "etc/os-release"), "utf8").catch(() => "");
  return new Map(
    [...text.matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map((match) => [match[1] ?? "", match[2] ?? ""]),
  );
}

async function unknownSystem(host: Host): Promise<string | undefined> {
  const id = (await osRelease(host)).get("ID") ?? "unknown";
  return id === "debian" || id === "ubuntu" ? undefined : `it serves Debian and Ubuntu, this is ${id}`;
}

/** Adds Docker's repository the way its manual describes. */
async function addRepository({ host, home }: Context): Promise<void> {
  const system = await osRelease(host);
  const base = `${DOWNLOADS}${system.get("ID")}`;
  const key = await host.fetchText(`${base}/gpg`);
  const source = [
    "Types: deb",
    `URIs: ${base}`,
    `Suites: ${system.get("VERSION_CODENAME")}`,
    "Components: stable",
    "Signed-By: /etc/apt/keyrings/docker.asc",
    "",
  ].join("\n");
  await home.inTemporary("docker", async (folder) => {
    await writeWhole(join(folder, "docker.asc"), key);
    await writeWhole(join(folder, "docker.sources"), source);
    const put = (from: string, to: string) =>
      runAsRoot(host, ["install", "-D", "-m", "0644", join(folder, from), to]);
    await put("docker.asc", "/etc/apt/keyrings/docker.asc");
    await put("docker.sources", "/etc/apt/sources.list.d/docker.sources");
  });
}

/** An engine that the toolchain started by hand, because no service manager runs. */
export interface StartedEngine extends ProcessIdentity {
  readonly log: string;
}

const recordPath = (home: Home) => join(home.cache, "dockerd.json");

/** The engine that an earlier run started by hand and that still runs; undefined when there is none. */
export async function startedEngine(home: Home): Promise<StartedEngine | undefined> {
  try {
    const record = JSON.parse(await readFile(recordPath(home), "utf8")) as StartedEngine;
    return (await isSame(record)) ? record : undefined;
  } catch {
    return undefined;
  }
}

async function startEngine(host: Host, home: Home, step: Step): Promise<void> {
  // A package's own script may have started it already.
  if (await answersWithin(host, (await enginePid(host)) === undefined ? 0 : START_SECONDS, step)) return;

  if (await stat(join(host.root, "run/systemd/system")).catch(() => undefined)) {
    await runAsRoot(host, ["systemctl", "start", "docker"]);
    if (!(await answersWithin(host, START_SECONDS, step))) {
      throw new Error(
        `docker.service was started but does not answer after ${START_SECONDS} s; see \`journalctl -u docker\``,
      );
    }
    return;
  }

  await ensureCgroups(host);
  const dockerd = await host.which("dockerd");
  const prefix = await host.asRoot();
  if (dockerd === undefined || prefix === undefined) throw new Error("dockerd needs root");
  const log = join(home.cache, "dockerd.log");
  const file = await open(log, "w");
  const [command, ...args] = [...prefix, dockerd];
  const child = spawn(command ?? dockerd, args, {
    detached: true,
    stdio: ["ignore", file.fd, file.fd],
    cwd: "/",
    env: { ...host.env },
  });
  const ended = new Promise<true>((resolve) => {
    child.once("exit", () => resolve(true));
    child.once("error", () => resolve(true));
  });
  child.unref();
  await file.close();
  let gone = false;
  const watched = ended.then(() => {
    gone = true;
    return false;
  });
  const up = await Promise.race([answersWithin(host, START_SECONDS, step, () => gone), watched]);
  if (!up) {
    child.kill("SIGTERM");
    throw new Error(`dockerd does not come up: ${await lastError(log)} (all of it: ${log})`);
  }
  // With sudo the child is sudo; the engine writes its own number.
  const identity = await identify((await enginePid(host)) ?? child.pid ?? -1);
  const record: StartedEngine = { ...identity, log };
  await writeWhole(recordPath(home), JSON.stringify(record));
}

/**
 * Stops the engine that {@link startedEngine} describes, and no other one.
 * Returns false when there is none. Throws when it does not end within 60 s.
 */
export async function stopEngine(host: Host, home: Home): Promise<boolean> {
  const engine = await startedEngine(home);
  if (engine === undefined) return false;
  // The shell's own kill: small systems lack the program of that name.
  await runAsRoot(host, ["sh", "-c", 'kill -TERM "$1"', "sh", String(engine.pid)]);
  for (const deadline = Date.now() + 60_000; await isSame(engine); await sleep(200)) {
    if (Date.now() > deadline)
      throw new Error(`dockerd (process ${engine.pid}) did not end within 60 s; see ${engine.log}`);
  }
  await rm(recordPath(home), { force: true });
  return true;
}

async function enginePid(host: Host): Promise<number | undefined> {
  for (const path of ["run/docker.pid", "var/run/docker.pid"]) {
    const pid = Number(await readFile(join(host.root, path), "utf8").catch(() => ""));
    if (pid > 0 && (await isRunning(pid))) return pid;
  }
  return undefined;
}

/** @param hopeless Asked before each wait: an engine that has ended need not be waited for. */
async function answersWithin(
  host: Host,
  seconds: number,
  step: Step,
  hopeless: () => boolean = () => false,
): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask(host);
    // Running, though not for this user: the tool itself says what to do about that.
    if ("version" in answer || /permission denied/i.test(answer.reason)) return true;
    if (hopeless() || Date.now() >= deadline) return false;
    step.detail("waiting for the engine to answer");
    await sleep(250);
  }
}

/** Where no service manager has done it, the kernel's resource control must be mounted before an engine starts. */
async function ensureCgroups(host: Host): Promise<void> {
  const mounts = await readFile(join(host.root, "proc/self/mounts"), "utf8").catch(() => "");
  if (/ \/sys\/fs\/cgroup(\/\S*)? cgroup2? /.test(mounts) || mounts === "") return;
  await runAsRoot(host, ["mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"]);
}

async function lastError(log: string): Promise<string> {
  const lines = (await readFile(log, "utf8").catch(() => ""))
    .split("\n")
    .filter((line) => line.trim() !== "");
  const line =
    lines.findLast((text) => /failed to start daemon|level=(fatal|error)/.test(text)) ?? lines.at(-1);
  return (line ?? "it printed nothing").slice(0, 300);
}
