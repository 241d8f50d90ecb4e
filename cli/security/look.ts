/** Looks into images, each by a container that is made for it. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SERVICES } from "../../config";
import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine, type RunResult } from "../exec";
import { type ImageScan, imagesOf } from "./model";
import { type PackageLook, readPackages } from "./packages";

/** An archive that is slow has this long, seconds. */
const SECONDS = 300;
/** Each container holds a list of all of Debian in memory. */
const AT_ONCE = 2;
const MEMORY = "512m";

/** Images that the services of a stack run, in the order of the services. @throws UserError where there are none. */
export async function stackImages(
  docker: DockerHost,
  stack: string,
): Promise<Pick<ImageScan, "image" | "services">[]> {
  const services = await docker.services(stack);
  if (services.length === 0) {
    throw new UserError(`stack ${stack} has no services here: run ./fitnesscrm up --stack ${stack}`);
  }
  const format = '{{index .Spec.Labels "fitnesscrm.service"}} {{.Spec.TaskTemplate.ContainerSpec.Image}}';
  const ids = services.map(({ id }) => id);
  const text = await docker.runChecked("images of the stack", [
    "service",
    "inspect",
    "--format",
    format,
    ...ids,
  ]);
  const order = (service: string): number => (SERVICES as readonly string[]).indexOf(service);
  return imagesOf(
    text
      .split("\n")
      .flatMap((line) => {
        const [service, image] = line.trim().split(" ");
        return service && image ? [{ service, image }] : [];
      })
      .sort((a, b) => order(a.service) - order(b.service)),
  );
}

/** Looks into all of them, a few at once. */
export async function lookAtImages(
  docker: DockerHost,
  stack: string,
  images: readonly Pick<ImageScan, "image" | "services">[],
  detail: (text: string) => void,
): Promise<ImageScan[]> {
  const found: ImageScan[] = [];
  const waiting = images.map((image, index) => ({ ...image, index }));
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { index, ...image } = next;
      detail(image.services.join(", "));
      found[index] = { ...image, packages: await lookAtImage(docker, stack, image.image) };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

/**
 * What an image's packages lack. The container is the image's own, with nothing of the stack in it: no network, volume, secret or setting,
 * and no capability.
 */
export async function lookAtImage(docker: DockerHost, stack: string, image: string): Promise<PackageLook> {
  const name = `fitnesscrm-${stack}-scan-${randomBytes(4).toString("hex")}`;
  try {
    return judgeRun(await docker.run(containerArguments(name, stack, image), SECONDS));
  } finally {
    // One that took too long is still there; any other one is gone by itself.
    await docker.run(["container", "rm", "--force", name]);
  }
}

function containerArguments(name: string, stack: string, image: string): string[] {
  const script = readFileSync(join(__dirname, "packages.sh"), "utf8");
  return [
    ...["run", "--rm", "--pull", "never", "--name", name, "--label", `fitnesscrm.scan=${stack}`],
    ...["--user", "0:0", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    ...["--memory", MEMORY, "--pids-limit", "256", "--workdir", "/", "--no-healthcheck"],
    ...["--entrypoint", "/bin/sh", image, "-c", script],
  ];
}

/** The command's own exit codes: 126 and 127 for an entrypoint that cannot be run, 125 for what the engine refused. */
export function judgeRun({ code, stdout, stderr }: RunResult): PackageLook {
  if (code === 0) {
    return readPackages(stdout);
  }
  if (code === 124) {
    return { state: "failed", reason: `its package archives gave no answer within ${SECONDS} seconds` };
  }
  if ((code === 126 || code === 127) && /\/bin\/sh\b/.test(stderr)) {
    return { state: "not-looked", reason: "it has no shell" };
  }
  if (/No such image|Unable to find image/i.test(stderr)) {
    return { state: "failed", reason: "it is not on this Docker host" };
  }
  return { state: "failed", reason: lastLine(stderr) || `its container ended with exit code ${code}` };
}
