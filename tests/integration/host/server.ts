/** A bare Debian server in a container: an sshd, sudo, what every provider's image has, and nothing
 * of what a host of FitnessCRM needs. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { stringify } from "yaml";

const runFile = promisify(execFile);
const PROJECT = resolve(__dirname, "../../..");
const BASES = ["fitnesscrm/base:trixie", "debian:trixie-slim"];

/**
 * The packages lie in apt's cache: installing them is what is tested, not the line to the archive.
 *
 * Swap and sysctl belong to the machine, not to a container: stand-ins note what they are told. What makes the swap file is
 * real. The server's clock cannot be touched either: the container may not set it.
 */
const DOCKERFILE = `ARG BASE
FROM \${BASE}
RUN echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fast && rm -f /etc/apt/apt.conf.d/docker-clean
RUN apt-get update && apt-get install -y --no-install-recommends openssh-server sudo ca-certificates curl iproute2 python3-apt && rm -f /etc/ssh/ssh_host_* && apt-get install -y --no-install-recommends --download-only docker.io docker-cli iptables nftables systemd-timesyncd unattended-upgrades && rm -rf /var/lib/apt/lists/*
RUN useradd -m -s /bin/bash deploy && echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy && useradd -m -s /bin/bash guest && passwd -d guest && usermod -p '*' guest && usermod -p '*' deploy
RUN printf '%s\\n' '#!/bin/sh' 'case "$1" in --show*) cat /run/stand-in-swap 2>/dev/null; exit 0 ;; esac' 'echo "$1" >/run/stand-in-swap' >/usr/local/sbin/swapon && chmod 755 /usr/local/sbin/swapon
RUN printf '%s\\n' '#!/bin/sh' 'case "$*" in "-n vm.swappiness") cat /run/stand-in-swappiness 2>/dev/null || echo 60 ;; "-q -w vm.swappiness="*) echo "\${3#*=}" >/run/stand-in-swappiness ;; *) exit 1 ;; esac' >/usr/local/sbin/sysctl && chmod 755 /usr/local/sbin/sysctl
VOLUME /var/lib/docker
CMD ["sh", "-c", "ssh-keygen -A && mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e"]
`;

export async function docker(...args: string[]): Promise<string> {
  return (await runFile("docker", args, { maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
}

async function hasImage(name: string): Promise<boolean> {
  return docker("image", "inspect", name).then(
    () => true,
    () => false,
  );
}

async function ensureImage(): Promise<string> {
  const name = `conf-host-server:${createHash("sha256").update(DOCKERFILE).digest("hex").slice(0, 12)}`;
  if (await hasImage(name)) return name;
  const local = await Promise.all(BASES.map(async (base) => ((await hasImage(base)) ? base : undefined)));
  const base = process.env.TEST_BASE_IMAGE ?? local.find((found) => found !== undefined) ?? BASES.at(-1);
  const build = spawn("docker", ["build", "-q", "-t", name, "--build-arg", `BASE=${base}`, "-"], {
    env: { ...process.env, DOCKER_BUILDKIT: "0" },
    stdio: ["pipe", "ignore", "pipe"],
  });
  build.stdin.end(DOCKERFILE);
  await ended(build, `docker build of ${name}`);
  return name;
}

async function ended(child: ChildProcess, what: string): Promise<void> {
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words += chunk.toString();
  });
  const code = await new Promise<number | null>((done, fail) => {
    child.once("error", fail).once("close", done);
  });
  if (code !== 0) throw new Error(`${what} failed: ${words.slice(-1000)}`);
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server, and a home of the launcher with a stack for each way to reach it. */
export interface TestServer {
  readonly container: string;
  /** The container's own address, as others on its network see it. */
  readonly address: string;
  readonly sshPort: number;
  readonly folder: string;
  /** Runs a shell script in the server, not over SSH. @throws When it fails. */
  sh(script: string): Promise<string>;
  /** Sets `fitnesscrm:host` of a stack. */
  stack(name: string, host: string): void;
  /** Runs the launcher's command; `config` is the ssh_config, by default the one that knows the server. */
  cli(args: readonly string[], config?: string): Promise<CliResult>;
  /** Writes an ssh_config that differs in some lines. */
  sshConfig(name: string, changes: Readonly<Record<string, string>>): string;
  remove(): Promise<void>;
}

export async function startServer(): Promise<TestServer> {
  const image = await ensureImage();
  const folder = mkdtempSync(join(tmpdir(), "conf-host-"));
  const container = await docker(
    ...["run", "--detach", "--hostname", "conf-host-server", "--publish", "127.0.0.1::22"],
    // What an engine in a container needs short of --privileged; the clock stays out of its reach.
    ...[
      "--cap-add",
      "ALL",
      "--cap-drop",
      "SYS_RESOURCE",
      "--cap-drop",
      "SYS_TIME",
      "--cap-drop",
      "SYS_MODULE",
    ],
    ...["seccomp", "apparmor", "systempaths"].flatMap((name) => ["--security-opt", `${name}=unconfined`]),
    image,
  );
  try {
    return await serverIn(container, folder);
  } catch (error) {
    await docker("rm", "--force", "--volumes", container);
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function serverIn(container: string, folder: string): Promise<TestServer> {
  const sh = (script: string): Promise<string> => docker("exec", container, "bash", "-c", script);
  const sshPort = Number((await docker("port", container, "22/tcp")).split("\n")[0]?.split(":").at(-1));
  const address = await docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", container);
  for (const key of ["key", "strange-key"]) {
    await runFile("ssh-keygen", [
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-C",
      "conf-host",
      "-f",
      join(folder, key),
    ]);
  }
  const publicKey = (await runFile("cat", [join(folder, "key.pub")])).stdout.trim();
  for (const [user, home] of Object.entries({
    root: "/root",
    deploy: "/home/deploy",
    guest: "/home/guest",
  })) {
    await sh(
      `install -d -m 700 -o ${user} ${home}/.ssh && echo '${publicKey}' >${home}/.ssh/authorized_keys && chown ${user} ${home}/.ssh/authorized_keys`,
    );
  }
  // The published port is open before the sshd is: whoever answers must greet.
  await until("the server's sshd", () =>
    sh("exec 3<>/dev/tcp/127.0.0.1/22 && head -c 4 <&3").then(
      (text) => text === "SSH-",
      () => false,
    ),
  );
  const hostKey = (await sh("cat /etc/ssh/ssh_host_ed25519_key.pub")).split(" ").slice(0, 2).join(" ");
  writeFileSync(join(folder, "known_hosts"), `[127.0.0.1]:${sshPort} ${hostKey}\n`);
  writeFileSync(join(folder, "no_known_hosts"), "");

  const server: TestServer = {
    container,
    address,
    sshPort,
    folder,
    sh,
    stack(name, host) {
      const place = join(folder, "home", "stacks", name);
      const file = join(place, `Pulumi.${name}.yaml`);
      mkdirSync(place, { recursive: true });
      writeFileSync(file, stringify({ config: { "fitnesscrm:host": host } }));
    },
    sshConfig(name, changes) {
      const lines = {
        IdentityFile: join(folder, "key"),
        IdentitiesOnly: "yes",
        IdentityAgent: "none",
        UserKnownHostsFile: join(folder, "known_hosts"),
        GlobalKnownHostsFile: "/dev/null",
        HostKeyAlgorithms: "ssh-ed25519",
        ...changes,
      };
      const path = join(folder, name);
      writeFileSync(
        path,
        `Host *\n${Object.entries(lines)
          .map((pair) => `  ${pair.join(" ")}\n`)
          .join("")}`,
      );
      return path;
    },
    cli(args, config = join(folder, "ssh_config")) {
      return runCli(args, {
        FITNESSCRM_HOME: join(folder, "home"),
        FITNESSCRM_SSH_CONFIG: config,
      });
    },
    async remove() {
      await docker("rm", "--force", "--volumes", container);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  server.sshConfig("ssh_config", {});
  return server;
}

/** The two commands of this area, run as the launcher runs them. */
export async function runCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<CliResult> {
  const child = spawn(process.execPath, ["--import", "tsx", join(__dirname, "launcher.ts"), ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const code = await new Promise<number>((done, fail) => {
    child.once("error", fail).once("close", (status) => done(status ?? 137));
  });
  return { code, ...output };
}

/** `closed` is an answer that says no; `silent` is none within two seconds. */
export function canConnect(host: string, port: number): Promise<"open" | "closed" | "silent"> {
  return new Promise((done) => {
    const socket = connect({ host, port });
    const finish = (state: "open" | "closed" | "silent"): void => {
      socket.destroy();
      done(state);
    };
    socket.setTimeout(2000, () => finish("silent"));
    socket.once("connect", () => finish("open"));
    socket.once("error", () => finish("closed"));
  });
}

export async function until(what: string, condition: () => Promise<boolean>, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(100);
  }
}
