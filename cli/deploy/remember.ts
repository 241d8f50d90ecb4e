import { type AttemptRecord, changedServices } from "../../attempt";
import type { DeploymentRecord } from "../../ops/deployments/record";
import { messageOf, UserError } from "../errors";
import type { Session } from "../session";
import { getDeployment, putDeployment } from "./deploymentRecord";
import { readAttempt } from "./record";

type Gate = DeploymentRecord["gates"][number];

/**
 * Writes the record of a deployment to the bucket (M56).
 *
 * @param images References by service that were to be live after it.
 * @param failure Why it failed; undefined when it succeeded.
 * @throws UserError when it could not be written.
 */
export async function rememberDeployment(
  { docker, context }: Pick<Session, "docker" | "context">,
  record: AttemptRecord,
  images: Record<string, string>,
  failure: string | undefined,
  gate?: Gate,
): Promise<void> {
  const before = record.live?.images ?? {};
  const { attempt, startedAt, by, commit, dirty, backup, despite } = record;
  try {
    await putDeployment(docker, context.stack, {
      attempt,
      result: failure === undefined ? "succeeded" : "failed",
      ...(failure !== undefined && { reason: failure }),
      startedAt,
      endedAt: new Date().toISOString(),
      by,
      commit,
      dirty,
      backup,
      ...(despite !== undefined && { despite }),
      changes: changedServices(before, images).map((service) => ({
        service,
        from: before[service] ?? null,
        to: images[service] ?? "none",
      })),
      gates: [{ name: "before", result: "passed", ...record.before }, ...(gate === undefined ? [] : [gate])],
      images,
      pinned: record.pin?.version ?? null,
    });
  } catch (error) {
    throw new UserError(`deployment record: could not be written to the bucket: ${messageOf(error)}`);
  }
}

/**
 * Records an update that failed before its verification could, so that `releases show` knows of it.
 *
 * @returns A line to say when that is not possible: the update's own failure is what matters.
 */
export async function rememberFailure(session: Session, failure: string): Promise<string | undefined> {
  const record = await readAttempt(session.docker, session.context.stack);
  if (record === undefined || record.stage === "verified") {
    return undefined;
  }
  try {
    const known = await getDeployment(session.docker, session.context.stack, record.attempt);
    if (known === undefined) {
      await rememberDeployment(session, record, record.live?.images ?? {}, failure);
    }
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
