/** The backup that is restored, and its files, checked. */
import { createReadStream } from "node:fs";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Sum, summing } from "../backup/crypt";
import { isId } from "../backup/id";
import { FILES, fileOf, type Manifest, parseManifest } from "../backup/manifest";
import { type BackupStore, backupStore } from "../backup/s3";
import type { BackupSettings } from "../backup/settings";
import { difference } from "../backup/verify";
import { reasonOf } from "../health";
import type { TaskContext } from "../tasks/runner";
import { type Picked, pick, type Wanted } from "./pick";

export type { From } from "./pick";

/** Where the parts are; each has its place in the container. */
export interface RestorePlaces {
  /** Folder of the local backups. */
  readonly backups: string;
  readonly secrets: string;
  /** Folder on a disk, for fetched files and temporary servers. */
  readonly scratch: string;
  /** Folder in memory, for a password file. */
  readonly memory: string;
}

export function restorePlaces(environment: NodeJS.ProcessEnv = process.env): RestorePlaces {
  return {
    backups: environment.OPS_BACKUPS ?? "/backups",
    secrets: environment.OPS_SECRETS_DIR ?? "/run/secrets",
    scratch: environment.OPS_SCRATCH ?? "/var/lib/restore",
    memory: "/tmp",
  };
}

/** A backup, and where it is read. */
export interface Source {
  readonly manifest: Manifest;
  readonly from: "local" | "s3";
  /** Bytes that reading this file will put into the scratch folder. */
  fetchedBytes(name: string): number;
  /**
   * A file of it, checked against the manifest. One in S3 is written into `folder` first; it also stands in for a local one
   * that is damaged, where S3 may be read.
   *
   * @throws Error of one line when it is missing or differs.
   */
  fetch(name: string, folder: string): Promise<string>;
}

/** How long S3 is asked for where another way is open, milliseconds: who restores has no time. */
const IMPATIENCE_MS = 20_000;

/**
 * Does `work` with the backup that is wanted. Where both places have it, the local copy is nearer. A newest backup whose
 * manifest is damaged is an error, not a reason to take an older one: what lies between would be lost without a word.
 *
 * @throws Error of one line when there is none, or its manifest cannot be used.
 */
export async function withSource<T>(
  settings: BackupSettings,
  wanted: Wanted,
  places: RestorePlaces,
  context: Pick<TaskContext, "signal" | "log">,
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const { signal, log } = context;
  const store = backupStore(settings, join(places.secrets, "backup_reader"), {
    signal,
    log,
    ...(wanted.from === "any" && { patienceMs: IMPATIENCE_MS }),
  });
  try {
    const local = wanted.from === "s3" ? [] : await localIds(places.backups, log);
    const picked = pick(wanted, local, await remoteIds(store, wanted, local, log));
    return await work(await open(picked, store, { wanted, places, log }));
  } finally {
    store.close();
  }
}

/** Complete backups of this machine. */
async function localIds(root: string, log: (line: string) => void): Promise<string[]> {
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the folder of the backups ${root} cannot be read (${error.code})`);
  });
  const complete: string[] = [];
  for (const id of names.filter(isId)) {
    const found = await access(join(root, id, FILES.manifest)).then(
      () => true,
      () => false,
    );
    if (found) complete.push(id);
    else log(`the local backup ${id} has no manifest: it is not complete, and left out`);
  }
  return complete;
}

/** Complete backups in S3; undefined where they are not asked for, or cannot be and local ones do. */
async function remoteIds(
  store: BackupStore,
  { id, from }: Wanted,
  local: readonly string[],
  log: (line: string) => void,
): Promise<string[] | undefined> {
  if (from === "local") return undefined;
  try {
    const keys = (await store.list(id === undefined ? "" : `${id}/`)).map(({ key }) => key);
    const ids = [...new Set(keys.map((key) => key.split("/")[0] ?? ""))].filter(isId);
    const complete = ids.filter((each) => keys.includes(`${each}/${FILES.manifest}`));
    for (const each of ids.filter((known) => !complete.includes(known))) {
      log(`backup ${each} in S3 has no manifest: it is not complete, and left out`);
    }
    return complete;
  } catch (error) {
    if (from === "s3" || local.length === 0) throw error;
    log(`${reasonOf(error)}; only local backups are looked at`);
    return undefined;
  }
}

interface Asked {
  readonly wanted: Wanted;
  readonly places: RestorePlaces;
  log(line: string): void;
}

async function open({ id, places: found }: Picked, store: BackupStore, asked: Asked): Promise<Source> {
  const { backups } = asked.places;
  const problems: string[] = [];
  for (const place of found) {
    const where = place === "local" ? "on this machine" : "in S3";
    const text =
      place === "local"
        ? await readFile(join(backups, id, FILES.manifest), "utf8").catch(() => undefined)
        : await store.getText(`${id}/${FILES.manifest}`);
    try {
      if (text === undefined) throw new Error("the manifest cannot be read");
      const manifest = parseManifest(text);
      if (manifest.id !== id) throw new Error(`the manifest is that of ${manifest.id}`);
      const source = place === "local" ? localSource(manifest, store, asked) : remoteSource(manifest, store);
      for (const problem of problems) asked.log(`${problem}; the copy in S3 is taken`);
      return source;
    } catch (error) {
      problems.push(`backup ${id} ${where} cannot be used: ${reasonOf(error)}`);
    }
  }
  throw new Error(`${problems.join("; ")}: see ./fitnesscrm backups for another one`);
}

function localSource(manifest: Manifest, store: BackupStore, { wanted, places, log }: Asked): Source {
  const remote = remoteSource(manifest, store);
  return {
    manifest,
    from: "local",
    fetchedBytes: () => 0,
    fetch: async (name, folder) => {
      const file = join(places.backups, manifest.id, name);
      const problem = await fileProblem(file, fileOf(manifest, name));
      if (problem === undefined) return file;
      const reason = `the local backup ${manifest.id} is damaged: ${problem}`;
      if (wanted.from === "local") throw new Error(`${reason}: take the copy in S3 with --from s3`);
      log(`${reason}; the copy in S3 is taken`);
      try {
        return await remote.fetch(name, folder);
      } catch (error) {
        throw new Error(`${reason}, and ${reasonOf(error)}`, { cause: error });
      }
    },
  };
}

/** What is wrong with a file, in one line. */
async function fileProblem(
  file: string,
  expected: Sum & { readonly name: string },
): Promise<string | undefined> {
  const { stream, sum } = summing();
  try {
    await pipeline(
      createReadStream(file, { highWaterMark: 1024 * 1024 }),
      stream,
      new Writable({ write: (_chunk, _encoding, next) => next() }),
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? `${expected.name} is missing` : `${expected.name} cannot be read (${code})`;
  }
  return difference(expected.name, expected, sum());
}

function remoteSource(manifest: Manifest, store: BackupStore): Source {
  return {
    manifest,
    from: "s3",
    fetchedBytes: (name) => fileOf(manifest, name).bytes,
    fetch: async (name, folder) => {
      const expected = fileOf(manifest, name);
      const key = `${manifest.id}/${name}`;
      // First: it costs nothing, and a file that is cut need not be fetched to its end.
      const head = await store.head(key);
      if (head === undefined)
        throw new Error(`the copy of ${manifest.id} in S3 is not complete: ${name} is missing`);
      const file = join(folder, name);
      const wrong =
        head.bytes === expected.bytes
          ? difference(name, expected, await store.getToFile(key, file))
          : `${name} has ${head.bytes} bytes, ${expected.bytes} are expected`;
      if (wrong !== undefined) throw new Error(`the copy of ${manifest.id} in S3 is damaged: ${wrong}`);
      return file;
    },
  };
}
