import type { z } from "zod";
import { deploymentRecord } from "./record";
import { type DeploymentsPlace, getDeployment, listDeployments, putDeployment } from "./store";

/**
 * `deployments put`, with the record on standard input, `deployments get ATTEMPT` and `deployments list`.
 *
 * @param read Reads the input.
 * @returns What is printed.
 */
export async function deployments(
  [verb, attempt, ...more]: readonly string[],
  place: DeploymentsPlace,
  read: <T>(schema: z.ZodType<T>) => Promise<T>,
): Promise<unknown> {
  if (verb === "put" && attempt === undefined) {
    const record = await read(deploymentRecord);
    await putDeployment(place, record);
    return { attempt: record.attempt };
  }
  if (verb === "get" && attempt !== undefined && more.length === 0) {
    return getDeployment(place, attempt);
  }
  if (verb === "list" && attempt === undefined) {
    return listDeployments(place);
  }
  throw new Error("deployments takes put with a record on standard input, get ATTEMPT, or list");
}
