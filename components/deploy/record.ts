import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type AttemptRecord, parseRecord, recordName } from "../../attempt";

/** An engine that does not answer within this time is met again by the provider, which says so. */
const LIMIT_MILLISECONDS = 20_000;

/**
 * What the Docker host has recorded of the last attempt to deploy a stack.
 *
 * @param dockerHost As in DOCKER_HOST; empty for this machine's engine.
 * @returns undefined when there was none, or when the engine does not answer.
 */
export async function readRecord(dockerHost: string, stack: string): Promise<AttemptRecord | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      "docker",
      ["config", "inspect", "--format", "{{json .Spec.Data}}", recordName(stack)],
      {
        timeout: LIMIT_MILLISECONDS,
        env: { ...process.env, ...(dockerHost !== "" && { DOCKER_HOST: dockerHost }) },
      },
    );
    return parseRecord(Buffer.from(JSON.parse(stdout) as string, "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}
