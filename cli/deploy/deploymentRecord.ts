import { type DeploymentRecord, deploymentRecord } from "../../ops/deployments/record";
import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { runInOps } from "../ops";

/** Longer than ops waits for an S3 that is away. */
const ANSWER_SECONDS = 60;

/**
 * Writes the record of a deployment to the backup bucket (M56), by way of the stack's ops container.
 *
 * @throws UserError with the reason, e.g. when ops does not run.
 */
export async function putDeployment(
  docker: DockerHost,
  stack: string,
  record: DeploymentRecord,
): Promise<void> {
  await runInOps(docker, stack, "ops", ["deployments", "put"], {
    input: JSON.stringify(record),
    timeoutSeconds: ANSWER_SECONDS,
  });
}

/** @returns undefined when no such record was written. @throws UserError with the reason when it cannot be read. */
export async function getDeployment(
  docker: DockerHost,
  stack: string,
  attempt: string,
): Promise<DeploymentRecord | undefined> {
  const answer = await runInOps(docker, stack, "ops", ["deployments", "get", attempt], {
    timeoutSeconds: ANSWER_SECONDS,
  });
  const parsed = deploymentRecord.nullable().safeParse(answer);
  if (!parsed.success) {
    throw new UserError(
      `record of deployment ${attempt}: its answer is not what this checkout expects: their versions differ, run ` +
        `./fitnesscrm up --stack ${stack}`,
    );
  }
  return parsed.data ?? undefined;
}
