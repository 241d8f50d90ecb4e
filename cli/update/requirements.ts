import { statfsSync } from "node:fs";
import { join } from "node:path";
import type { PinnedRelease } from "../../attempt";
import type { Config } from "../../config";
import { DATA_NODE_LABEL } from "../../labels";
import type { UpOptions } from "../commands/up";
import { readAttempt } from "../deploy/record";
import { pinRefusal } from "../deploy/refusal";
import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { requireFreePort } from "../local/environment";

/** Below this much free space, MiB, images cannot be built and a database stops in the middle of a write. */
const MINIMUM_FREE_MIB = 1024;

/** A deployment would silently undo what somebody rolled back to (M20). */
export async function requireNoPin(docker: DockerHost, stack: string, options: UpOptions): Promise<void> {
  refusePin((await readAttempt(docker, stack))?.pin, stack, options);
}

/** @throws UserError when a release is held and not meant to stay. */
export function refusePin(pin: PinnedRelease | undefined, stack: string, { keepPin }: UpOptions): void {
  if (pin !== undefined && !keepPin) {
    throw new UserError(pinRefusal(pin, stack));
  }
}

export function requireSpace(folder: string): void {
  let path = folder;
  for (;;) {
    try {
      const { bavail, bsize } = statfsSync(path);
      const free = Math.floor((bavail * bsize) / 1024 / 1024);
      if (free < MINIMUM_FREE_MIB) {
        throw new UserError(
          `disk of ${path} has ${free} MiB free: at least ${MINIMUM_FREE_MIB} are needed; free some, for example with ` +
            "`docker image prune`",
        );
      }
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || path === "/") {
        throw error;
      }
      path = join(path, "..");
    }
  }
}

export async function requireEngine(docker: DockerHost): Promise<void> {
  const problem = await docker.problem();
  if (problem !== undefined) {
    throw new UserError(
      `${problem}: ${docker.host === "" ? "start it and run this again" : "run ./fitnesscrm host prepare for this stack"}`,
    );
  }
  const [node = "", label] = (
    await docker.runChecked("Swarm node", [
      "node",
      "inspect",
      "self",
      "--format",
      `{{.ID}} {{index .Spec.Labels "${DATA_NODE_LABEL}"}}`,
    ])
  )
    .trim()
    .split(" ");
  if (label !== "true") {
    await docker.runChecked("Swarm node", ["node", "update", "--label-add", `${DATA_NODE_LABEL}=true`, node]);
  }
}

/** @throws UserError for a port of the edge that somebody else has. */
export async function requireFreeEdgePorts(
  docker: DockerHost,
  stack: string,
  { port, httpsPort, tls }: Config["http"],
): Promise<void> {
  await requireFreeEdgePort(docker, stack, port, "fitnesscrm:http.port");
  if (tls !== undefined) {
    await requireFreeEdgePort(docker, stack, httpsPort, "fitnesscrm:http.httpsPort");
  }
}

async function requireFreeEdgePort(
  docker: DockerHost,
  stack: string,
  port: number,
  key: string,
): Promise<void> {
  if (docker.host.startsWith("ssh://")) {
    return;
  }
  const services = await docker.services(stack);
  const edge = services.find(({ publishedPorts }) => publishedPorts.includes(port));
  // A stack that is stopped still declares its port, but anybody may have taken it meanwhile.
  const ours =
    edge !== undefined && (edge.replicas !== 0 || (await docker.hasContainers(stack, edge.service)));
  if (!ours) {
    await requireFreePort(port, key, "0.0.0.0");
  }
}
