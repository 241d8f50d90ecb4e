import type { z } from "zod";
import type { BucketPlace } from "../backup/kept";
import { reasonOf } from "../health";
import { noteRelease } from "./live";
import { deploymentRecord } from "./record";
import { getDeployment, listDeployments, putDeployment } from "./store";

/**
 * `deployments put`, with the record on standard input, `deployments get ATTEMPT` and `deployments list`.
 *
 * @param backups Folder of the backups.
 * @param read Reads the input.
 * @returns What is printed.
 */
export async function deployments(
  [verb, attempt, ...more]: readonly string[],
  place: BucketPlace,
  backups: string,
  read: <T>(schema: z.ZodType<T>) => Promise<T>,
): Promise<unknown> {
  if (verb === "put" && attempt === undefined) {
    const record = await read(deploymentRecord);
    // That S3 is away changes nothing about what is live, and a full disk nothing about the record.
    await noteRelease(backups, record).catch((error: unknown) =>
      place.options?.log?.(`the next backups name another release: ${reasonOf(error)}`),
    );
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
