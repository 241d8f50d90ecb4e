import { readdir, readFile, rename, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { sync } from "./crypt";
import { isId, PARTIAL } from "./id";
import { FILES, type Manifest, parseManifest } from "./manifest";

const statusSchema = z.object({ s3: z.boolean(), verifiedAt: z.iso.datetime().nullable() });

/** What became of a backup after it was made; not part of it. */
export type Status = z.infer<typeof statusSchema>;

const STATUS = "status.json";
const NOTHING_YET: Status = { s3: false, verifiedAt: null };

export interface LocalBackup {
  readonly manifest: Manifest;
  /** The manifest as it lies there. */
  readonly text: string;
  readonly status: Status;
  readonly folder: string;
}

/** All complete local backups, oldest first. One whose manifest is damaged is left out and logged. */
export async function localBackups(root: string, log: (line: string) => void): Promise<LocalBackup[]> {
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the folder of the backups ${root} cannot be read (${error.code})`);
  });
  const found: LocalBackup[] = [];
  for (const id of names.filter(isId).sort()) {
    const folder = join(root, id);
    try {
      const text = await readFile(join(folder, FILES.manifest), "utf8");
      const manifest = parseManifest(text);
      if (manifest.id !== id) throw new Error(`the manifest is that of ${manifest.id}`);
      found.push({ manifest, text, status: await readStatus(folder), folder });
    } catch (error) {
      log(`${folder} is not a backup: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return found;
}

async function readStatus(folder: string): Promise<Status> {
  try {
    return statusSchema.parse(JSON.parse(await readFile(join(folder, STATUS), "utf8")));
  } catch {
    // Missing or damaged: as if nothing were known, and the next run looks at S3 again.
    return NOTHING_YET;
  }
}

export async function writeStatus(folder: string, status: Status): Promise<void> {
  const fresh = join(folder, `${STATUS}.new`);
  await writeFile(fresh, `${JSON.stringify(status)}\n`, { mode: 0o600 });
  await sync(fresh);
  await rename(fresh, join(folder, STATUS));
}

/** Removes what killed runs left. The caller holds the lock, so nobody works on them. */
export async function removePartials(root: string, log: (line: string) => void): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith(PARTIAL)) {
      log(`removing ${name}, which a run that was killed left behind`);
      await rm(join(root, name), { recursive: true, force: true });
    }
  }
}

/** Gives a backup its final name; after that it is there whatever happens. */
export async function complete(root: string, partial: string, id: string): Promise<string> {
  const folder = join(root, id);
  await sync(partial);
  await rename(partial, folder);
  await sync(root);
  return folder;
}

const EXTRA = 1.3;
/** Kept free whatever is expected: the next backup needs its status and the records, too. */
const RESERVE_BYTES = 32 * 1024 * 1024;

/**
 * How much room a backup needs, in bytes: the dump and its encrypted copy lie side by side for a moment. Expected from the
 * last backup, as the database has grown since, and without one from the size of the database.
 */
export function roomNeeded(databaseBytes: number, last: Manifest | undefined): number {
  if (last === undefined) return databaseBytes + RESERVE_BYTES;
  const bytes = (name: string) => last.files.find((file) => file.name === name)?.bytes ?? 0;
  const growth = Math.max(1, databaseBytes / Math.max(1, last.database.bytes));
  return Math.ceil(EXTRA * (2 * bytes(FILES.database) * growth + bytes(FILES.uploads))) + RESERVE_BYTES;
}

/** @throws Error of one line when the disk has too little room. */
export async function checkRoom(root: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(root);
  const free = bavail * bsize;
  if (free < needed) {
    throw new Error(
      `the disk with ${root} has ${megabytes(free)} free and a backup needs about ${megabytes(needed)}: make room or set backup retention shorter`,
    );
  }
}

export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
