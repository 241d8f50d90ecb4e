import { type AttemptRecord, type PinnedRelease, parseRecord, recordName } from "../../attempt";
import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine, run } from "../exec";

/** What the Docker host has recorded of the last attempt to deploy a stack; undefined when there was none. */
export async function readAttempt(docker: DockerHost, stack: string): Promise<AttemptRecord | undefined> {
  const result = await docker.run([
    "config",
    "inspect",
    "--format",
    "{{json .Spec.Data}}",
    recordName(stack),
  ]);
  if (result.code !== 0) {
    return undefined;
  }
  return parseRecord(Buffer.from(JSON.parse(result.stdout) as string, "base64").toString("utf8"));
}

/**
 * Records an attempt.
 *
 * A Swarm config cannot be changed, so that the new one takes the old one's place. A kill in between leaves none, and the next
 * deployment counts as a new attempt: its gates run once more.
 *
 * @throws UserError with the engine's reason.
 */
export async function writeAttempt(docker: DockerHost, stack: string, record: AttemptRecord): Promise<void> {
  await removeAttempt(docker, stack);
  const result = await run(
    "docker",
    ["config", "create", "--label", `fitnesscrm.stack=${stack}`, recordName(stack), "-"],
    { env: docker.environment, input: JSON.stringify(record), timeoutSeconds: 60 },
  );
  if (result.code !== 0) {
    throw new UserError(
      `record of the deployment of stack ${stack}: ${lastLine(result.stderr)}: run this again`,
    );
  }
}

/** Forgets every attempt, e.g. once the stack is gone. */
export async function removeAttempt(docker: DockerHost, stack: string): Promise<void> {
  await docker.run(["config", "rm", recordName(stack)]);
}

/**
 * Lifts the hold of a rollback.
 *
 * @returns The release that was held; undefined when none was.
 */
export async function removePin(docker: DockerHost, stack: string): Promise<PinnedRelease | undefined> {
  const record = await readAttempt(docker, stack);
  if (record?.pin === undefined) {
    return undefined;
  }
  const { pin, ...rest } = record;
  await writeAttempt(docker, stack, rest);
  return pin;
}
