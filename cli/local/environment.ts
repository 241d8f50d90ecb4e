import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AWS_EMULATOR_IMAGE, MAILBOX_IMAGE } from "../../toolchain";
import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { get } from "../http";
import { isPortFree, whoListens } from "../ports";

/** A helper container of a local stack: what stands in for AWS and for real mail. Never part of production. */
interface HelperContainer {
  /** Short name, in the container's name and its label. */
  role: Role;
  image: string;
  memoryMiB: number;
  /** Further arguments of `docker run`. */
  options?: string[];
  /** What is run instead of the image's own command. */
  command?: string[];
  /** Where it is asked; none of its own for one that asks others. */
  server?: Server;
}

interface Server {
  /** Port inside the container and on this machine. */
  port: { container: number; host: number; setting: string };
  /** Path that answers once it is ready. */
  readyPath: string;
  readySeconds: number;
}

/** In the order of starting. */
const ROLES = ["aws", "mailbox", "relay"] as const;
type Role = (typeof ROLES)[number];

/** Ports of a local stack's helpers on this machine. */
export interface LocalPorts {
  awsPort: number;
  mailboxPort: number;
}

export interface LocalEnvironment {
  /** As this machine reaches the emulator. */
  endpoint: string;
  /** As the stack's containers reach it. */
  containerEndpoint: string;
  /** Changes whenever the emulator lost what it held, since it keeps everything in memory. */
  emulatorInstance: string;
}

const LOOPBACK = "127.0.0.1";
/** How long mail may lie on the emulator's list. */
const RELAY_SECONDS = 0.5;

/**
 * Starts what a local stack needs beside itself: the AWS emulator, the mailbox, and what carries mail from one to the other. What
 * runs already is left alone.
 *
 * Both listen on loopback only; the emulator also on the address by which the stack's containers see this machine.
 */
export async function ensureLocalEnvironment(
  docker: DockerHost,
  stack: string,
  ports: LocalPorts,
): Promise<LocalEnvironment> {
  const gateway = await bridgeAddress(docker);
  const containers = helperContainers(ports);
  const instances = await Promise.all(
    containers.map((container) => ensureContainer(docker, stack, container, gateway)),
  );
  return {
    endpoint: `http://${LOOPBACK}:${ports.awsPort}`,
    containerEndpoint: `http://${gateway}:${ports.awsPort}`,
    emulatorInstance: instances[containers.findIndex(({ role }) => role === "aws")] ?? "",
  };
}

function helperContainers({ awsPort, mailboxPort }: LocalPorts): HelperContainer[] {
  return [
    {
      role: "aws",
      image: AWS_EMULATOR_IMAGE,
      memoryMiB: 1536,
      options: Object.entries({
        SERVICES: "s3,iam,sts,sns,sqs,ses,cloudwatch,events,scheduler,logs",
        SKIP_SSL_CERT_DOWNLOAD: "1",
        DISABLE_EVENTS: "1",
      }).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
      server: {
        port: { container: 4566, host: awsPort, setting: "fitnesscrm:local.awsPort" },
        readyPath: "/_localstack/health",
        readySeconds: 90,
      },
    },
    {
      role: "mailbox",
      image: MAILBOX_IMAGE,
      memoryMiB: 128,
      server: {
        port: { container: 8025, host: mailboxPort, setting: "fitnesscrm:local.mailboxPort" },
        readyPath: "/readyz",
        readySeconds: 30,
      },
    },
    {
      role: "relay",
      // For its Python; the program is handed over, so that Docker Hub's image of the emulator does as well.
      image: AWS_EMULATOR_IMAGE,
      memoryMiB: 256,
      options: [
        // Both others listen on this machine's loopback only, and come and go: a network that is shared with one goes with it.
        ...["--network", "host"],
        ...["--read-only", "--cap-drop", "ALL", "--user", "65534:65534"],
        ...["--no-healthcheck", "--entrypoint", "python3"],
      ],
      command: [
        ...["-I", "-c", readFileSync(join(__dirname, "relay.py"), "utf8")],
        `http://${LOOPBACK}:${awsPort}`,
        `http://${LOOPBACK}:${mailboxPort}`,
        String(RELAY_SECONDS),
      ],
    },
  ];
}

/** The address by which containers in Swarm networks reach this machine. */
async function bridgeAddress(docker: DockerHost): Promise<string> {
  const address = await docker.runChecked("network docker_gwbridge", [
    "network",
    "inspect",
    "docker_gwbridge",
    "--format",
    "{{range .IPAM.Config}}{{.Gateway}}{{end}}",
  ]);
  return address.trim();
}

/** @returns What identifies this life of the container: its id and when it started. */
async function ensureContainer(
  docker: DockerHost,
  stack: string,
  container: HelperContainer,
  gateway: string,
): Promise<string> {
  const name = helperName(stack, container.role);
  const args = runArguments(stack, name, container, gateway);
  const image = await docker.runChecked(`image ${container.image}`, [
    "image",
    "inspect",
    "--format",
    "{{.Id}}",
    container.image,
  ]);
  // The mailbox may be replaced whenever its image was built anew; the emulator would lose what it holds.
  const version = container.role === "mailbox" ? image : container.image;
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([args, version, ...(container.command ?? [])]))
    .digest("hex")
    .slice(0, 16);
  const found = await docker.run([
    "container",
    "inspect",
    "--format",
    '{{index .Config.Labels "fitnesscrm.fingerprint"}} {{.State.Running}}',
    name,
  ]);
  const [current, running] = found.code === 0 ? found.stdout.trim().split(" ") : [];
  if (current !== fingerprint) {
    if (current !== undefined) {
      await docker.runChecked(`container ${name}`, ["container", "rm", "--force", name]);
    }
    await requireOwnPort(container);
    await docker.runChecked(`container ${name}`, [
      ...args,
      "--label",
      `fitnesscrm.fingerprint=${fingerprint}`,
      container.image,
      ...(container.command ?? []),
    ]);
  } else if (running !== "true") {
    await startStopped(docker, name, container);
  }
  await waitUntilReady(docker, name, container);
  const instance = await docker.runChecked(`container ${name}`, [
    "container",
    "inspect",
    "--format",
    "{{.Id}} {{.State.StartedAt}}",
    name,
  ]);
  return instance.trim();
}

async function startStopped(docker: DockerHost, name: string, container: HelperContainer): Promise<void> {
  await requireOwnPort(container);
  await docker.runChecked(`container ${name}`, ["container", "start", name]);
}

function runArguments(stack: string, name: string, container: HelperContainer, gateway: string): string[] {
  const { memoryMiB, role, server, options = [] } = container;
  const publish = (address: string): string[] =>
    server === undefined ? [] : ["--publish", `${address}:${server.port.host}:${server.port.container}`];
  return [
    "run",
    "--detach",
    "--name",
    name,
    "--label",
    `fitnesscrm.stack=${stack}`,
    "--label",
    `fitnesscrm.helper=${role}`,
    "--restart",
    "unless-stopped",
    "--memory",
    `${memoryMiB}m`,
    "--security-opt",
    "no-new-privileges",
    "--log-opt",
    "max-size=10m",
    "--log-opt",
    "max-file=2",
    ...publish(LOOPBACK),
    ...(role === "aws" ? publish(gateway) : []),
    ...options,
  ];
}

async function requireOwnPort({ server }: HelperContainer): Promise<void> {
  if (server !== undefined) {
    await requireFreePort(server.port.host, server.port.setting);
  }
}

/** @throws UserError naming the port, who has it, and the setting to change. */
export async function requireFreePort(port: number, setting: string, address?: string): Promise<void> {
  if (await isPortFree(port, address ?? LOOPBACK)) {
    return;
  }
  const who = await whoListens(port);
  throw new UserError(
    `port ${port} is in use${who === undefined ? "" : ` by ${who}`}: free it, or choose another with ` +
      `--set ${setting.replace("fitnesscrm:", "")}=PORT`,
  );
}

async function waitUntilReady(docker: DockerHost, name: string, { server }: HelperContainer): Promise<void> {
  if (server === undefined) {
    return;
  }
  const url = `http://${LOOPBACK}:${server.port.host}${server.readyPath}`;
  const deadline = Date.now() + server.readySeconds * 1000;
  while (Date.now() < deadline) {
    if (await answers(url)) {
      return;
    }
    const state = await docker.run(["container", "inspect", "--format", "{{.State.Running}}", name]);
    if (state.stdout.trim() !== "true") {
      break;
    }
    await sleep(200);
  }
  const { stdout, stderr } = await docker.run(["container", "logs", "--tail", "1", name]);
  throw new UserError(
    `container ${name} did not become ready within ${server.readySeconds} s, it said last: ${(stderr || stdout).trim() || "nothing"}`,
  );
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await get(url, 2)).status === 200;
  } catch {
    return false;
  }
}

/**
 * Starts a stack's emulator where it was stopped: it remembers what it held for as long as its container is there.
 *
 * @returns Whether there is one. Without it, what it held is gone.
 * @throws UserError when that cannot be told, or it does not become ready.
 */
export async function startEmulator(docker: DockerHost, stack: string, ports: LocalPorts): Promise<boolean> {
  const name = helperName(stack, "aws");
  const emulator = helperContainers(ports).find(({ role }) => role === "aws");
  const { code, stdout, stderr } = await docker.run([
    "container",
    "inspect",
    "--format",
    "{{.State.Running}}",
    name,
  ]);
  if (code !== 0) {
    if (/no such container/i.test(stderr)) {
      return false;
    }
    throw new UserError(`container ${name} cannot be looked at: ${stderr.trim() || `exit code ${code}`}`);
  }
  if (stdout.trim() !== "true" && emulator !== undefined) {
    await startStopped(docker, name, emulator);
    await waitUntilReady(docker, name, emulator);
  }
  return true;
}

export function helperName(stack: string, role: Role): string {
  return `fitnesscrm-${stack}-${role}`;
}

/** Removes the helper containers of a stack, and what the emulator held with them. */
export async function removeLocalEnvironment(docker: DockerHost, stack: string): Promise<void> {
  for (const role of [...ROLES].reverse()) {
    await docker.run(["container", "rm", "--force", "--volumes", helperName(stack, role)]);
  }
}

/** Stops mailbox and relay; the emulator goes on, since it holds the backups and lists what the relay has not carried yet. */
export async function stopMailbox(docker: DockerHost, stack: string): Promise<void> {
  await docker.run([
    "container",
    "stop",
    "--time",
    "2",
    helperName(stack, "relay"),
    helperName(stack, "mailbox"),
  ]);
}
