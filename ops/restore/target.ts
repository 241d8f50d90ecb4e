/** A new database on a running server that a dump is loaded into. */
import { Client, escapeIdentifier } from "pg";
import { compareTables, type TableSum } from "../backup/manifest";
import { compareObjects, countObjects, type ObjectSums, readSequences } from "../backup/objects";
import { start } from "../backup/process";
import { countTables } from "../backup/tables";
import { reasonOf } from "../health";

/** Parallel restores; more than the cores of a small server only take memory. */
const JOBS = 2;
/** Differences that an error names. */
const SHOWN = 5;

export interface ServerAddress {
  /** A host's name, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  /** libpq's password file with the same password, for the programs. */
  readonly passwordFile?: string;
}

export function connectTo(server: ServerAddress, database: string): Client {
  const client = new Client({
    host: server.host,
    port: server.port,
    user: server.user,
    ...(server.password !== undefined && { password: server.password }),
    database,
    connectionTimeoutMillis: 15_000,
    application_name: "fitnesscrm-restore",
    keepAlive: true,
  });
  // A connection that breaks outside a query would end the process.
  client.on("error", () => undefined);
  return client;
}

export async function withClient<T>(client: Client, work: (client: Client) => Promise<T>): Promise<T> {
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Held on the database `postgres` by whoever loads into a database of that name. */
const LOCK_KEY = "pg_catalog.hashtextextended('fitnesscrm-restore ' || $1, 0)";

/**
 * The database `name` on a server, from its making to its comparison. Until it was compared it has a connection limit of 0, which
 * keeps everybody but superusers out and tells what a killed run has left from what is whole; an advisory lock tells that from
 * what is being loaded now.
 */
export class TargetDatabase {
  #holder: Client | undefined;

  constructor(
    private readonly server: ServerAddress,
    private readonly name: string,
    private readonly signal: AbortSignal,
  ) {}

  async create(owner: string): Promise<void> {
    this.signal.throwIfAborted();
    const holder = connectTo(this.server, "postgres");
    this.#holder = holder;
    try {
      await holder.connect();
      await holder.query(`SELECT pg_catalog.pg_advisory_lock(${LOCK_KEY})`, [this.name]);
      await holder.query(
        `CREATE DATABASE ${escapeIdentifier(this.name)} TEMPLATE template0 OWNER ${escapeIdentifier(owner)} CONNECTION LIMIT 0`,
      );
    } catch (error) {
      await this.#release();
      throw new Error(`the database ${this.name} could not be created: ${reasonOf(error)}`);
    }
  }

  async drop(): Promise<void> {
    try {
      await withClient(connectTo(this.server, "postgres"), (client) =>
        client.query(dropStatement(this.name)),
      );
    } finally {
      await this.#release();
    }
  }

  /** @param dump Folder of a dump in the directory format. */
  async restore(dump: string): Promise<void> {
    const { host, port, user, passwordFile } = this.server;
    await start(
      "pg_restore",
      [
        `--jobs=${JOBS}`,
        "--exit-on-error",
        "--no-password",
        `--host=${host}`,
        `--port=${port}`,
        `--username=${user}`,
        `--dbname=${this.name}`,
        dump,
      ],
      {
        signal: this.signal,
        env: {
          ...process.env,
          ...(passwordFile !== undefined && { PGPASSFILE: passwordFile }),
          PGCONNECT_TIMEOUT: "15",
          // Nobody uses it before it is compared, and a crash means another try.
          PGOPTIONS:
            "-c synchronous_commit=off -c maintenance_work_mem=128MB -c max_parallel_maintenance_workers=2 -c statement_timeout=0",
        },
      },
    ).done;
  }

  /**
   * Compares every table, sequence and large object, gathers statistics, and opens the database to those who may use it.
   *
   * @throws Error of one line that names the first differences; the database stays closed.
   */
  async compare(expected: ObjectSums & { readonly tables: readonly TableSum[] }): Promise<void> {
    const { signal } = this;
    const client = connectTo(this.server, this.name);
    // A statement knows no signal: the end of its connection ends it.
    const leave = () => void client.end().catch(() => undefined);
    signal.addEventListener("abort", leave, { once: true });
    try {
      signal.throwIfAborted();
      await withClient(client, async () => {
        const differences = compareTables(expected.tables, await countTables(client));
        const objects = { ...(await countObjects(client)), sequences: await readSequences(client) };
        differences.push(...compareObjects(expected, objects));
        if (differences.length > 0) {
          const more = differences.length > SHOWN ? ` and ${differences.length - SHOWN} more` : "";
          throw new Error(
            `what was restored is not what the manifest says: ${differences.slice(0, SHOWN).join("; ")}${more}`,
          );
        }
        // A new database has no statistics, and the first queries would be planned blindly.
        await client.query("ANALYZE");
        await client.query(`ALTER DATABASE ${escapeIdentifier(this.name)} CONNECTION LIMIT -1`);
      });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", leave);
    }
    await this.#release();
  }

  async #release(): Promise<void> {
    await this.#holder?.end().catch(() => undefined);
    this.#holder = undefined;
  }
}

function dropStatement(name: string): string {
  return `DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`;
}

/** What the databases that a restore of `live` loads into begin with, as far as a name has room (see `cli/restore/names.ts`). */
export function targetPrefix(live: string): string {
  const room = 39;
  return `${live.slice(0, room)}_restore_`;
}

/**
 * Drops the databases that killed restores of `live` have left half loaded, and says so.
 *
 * @returns Their names.
 */
export async function dropUnfinished(
  server: ServerAddress,
  live: string,
  log: (line: string) => void,
): Promise<string[]> {
  return withClient(connectTo(server, "postgres"), async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT datname AS name FROM pg_catalog.pg_database
       WHERE pg_catalog.starts_with(datname, $1) AND datconnlimit = 0 ORDER BY datname`,
      [targetPrefix(live)],
    );
    const dropped: string[] = [];
    for (const { name } of rows) {
      const { rows: lock } = await client.query<{ free: boolean }>(
        `SELECT pg_catalog.pg_try_advisory_lock(${LOCK_KEY}) AS free`,
        [name],
      );
      if (lock[0]?.free !== true) continue;
      log(`dropping the database ${name}, which a restore that was killed left half loaded`);
      await client.query(dropStatement(name));
      await client.query(`SELECT pg_catalog.pg_advisory_unlock(${LOCK_KEY})`, [name]);
      dropped.push(name);
    }
    return dropped;
  });
}
