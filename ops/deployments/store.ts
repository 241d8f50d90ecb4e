import { join } from "node:path";
import { PREFIXES } from "../../bucketLayout";
import { type BackupStore, backupStore, type StoreOptions } from "../backup/s3";
import type { BackupSettings } from "../backup/settings";
import { type DeploymentRecord, deploymentRecord, requireAttempt } from "./record";

/** A deployment has its result already: an S3 that is away is waited for this long only. */
const PATIENCE_MS = 20_000;

/** Where the records are, and how to get there. */
export interface DeploymentsPlace {
  settings: Pick<BackupSettings, "bucket" | "region" | "endpoint">;
  /** Folder of the secret files. */
  secrets: string;
  options?: StoreOptions;
}

/** One record in the list, without its content. */
export interface StoredDeployment {
  attempt: string;
  /** ISO time at which it was written. */
  storedAt: string;
}

/** Writes the record of a deployment. One that is there already is overwritten; the bucket keeps its version. */
export async function putDeployment(place: DeploymentsPlace, record: DeploymentRecord): Promise<void> {
  await withStore(place, "backup_writer", (store) =>
    store.putText(keyOf(record.attempt), `${JSON.stringify(record)}\n`),
  );
}

/** @returns null when there is none. @throws Error of one line, also when what lies there is no such record. */
export async function getDeployment(
  place: DeploymentsPlace,
  attempt: string,
): Promise<DeploymentRecord | null> {
  const key = keyOf(requireAttempt(attempt));
  const text = await withStore(place, "backup_reader", (store) => store.getText(key));
  return text === undefined ? null : parseStored(key, text);
}

/** Newest attempt first. */
export async function listDeployments(place: DeploymentsPlace): Promise<StoredDeployment[]> {
  const objects = await withStore(place, "backup_reader", (store) => store.list());
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

function parseStored(key: string, text: string): DeploymentRecord {
  try {
    return deploymentRecord.parse(JSON.parse(text));
  } catch {
    throw new Error(`${PREFIXES.deployments}${key} in S3 is not the record of a deployment: it is damaged`);
  }
}

async function withStore<T>(
  { settings, secrets, options }: DeploymentsPlace,
  credentials: "backup_writer" | "backup_reader",
  work: (store: BackupStore) => Promise<T>,
): Promise<T> {
  const store = backupStore({ ...settings, prefix: PREFIXES.deployments }, join(secrets, credentials), {
    patienceMs: PATIENCE_MS,
    ...options,
  });
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
