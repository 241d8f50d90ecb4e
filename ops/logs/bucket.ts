import { join } from "node:path";
import { PREFIXES } from "../../bucketLayout";
import { packLines } from "../backup/pack";
import { type BackupStore, backupStore } from "../backup/s3";
import type { BackupSettings } from "../backup/settings";
import type { RestorePlaces } from "../restore/source";
import type { LogArchiveParts, LogBucket } from "./archive";
import { engineLogs } from "./engine";

/** What the task `log-archive` of the container ops works with. */
export function logArchiveParts(
  settings: BackupSettings,
  { backups, secrets }: Pick<RestorePlaces, "backups" | "secrets">,
  socketPath = process.env.OPS_LOGS_SOCKET ?? "/run/engine-logs/engine.sock",
): LogArchiveParts {
  return {
    stack: settings.stack,
    source: engineLogs(socketPath),
    bucket: logBucket(settings, secrets),
    pack: (lines, file, signal) => packLines(lines, settings.recipients, file, signal),
    scratch: join(backups, ".logs"),
  };
}

/** The objects below the prefix of logs: the writer adds them, and cannot read them. */
export function logBucket(
  settings: Pick<BackupSettings, "bucket" | "region" | "endpoint">,
  secrets: string,
): LogBucket {
  return {
    keys: (signal) =>
      withLogs(settings, secrets, "backup_reader", { signal }, async (store) =>
        (await store.list()).map(({ key }) => key),
      ),
    put: (key, file, signal) =>
      withLogs(settings, secrets, "backup_writer", { signal }, (store) => store.put(key, file)),
    read: (key, signal) =>
      withLogs(settings, secrets, "backup_reader", { signal }, (store) => store.readThrough(key)),
  };
}

export async function withLogs<T>(
  settings: Pick<BackupSettings, "bucket" | "region" | "endpoint">,
  secrets: string,
  credentials: "backup_writer" | "backup_reader",
  options: { signal: AbortSignal; patienceMs?: number },
  work: (store: BackupStore) => Promise<T>,
): Promise<T> {
  const store = backupStore({ ...settings, prefix: PREFIXES.logs }, join(secrets, credentials), options);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
