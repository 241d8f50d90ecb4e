import { type LocalBackup, localBackups } from "./folder";
import { isId } from "./id";
import { FILES, fileOf, type Manifest, parseManifest } from "./manifest";
import type { BackupStore, StoredObject } from "./s3";

/** Beside the manifest in the bucket: says that the copy was read back, and when. */
export const VERIFIED = "verified.json";

/** One backup, wherever it is. */
export interface BackupEntry {
  readonly id: string;
  /** ISO time of the snapshot. */
  readonly createdAt: string;
  /** Of all its files together. */
  readonly bytes: number;
  /** Of the encrypted dump. */
  readonly sha256: string;
  readonly label: string | null;
  readonly release: string;
  readonly local: boolean;
  readonly s3: boolean;
  /** ISO time at which the copy in S3 was read back and was right. */
  readonly verifiedAt: string | null;
}

export interface RemoteBackup {
  readonly manifest: Manifest;
  readonly verifiedAt: string | null;
}

export function entryOf(
  manifest: Manifest,
  where: { local: boolean; s3: boolean; verifiedAt: string | null },
): BackupEntry {
  const { id, createdAt, label, release } = manifest;
  return {
    id,
    createdAt,
    bytes: manifest.files.reduce((total, file) => total + file.bytes, 0),
    sha256: fileOf(manifest, FILES.database).sha256,
    label,
    release,
    ...where,
  };
}

/**
 * Both places in one list, newest first. What S3 shows counts more than what is remembered of it.
 *
 * @param remote What the bucket holds, or undefined when it could not be asked.
 */
export function mergeBackups(
  local: readonly LocalBackup[],
  remote: ReadonlyMap<string, RemoteBackup> | undefined,
): BackupEntry[] {
  const entries = local.map(({ manifest, status }) => {
    const there = remote?.get(manifest.id);
    const s3 = remote === undefined ? status.s3 : there !== undefined;
    return entryOf(manifest, {
      local: true,
      s3,
      verifiedAt: s3 ? (status.verifiedAt ?? there?.verifiedAt ?? null) : null,
    });
  });
  const known = new Set(local.map(({ manifest }) => manifest.id));
  for (const [id, { manifest, verifiedAt }] of remote ?? []) {
    if (!known.has(id)) entries.push(entryOf(manifest, { local: false, s3: true, verifiedAt }));
  }
  return entries.sort((a, b) => (a.createdAt === b.createdAt ? 0 : a.createdAt < b.createdAt ? 1 : -1));
}

/** How many manifests are fetched at a time. */
const AT_ONCE = 8;

/**
 * The complete backups in the bucket, by id. A manifest that is damaged is left out and logged.
 *
 * @param known Manifests that need not be fetched.
 */
export async function remoteBackups(
  store: BackupStore,
  known: ReadonlyMap<string, Manifest>,
  log: (line: string) => void,
): Promise<Map<string, RemoteBackup>> {
  const objects = new Map<string, StoredObject>((await store.list()).map((each) => [each.key, each]));
  const ids = [...objects.keys()].flatMap((key) => {
    const [id = "", name, ...more] = key.split("/");
    return isId(id) && name === FILES.manifest && more.length === 0 ? [id] : [];
  });
  const found = new Map<string, RemoteBackup>();
  const look = async (id: string) => {
    const verifiedAt = objects.get(`${id}/${VERIFIED}`)?.modifiedAt.toISOString() ?? null;
    const local = known.get(id);
    if (local !== undefined) {
      found.set(id, { manifest: local, verifiedAt });
      return;
    }
    const text = await store.getText(`${id}/${FILES.manifest}`);
    if (text === undefined) return;
    try {
      const manifest = parseManifest(text);
      if (manifest.id !== id) throw new Error(`the manifest is that of ${manifest.id}`);
      found.set(id, { manifest, verifiedAt });
    } catch (error) {
      log(`${id} in S3 is not a backup: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const queue = [...ids];
  const worker = async () => {
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) await look(id);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found;
}

/** Local folders and the bucket in one list. When S3 cannot be asked the local ones are listed, and that is logged. */
export async function listAll(
  root: string,
  store: BackupStore,
  log: (line: string) => void,
): Promise<BackupEntry[]> {
  const local = await localBackups(root, log);
  const known = new Map(local.map(({ manifest }) => [manifest.id, manifest]));
  const remote = await remoteBackups(store, known, log).catch((error: unknown) => {
    log(`${error instanceof Error ? error.message : String(error)}; only local backups are listed`);
    return undefined;
  });
  return mergeBackups(local, remote);
}
