import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { liveRelease } from "../deployments/live";
import { reasonOf } from "../health";
import { withLock } from "../lock";
import { encryptOutputTo, type Sum, sync } from "./crypt";
import { type DatabaseAccess, dump, isTableChange, openSnapshot, packDump } from "./dump";
import {
  checkRoom,
  complete,
  type LocalBackup,
  localBackups,
  megabytes,
  removePartials,
  roomNeeded,
  writeStatus,
} from "./folder";
import { newId, PARTIAL } from "./id";
import { type BackupEntry, listAll, VERIFIED } from "./list";
import { FILES, fileOf, formatManifest, type Manifest } from "./manifest";
import { childController, start, together } from "./process";
import { toPrune } from "./prune";
import { type BackupStore, backupStore, type Waits } from "./s3";
import { isPassing } from "./s3Errors";
import type { BackupSettings } from "./settings";
import { packUploads, type UploadsSum } from "./uploads";
import { verifyCopy, verifyLocal } from "./verify";

export type { BackupEntry } from "./list";

/** What a run is given by whoever starts it. */
export interface BackupContext {
  /** Ends the run and every program of it. */
  readonly signal: AbortSignal;
  /** Progress, one line each. */
  log(line: string): void;
  /** Why this backup was made, e.g. `before-1.4.0`. */
  readonly label?: string;
}

/** Where the parts are; each has its place in the container. */
export interface BackupPlaces {
  /** Folder of the backups. */
  backups?: string;
  /** Folder of the application's uploads. */
  uploads?: string;
  /** Folder of the secret files. */
  secrets?: string;
  /** Folder for a password file, in memory. */
  scratch?: string;
  /** Milliseconds for which S3 may be away. */
  patienceMs?: number;
  /** Milliseconds for which a locked table is waited for, twice. */
  lockWaitMs?: number;
  /** The clock of that patience. */
  waits?: Waits;
}

export interface BackupResult {
  /** One line. */
  readonly reason: string;
  readonly details: {
    readonly id: string;
    /** Of all its files together. */
    readonly bytes: number;
    /** Of the encrypted dump. */
    readonly sha256: string;
    readonly tables: number;
    readonly rows: number;
    readonly seconds: number;
  };
}

const LABEL = /^[^\p{Cc}\p{Cs}]{1,100}$/u;

type Places = Required<Pick<BackupPlaces, "backups" | "uploads" | "secrets" | "scratch">> &
  Pick<BackupPlaces, "lockWaitMs">;

function places(given: BackupPlaces): Places {
  const { OPS_BACKUPS, OPS_UPLOADS, OPS_SECRETS_DIR } = process.env;
  return {
    backups: given.backups ?? OPS_BACKUPS ?? "/backups",
    uploads: given.uploads ?? OPS_UPLOADS ?? "/uploads",
    secrets: given.secrets ?? OPS_SECRETS_DIR ?? "/run/secrets",
    scratch: given.scratch ?? join(tmpdir(), "ops-backup"),
    lockWaitMs: given.lockWaitMs,
  };
}

/** Compresses a stream and encrypts it into a new file. */
async function packStream(
  source: Readable,
  recipients: readonly string[],
  file: string,
  signal: AbortSignal,
): Promise<Sum> {
  const { controller, release } = childController(signal);
  try {
    const zstd = start("zstd", ["--quiet", "-1", "--stdout"], {
      signal: controller.signal,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const { stdin, stdout } = zstd.process;
    if (stdin === null || stdout === null) throw new Error("zstd has no pipes");
    const sum = encryptOutputTo(recipients, stdout, file, controller.signal);
    const fed = pipeline(source, stdin, { signal: controller.signal });
    const [done] = await together<[Sum, unknown, unknown]>(controller, [sum, fed, zstd.done]);
    return done;
  } finally {
    release();
  }
}

async function saveUploads(
  folder: string,
  recipients: readonly string[],
  file: string,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<{ sum: Sum; listing: UploadsSum }> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new Error(`the uploads ${folder} are not there: the volume must be mounted`);
  }
  const packed = packUploads(folder, log);
  const sum = await packStream(packed.tar, recipients, file, signal);
  return { sum, listing: packed.sum() };
}

/** What a disk that ran full says, in whichever program met it. */
function withDisk(error: unknown, root: string): unknown {
  const reason = reasonOf(error);
  return /ENOSPC|No space left|EDQUOT|quota exceeded/i.test(reason)
    ? new Error(`the disk with ${root} ran full while the backup was made: make room (${reason})`, {
        cause: error,
      })
    : error;
}

/** Makes a complete local backup and gives it its final name. Nothing of one that fails stays. */
async function makeLocal(
  settings: BackupSettings,
  context: BackupContext,
  where: Places,
  last: Manifest | undefined,
): Promise<LocalBackup> {
  const access: DatabaseAccess = {
    urlFile: join(where.secrets, "backup_database_url"),
    scratch: where.scratch,
    lockWaitMs: where.lockWaitMs,
  };
  const { controller, release } = childController(context.signal);
  const { signal } = controller;
  let partial: string | undefined;
  try {
    const snapshot = await openSnapshot(access, signal);
    try {
      await checkRoom(where.backups, roomNeeded(snapshot.bytes, last));
      const id = newId(snapshot.takenAt);
      partial = join(where.backups, `${PARTIAL}${id}`);
      await mkdir(partial, { mode: 0o700 });
      const folder = join(partial, "dump");
      const at = (name: string) => join(partial ?? "", name);

      context.log(`backup ${id}: dumping ${megabytes(snapshot.bytes)}`);
      const database = async () => {
        const sums = await dump(snapshot, access, folder, signal);
        await snapshot.close();
        const sum = await packDump(folder, settings.recipients, at(FILES.database), signal);
        await rm(folder, { recursive: true, force: true });
        return { sums, sum };
      };
      // After the snapshot, so that every upload that a row speaks of is in.
      const [data, uploads] = await together<
        [Awaited<ReturnType<typeof database>>, Awaited<ReturnType<typeof saveUploads>>]
      >(controller, [
        database(),
        saveUploads(where.uploads, settings.recipients, at(FILES.uploads), signal, context.log),
      ]);

      const manifest: Manifest = {
        format: 1,
        id,
        createdAt: snapshot.takenAt.toISOString(),
        finishedAt: new Date().toISOString(),
        label: context.label ?? null,
        release: await liveRelease(where.backups),
        stack: settings.stack,
        serverVersion: snapshot.serverVersion,
        serverVersionNum: snapshot.serverVersionNum,
        database: { name: settings.database.name, bytes: snapshot.bytes },
        ...data.sums,
        uploads: uploads.listing,
        files: [
          { name: FILES.database, ...data.sum },
          { name: FILES.uploads, ...uploads.sum },
        ],
      };
      const text = formatManifest(manifest);
      await writeFile(at(FILES.manifest), text, { mode: 0o600 });
      await sync(at(FILES.manifest));
      signal.throwIfAborted();
      const finished = await complete(where.backups, partial, id);
      partial = undefined;
      return { manifest, text, status: { s3: false, verifiedAt: null }, folder: finished };
    } finally {
      await snapshot.close();
    }
  } catch (error) {
    throw withDisk(error, where.backups);
  } finally {
    release();
    await rm(where.scratch, { recursive: true, force: true });
    if (partial !== undefined) await rm(partial, { recursive: true, force: true });
  }
}

/** Sends a local backup, its manifest last, reads it back and notes both. */
async function sendAndVerify(
  backup: LocalBackup,
  writer: BackupStore,
  reader: BackupStore,
  log: (line: string) => void,
): Promise<void> {
  const { manifest, text, folder } = backup;
  const { id } = manifest;
  if (!backup.status.s3) {
    log(
      `backup ${id}: sending ${megabytes(manifest.files.reduce((sum, { bytes }) => sum + bytes, 0))} to S3`,
    );
    for (const { name } of manifest.files) await writer.put(`${id}/${name}`, join(folder, name));
    await writer.putText(`${id}/${FILES.manifest}`, text);
    await writeStatus(folder, { s3: true, verifiedAt: null });
  }
  log(`backup ${id}: reading the copy back`);
  try {
    await verifyCopy(reader, manifest, text);
  } catch (error) {
    // Sent again by the next run.
    if (/ in S3 is (damaged|not complete)/.test(reasonOf(error))) {
      await writeStatus(folder, { s3: false, verifiedAt: null });
    }
    throw error;
  }
  const verifiedAt = new Date().toISOString();
  await writer.putText(`${id}/${VERIFIED}`, `${JSON.stringify({ id, verifiedAt })}\n`);
  await writeStatus(folder, { s3: true, verifiedAt });
}

/** Sends what earlier runs could not. Resolves with the reason when something still has no verified copy. */
async function sendLeftovers(
  backups: readonly LocalBackup[],
  writer: BackupStore,
  reader: BackupStore,
  context: BackupContext,
): Promise<string | undefined> {
  let reason: string | undefined;
  for (const backup of backups.filter(({ status }) => status.verifiedAt === null)) {
    try {
      await verifyLocal(backup.folder, backup.manifest);
      await sendAndVerify(backup, writer, reader, context.log);
    } catch (error) {
      context.signal.throwIfAborted();
      reason = reasonOf(error);
      context.log(`backup ${backup.manifest.id} still has no verified copy in S3: ${reason}`);
      // The next ones would wait just as long for an S3 that is away.
      if (isPassing(error instanceof Error ? error.cause : undefined)) break;
    }
  }
  return reason;
}

async function prune(root: string, retentionDays: number, log: (line: string) => void): Promise<void> {
  const backups = (await localBackups(root, log)).map(({ manifest, status }) => ({
    id: manifest.id,
    createdAt: manifest.createdAt,
    verifiedAt: status.verifiedAt,
  }));
  for (const id of toPrune(backups, retentionDays, new Date())) {
    log(`removing the local backup ${id}: older than ${retentionDays} days`);
    await rm(join(root, id), { recursive: true, force: true });
  }
}

/**
 * A full backup of the database and the uploads: dumped, encrypted, sent to S3, read back, and old local ones removed (M42 to
 * M44). One at a time.
 *
 * @throws Error of one line. A backup that was complete before S3 failed stays, and the next run sends it.
 * @throws LockTakenError when another backup is running.
 */
export async function runBackup(
  settings: BackupSettings,
  context: BackupContext,
  given: BackupPlaces = {},
): Promise<BackupResult> {
  const where = places(given);
  if (context.label !== undefined && !LABEL.test(context.label)) {
    throw new Error("the label of a backup is one line of at most 100 characters");
  }
  const started = performance.now();
  const lock = join(where.backups, ".backup.lock");
  return withLock(
    lock,
    async (lost) => {
      const signal = AbortSignal.any([context.signal, lost]);
      const own: BackupContext = { ...context, log: (line) => context.log(line), signal };
      const options = { signal, log: own.log, patienceMs: given.patienceMs, waits: given.waits };
      const writer = backupStore(settings, join(where.secrets, "backup_writer"), options);
      const reader = backupStore(settings, join(where.secrets, "backup_reader"), options);
      try {
        await removePartials(where.backups, own.log);
        const earlier = await localBackups(where.backups, own.log);
        // Whatever becomes of them, today's data is saved first thing after.
        const leftover = await sendLeftovers(earlier, writer, reader, own);
        const last = earlier.at(-1)?.manifest;
        const made = await makeLocal(settings, own, where, last).catch((error: unknown) => {
          if (signal.aborted || !isTableChange(error)) throw error;
          own.log(`trying once more, because tables were changed meanwhile: ${reasonOf(error)}`);
          return makeLocal(settings, own, where, last);
        });
        try {
          await sendAndVerify(made, writer, reader, own.log);
        } catch (error) {
          signal.throwIfAborted();
          throw new Error(`backup ${made.manifest.id} is complete on this machine only: ${reasonOf(error)}`, {
            cause: error,
          });
        }
        await prune(where.backups, settings.retentionDaysLocal, own.log);
        if (leftover !== undefined) {
          throw new Error(`backup ${made.manifest.id} is verified, but an earlier one is not: ${leftover}`);
        }
        return resultOf(made.manifest, started);
      } finally {
        writer.close();
        reader.close();
      }
    },
    { what: "backup" },
  );
}

function resultOf(manifest: Manifest, started: number): BackupResult {
  const details = {
    id: manifest.id,
    bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    sha256: fileOf(manifest, FILES.database).sha256,
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
    seconds: (performance.now() - started) / 1000,
  };
  return {
    reason: `${details.id}: ${details.rows} rows of ${details.tables} tables and ${manifest.uploads.files} uploads in ${megabytes(details.bytes)}, verified in S3`,
    details,
  };
}

/**
 * Every backup, newest first, on this machine and in S3. When S3 cannot be asked, local ones only, which is logged.
 */
export async function listBackups(
  settings: BackupSettings,
  given: BackupPlaces & { log?: (line: string) => void; signal?: AbortSignal } = {},
): Promise<BackupEntry[]> {
  const where = places(given);
  const { log = () => undefined, signal, patienceMs = 5_000 } = given;
  const store = backupStore(settings, join(where.secrets, "backup_reader"), { signal, patienceMs });
  try {
    return await listAll(where.backups, store, log);
  } finally {
    store.close();
  }
}
