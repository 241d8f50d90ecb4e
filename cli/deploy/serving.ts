import { type AttemptRecord, changedServices } from "../../attempt";
import type { DockerHost } from "../docker";
import { readAttempt } from "./record";

/** What users talk to. */
const SERVING = ["backend", "frontend", "nginx"] as const;

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
  const now: Record<string, string> = {};
  for (const service of SERVING) {
    const { code, stdout } = await docker.run([
      "service",
      "inspect",
      "--format",
      "{{.Spec.TaskTemplate.ContainerSpec.Image}}",
      `fitnesscrm-${stack}-${service}`,
    ]);
    if (code !== 0) {
      return undefined;
    }
    now[service] = stdout.trim();
  }
  return describeServing(record, record.live, now, stack);
}

export function describeServing(
  { attempt }: Pick<AttemptRecord, "attempt">,
  live: NonNullable<AttemptRecord["live"]>,
  now: Readonly<Record<string, string>>,
  stack: string,
): string {
  const before = Object.fromEntries(SERVING.map((service) => [service, live.images[service] ?? ""]));
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
