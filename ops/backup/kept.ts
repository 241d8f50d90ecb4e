/** What ops keeps in the bucket beside the backups: small objects, each kind below a prefix of its own. */
import { join } from "node:path";
import type { z } from "zod";
import { type BackupStore, backupStore, type StoreOptions } from "./s3";
import type { BackupSettings } from "./settings";

/** Where the bucket is, and how to get there. */
export interface BucketPlace {
  readonly settings: Pick<BackupSettings, "bucket" | "region" | "endpoint">;
  /** Folder of the secret files. */
  readonly secrets: string;
  readonly options?: StoreOptions;
}

/** Objects of one kind. */
export interface KeptKind {
  /** One of `PREFIXES`. */
  readonly prefix: string;
  /** Milliseconds for which an S3 that is away is waited for, unless the place says otherwise. */
  readonly patienceMs: number;
}

/** Does `work` with the objects of a kind, and closes the connection after it. @throws Error of one line when S3 is away. */
export async function withKept<T>(
  { settings, secrets, options }: BucketPlace,
  { prefix, patienceMs }: KeptKind,
  credentials: "backup_writer" | "backup_reader",
  work: (store: BackupStore) => Promise<T>,
): Promise<T> {
  const store = backupStore({ ...settings, prefix }, join(secrets, credentials), { patienceMs, ...options });
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/**
 * The content of an object.
 *
 * @param text Undefined where a listed object has no text any more: damage as well.
 * @param otherwise What an object is of which the schema does not hold, such as "is no report".
 * @throws Error of one line, which names the object.
 */
export function parseKept<T>(
  schema: z.ZodType<T>,
  object: string,
  text: string | undefined,
  otherwise: string,
): T {
  try {
    return schema.parse(JSON.parse(text ?? ""));
  } catch {
    throw new Error(`${object} in S3 ${otherwise}: it is damaged`);
  }
}
