import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AWS_EMULATOR_IMAGE, MAILBOX_IMAGE } from "../../toolchain";
import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { get } from "../http";
import { isPortFree, whoListens } from "../ports";

/** A helper container of a local stack: what stands in for AWS and for real mail. Never part of production. */
interface HelperContainer {
  /** Short name, in the container's name and its label. */
  role: "aws" | "mailbox";
  image: string;
  /** Port inside the container and on this machine. */
  port: { container: number; host: number; setting: string };
  environment: Record<string, string>;
  memoryMiB: number;
  /** Path that answers once it is ready. */
  readyPath: string;
  readySeconds: number;
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

/**
 * Starts what a local stack needs beside itself: the AWS emulator and the mailbox. What runs already is left alone.
 *
 * Both listen on loopback only; the emulator also on the address by which the stack's containers see this machine.
 */
export async function ensureLocalEnvironment(
  docker: DockerHost,
  stack: string,
  ports: { awsPort: number; mailboxPort: number },
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

function helperContainers(ports: { awsPort: number; mailboxPort: number }): HelperContainer[] {
  return [
    {
      role: "aws",
      image: AWS_EMULATOR_IMAGE,
      port: { container: 4566, host: ports.awsPort, setting: "fitnesscrm:local.awsPort" },
      environment: {
        SERVICES: "s3,iam,sts,sns,sqs,ses,cloudwatch,events,scheduler,logs",
        SKIP_SSL_CERT_DOWNLOAD: "1",
        DISABLE_EVENTS: "1",
      },
      memoryMiB: 1536,
      readyPath: "/_localstack/health",
      readySeconds: 90,
    },
    {
      role: "mailbox",
      image: MAILBOX_IMAGE,
      port: { container: 8025, host: ports.mailboxPort, setting: "fitnesscrm:local.mailboxPort" },
      environment: {},
      memoryMiB: 128,
      readyPath: "/readyz",
      readySeconds: 30,
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
  const version = container.role === "aws" ? container.image : image;
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([args, version]))
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
    await requireFreePort(container.port.host, container.port.setting);
    await docker.runChecked(`container ${name}`, [
      ...args,
      "--label",
      `fitnesscrm.fingerprint=${fingerprint}`,
      container.image,
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

async function startStopped(docker: DockerHost, name: string, { port }: HelperContainer): Promise<void> {
  await requireFreePort(port.host, port.setting);
  await docker.runChecked(`container ${name}`, ["container", "start", name]);
}

function runArguments(stack: string, name: string, container: HelperContainer, gateway: string): string[] {
  const { port, environment, memoryMiB, role } = container;
  const publish = (address: string): string[] => ["--publish", `${address}:${port.host}:${port.container}`];
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
    ...Object.entries(environment).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
  ];
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

async function waitUntilReady(docker: DockerHost, name: string, container: HelperContainer): Promise<void> {
  const url = `http://${LOOPBACK}:${container.port.host}${container.readyPath}`;
  const deadline = Date.now() + container.readySeconds * 1000;
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
    `container ${name} did not become ready within ${container.readySeconds} s, it said last: ${(stderr || stdout).trim() || "nothing"}`,
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
export async function startEmulator(
  docker: DockerHost,
  stack: string,
  ports: { awsPort: number; mailboxPort: number },
): Promise<boolean> {
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

export function helperName(stack: string, role: HelperContainer["role"]): string {
  return `fitnesscrm-${stack}-${role}`;
}

/** Removes the helper containers of a stack, and what the emulator held with them. */
export async function removeLocalEnvironment(docker: DockerHost, stack: string): Promise<void> {
  for (const role of ["aws", "mailbox"] as const) {
    await docker.run(["container", "rm", "--force", "--volumes", helperName(stack, role)]);
  }
}

/** Stops the mailbox; the emulator goes on, since it would forget the backups that it holds. */
export async function stopMailbox(docker: DockerHost, stack: string): Promise<void> {
  await docker.run(["container", "stop", helperName(stack, "mailbox")]);
}
