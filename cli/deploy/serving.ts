import { type AttemptRecord, changedServices } from "../../attempt";
import type { DockerHost } from "../docker";
import { RELEASED, type Released } from "../releases/release";
import { readAttempt } from "./record";

export type Serving = Partial<Record<Released, string>>;

/** Images that the services of a release run by now, whatever the state says. */
export async function servingImages(docker: DockerHost, stack: string): Promise<Serving> {
  const names = RELEASED.map((service) => `fitnesscrm-${stack}-${service}`);
  // What exists is printed even where another one does not.
  const { stdout } = await docker.run([
    "service",
    "inspect",
    "--format",
    "{{.Spec.Name}} {{.Spec.TaskTemplate.ContainerSpec.Image}}",
    ...names,
  ]);
  const found = new Map(
    stdout
      .split("\n")
      .map((line) => line.trim().split(" "))
      .flatMap(([name, image]) => (name && image ? [[name, image] as const] : [])),
  );
  return Object.fromEntries(
    RELEASED.flatMap((service) => {
      const image = found.get(`fitnesscrm-${stack}-${service}`);
      return image === undefined ? [] : [[service, image]];
    }),
  );
}

/**
 * What serves after an update that failed, in one sentence.
 *
 * @returns undefined when nothing was live before, or when the engine does not say.
 */
export async function whatServes(docker: DockerHost, stack: string): Promise<string | undefined> {
  const record = await readAttempt(docker, stack);
  if (record?.live === undefined) {
    return undefined;
  }
  const now = await servingImages(docker, stack);
  if (Object.keys(now).length < RELEASED.length) {
    return undefined;
  }
  return describeServing(record, record.live, now, stack);
}

export function describeServing(
  { attempt }: Pick<AttemptRecord, "attempt">,
  live: NonNullable<AttemptRecord["live"]>,
  now: Readonly<Record<string, string>>,
  stack: string,
): string {
  const before = Object.fromEntries(RELEASED.map((service) => [service, live.images[service] ?? ""]));
  const changed = changedServices(before, now);
  const release = `the release before (${live.commit === null ? `attempt ${live.attempt}` : `commit ${live.commit.slice(0, 12)}`})`;
  if (changed.length === 0) {
    return `${release} serves`;
  }
  const option = stack === "local" ? "" : ` --stack ${stack}`;
  return (
    `${changed.join(" and ")} of this attempt (${attempt}) ${changed.length > 1 ? "serve" : "serves"}: ` +
    `./fitnesscrm rollback${option} brings ${release} back`
  );
}
