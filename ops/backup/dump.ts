import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client, DatabaseError } from "pg";
import { reasonOf } from "../health";
import { encryptOutputTo, type Sum } from "./crypt";
import type { TableSum } from "./manifest";
import { countObjects, leastAdvanced, type ObjectSums, readSequences } from "./objects";
import { childController, start, together } from "./process";
import { beginLocked, countTables } from "./tables";

/** The name under which the server knows our sessions. */
const APPLICATION = "fitnesscrm-backup";
const CONNECT_MS = 15_000;
/** For the sessions of a killed run to leave: the role has no connection to spare. */
const ROOM_MS = 30_000;
/** A deployment that changes tables may hold their locks. */
const LOCK_WAIT_MS = 60_000;
/** As small as gzip makes it, for a fifth of the work; level 1 takes half of this and is up to 4% larger (bench:backup). */
const COMPRESSION = "zstd:3";
/** Of pg_dump, each with a connection beside its own. */
export const JOBS = 2;
const TOO_MANY_CONNECTIONS = "53300";

export interface DatabaseAccess {
  /** File with `postgresql://role:password@host:port/database`. */
  readonly urlFile: string;
  /** Folder for the password file of pg_dump; not on a disk. */
  readonly scratch: string;
  /** Milliseconds for which a table that somebody locked is waited for; a minute when left out. */
  readonly lockWaitMs?: number;
}

/** What the database was at the moment of the snapshot. */
export interface Snapshot {
  readonly takenAt: Date;
  readonly serverVersion: string;
  readonly serverVersionNum: number;
  /** Bytes on the server's disk. */
  readonly bytes: number;
}

export interface OpenSnapshot extends Snapshot {
  /** Name for `pg_dump --snapshot`. */
  readonly id: string;
  readonly client: Client;
  readonly url: URL;
  close(): Promise<void>;
}

async function readUrl(file: string): Promise<URL> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `the secret ${file} is ${error.code === "ENOENT" ? "missing" : `not readable (${error.code})`}`,
    );
  });
  try {
    return new URL(text.trim());
  } catch {
    throw new Error(
      `the secret ${file} is not a URL: postgresql://role:password@host:port/database is expected`,
    );
  }
}

/** A connection, for which those of a killed run leave first. */
async function connect(url: URL, signal: AbortSignal): Promise<Client> {
  const deadline = performance.now() + ROOM_MS;
  for (;;) {
    signal.throwIfAborted();
    const client = new Client({
      connectionString: url.href,
      connectionTimeoutMillis: CONNECT_MS,
      application_name: APPLICATION,
      keepAlive: true,
    });
    // A connection that breaks while no statement runs would otherwise end the process; the next statement says it.
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      const full = error instanceof DatabaseError && error.code === TOO_MANY_CONNECTIONS;
      if (!full || performance.now() > deadline) {
        throw new Error(`the database at ${url.host} cannot be reached: ${reasonOf(error)}`);
      }
      await delay(500, undefined, { signal });
    }
  }
}

/**
 * Opens a transaction whose snapshot others can share. Sessions that a killed run left behind are ended first: the caller
 * holds the lock, so there is no other.
 */
export async function openSnapshot(access: DatabaseAccess, signal: AbortSignal): Promise<OpenSnapshot> {
  const { lockWaitMs = LOCK_WAIT_MS } = access;
  const url = await readUrl(access.urlFile);
  const client = await connect(url, signal);
  try {
    await client.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
       WHERE usename = current_user AND application_name = $1 AND pid <> pg_backend_pid()`,
      [APPLICATION],
    );
    await beginLocked(client, lockWaitMs);
    // Workers of ours would only take the dump's processors.
    await client.query("SET LOCAL max_parallel_workers_per_gather = 0");
    const { rows } = await client.query<{
      id: string;
      at: Date;
      version: string;
      number: string;
      bytes: string;
    }>(
      `SELECT pg_export_snapshot() AS id, clock_timestamp() AS at, current_setting('server_version') AS version,
         current_setting('server_version_num') AS number, pg_database_size(current_database())::text AS bytes`,
    );
    const [row] = rows;
    if (row === undefined) throw new Error("the server gave no snapshot");
    return {
      id: row.id,
      takenAt: row.at,
      serverVersion: row.version,
      serverVersionNum: Number(row.number),
      bytes: Number(row.bytes),
      client,
      url,
      close: () => client.end().catch(() => undefined),
    };
  } catch (error) {
    await client.end().catch(() => undefined);
    throw new Error(`the database at ${url.host} gave no snapshot: ${reasonOf(error)}`, { cause: error });
  }
}

/** The line of a password file for one connection. */
export function passwordLine(url: URL): string {
  const quoted = (text: string) => text.replace(/[\\:]/g, "\\$&");
  const parts = [url.hostname, url.port || "5432", "*", url.username, url.password];
  return `${parts.map((part) => (part === "*" ? part : quoted(decodeURIComponent(part)))).join(":")}\n`;
}

/** The database's address for a command line: without the password. */
export function publicUrl(url: URL): string {
  const shown = new URL(url.href);
  shown.password = "";
  return shown.href;
}

/** What a dump holds, counted. */
export interface DumpSums extends Required<ObjectSums> {
  readonly tables: TableSum[];
}

/**
 * Dumps what a snapshot sees into the new folder `folder`, and beside it counts and checks everything in the same snapshot.
 *
 * @throws Error of one line: what of both failed first, and why.
 */
export async function dump(
  snapshot: OpenSnapshot,
  access: DatabaseAccess,
  folder: string,
  signal: AbortSignal,
): Promise<DumpSums> {
  const passwords = join(access.scratch, "pgpass");
  await mkdir(access.scratch, { recursive: true, mode: 0o700 });
  await writeFile(passwords, passwordLine(snapshot.url), { mode: 0o600 });
  // Before pg_dump reads them: no snapshot holds them still, and the dump's must not look behind.
  const before = await readSequences(snapshot.client);
  const { controller, release } = childController(signal);
  try {
    const pgDump = start(
      "pg_dump",
      [
        "--format=directory",
        `--file=${folder}`,
        `--jobs=${JOBS}`,
        `--compress=${COMPRESSION}`,
        `--snapshot=${snapshot.id}`,
        `--lock-wait-timeout=${access.lockWaitMs ?? LOCK_WAIT_MS}`,
        "--no-password",
        // What counts is the encrypted file, and that one is synced.
        "--no-sync",
        `--dbname=${publicUrl(snapshot.url)}`,
      ],
      {
        signal: controller.signal,
        env: { ...process.env, PGPASSFILE: passwords, PGAPPNAME: APPLICATION, PGCONNECT_TIMEOUT: "15" },
      },
    );
    // A statement knows no signal: the end of its connection ends it.
    const leave = () => void snapshot.close();
    controller.signal.addEventListener("abort", leave, { once: true });
    const counted = countAll(snapshot.client).catch((error: unknown) => {
      throw new Error(`counting the tables failed: ${reasonOf(error)}`);
    });
    const [, sums] = await together<[unknown, Awaited<ReturnType<typeof countAll>>]>(controller, [
      pgDump.done.catch((error: unknown) => {
        throw explainVersion(error, snapshot);
      }),
      counted,
    ]);
    const sequences = leastAdvanced(before, await readSequences(snapshot.client));
    controller.signal.removeEventListener("abort", leave);
    return { ...sums, sequences };
  } finally {
    release();
  }
}

function explainVersion(error: unknown, { serverVersion }: Snapshot): unknown {
  const own = /server version mismatch.*pg_dump version: (\S+)/.exec(reasonOf(error))?.[1];
  return own === undefined
    ? error
    : new Error(
        `the server is PostgreSQL ${serverVersion}, and pg_dump ${own} saves none of a newer version: run an ops image of the ` +
          "server's own version",
      );
}

async function countAll(client: Client): Promise<Omit<DumpSums, "sequences">> {
  const tables = await countTables(client);
  return { tables, ...(await countObjects(client)) };
}

/** Whether a dump failed because the tables were being changed, as a deployment does: the next try may not meet that. */
export function isTableChange(error: unknown): boolean {
  return /could not obtain lock|lock timeout|(relation|table|schema|type|column) .*does not exist|could not open relation|cache lookup failed|deadlock detected/i.test(
    reasonOf(error),
  );
}

/** Puts a dump's folder into an encrypted tar; each file of the folder goes as soon as it is in. */
export async function packDump(
  folder: string,
  recipients: readonly string[],
  file: string,
  signal: AbortSignal,
): Promise<Sum> {
  const names = await readdir(folder);
  const { controller, release } = childController(signal);
  try {
    const tar = start(
      "tar",
      [
        "--create",
        "--file=-",
        `--directory=${folder}`,
        "--format=posix",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--remove-files",
        "--null",
        "--verbatim-files-from",
        "--files-from=-",
      ],
      { signal: controller.signal, stdio: ["pipe", "pipe", "pipe"] },
    );
    if (tar.process.stdout === null || tar.process.stdin === null) throw new Error("tar has no pipes");
    const sum = encryptOutputTo(recipients, tar.process.stdout, file, controller.signal);
    tar.process.stdin.on("error", () => undefined);
    tar.process.stdin.end(names.map((name) => `${name}\0`).join(""));
    const [done] = await together<[Sum, unknown]>(controller, [sum, tar.done]);
    return done;
  } finally {
    release();
  }
}
