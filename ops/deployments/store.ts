import { PREFIXES } from "../../bucketLayout";
import { type BucketPlace, parseKept, withKept } from "../backup/kept";
import { type DeploymentRecord, deploymentRecord, requireAttempt } from "./record";

/** A deployment has its result already: an S3 that is away is waited for this long only. */
const RECORDS = { prefix: PREFIXES.deployments, patienceMs: 20_000 };

/** One record in the list, without its content. */
export interface StoredDeployment {
  attempt: string;
  /** ISO time at which it was written. */
  storedAt: string;
}

/** Writes the record of a deployment. One that is there already is overwritten; the bucket keeps its version. */
export async function putDeployment(place: BucketPlace, record: DeploymentRecord): Promise<void> {
  await withKept(place, RECORDS, "backup_writer", (store) =>
    store.putText(keyOf(record.attempt), `${JSON.stringify(record)}\n`),
  );
}

/** @returns null when there is none. @throws Error of one line, also when what lies there is no such record. */
export async function getDeployment(place: BucketPlace, attempt: string): Promise<DeploymentRecord | null> {
  const key = keyOf(requireAttempt(attempt));
  const text = await withKept(place, RECORDS, "backup_reader", (store) => store.getText(key));
  return text === undefined
    ? null
    : parseKept(deploymentRecord, `${RECORDS.prefix}${key}`, text, "is not the record of a deployment");
}

/** Newest attempt first. */
export async function listDeployments(place: BucketPlace): Promise<StoredDeployment[]> {
  const objects = await withKept(place, RECORDS, "backup_reader", (store) => store.list());
  return objects
    .flatMap(({ key, modifiedAt }) =>
      key.endsWith(ENDING)
        ? [{ attempt: key.slice(0, -ENDING.length), storedAt: modifiedAt.toISOString() }]
        : [],
    )
    .sort((a, b) => (a.attempt < b.attempt ? 1 : -1));
}

const ENDING = ".json";

function keyOf(attempt: string): string {
  return `${attempt}${ENDING}`;
}
