import { DatabaseError, Pool, type PoolClient, type PoolConfig, type QueryResultRow } from "pg";
import type { Settings } from "./config";
import { ConnectionError, connectionError } from "./errors";
import { ident, literal } from "./sql";

/** Something that runs statements: one connection, usually inside a transaction. */
export interface Session {
  /** Runs one statement and gives its rows. */
  query<R extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  /** The server's major version, e.g. 17. */
  readonly version: number;
}

const IDLE_MILLISECONDS = 10_000;
const OLDEST_VERSION = 13;
const STARTING_UP = "57P03";
const RETRY_MILLISECONDS = 250;
const CONCURRENT_UPDATE = /tuple concurrently (updated|deleted)/;
const ATTEMPTS = 5;

/**
 * The server that the plugin manages: one pool of connections a database, opened when first needed. Changes are made
 * one at a time, because the server's catalogs refuse two changes of one row at once ("tuple concurrently updated") and
 * the engine works on many resources in parallel.
 */
export class Server {
  readonly #pools = new Map<string, Pool>();
  #lastChange: Promise<unknown> = Promise.resolve();
  #version: number | undefined;

  constructor(readonly settings: Settings) {}

  /** False during a preview whose provider configuration is not known yet. */
  get reachable(): boolean {
    return this.settings.unknown.length === 0;
  }

  /** Runs queries that change nothing. `database` defaults to the provider's. */
  async read<T>(database: string | undefined, work: (session: Session) => Promise<T>): Promise<T> {
    return this.#with(database, work);
  }

  /** Runs one transaction, alone; rolled back when `work` throws. */
  async change<T>(database: string | undefined, work: (session: Session) => Promise<T>): Promise<T> {
    return this.#with(database, (session) => this.#alone(() => this.#transaction(session, work)));
  }

  /** Runs what PostgreSQL refuses inside a transaction (`CREATE DATABASE`), alone, in the provider's database. */
  async changeOutsideTransaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#with(undefined, (session) => this.#alone(() => work(session)));
  }

  /** Whether a database of that name exists. */
  async hasDatabase(name: string): Promise<boolean> {
    return this.read(undefined, async (session) => {
      const rows = await session.query("SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", [name]);
      return rows.length > 0;
    });
  }

  /** Closes our own connections to a database, which would keep it from being dropped, renamed or copied. */
  async leave(database: string): Promise<void> {
    const pool = this.#pools.get(database);
    this.#pools.delete(database);
    await pool?.end();
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.end()));
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(work, work);
    this.#lastChange = turn.catch(() => undefined);
    return turn;
  }

  async #transaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      await session.query("BEGIN");
      try {
        const result = await work(session);
        await session.query("COMMIT");
        return result;
      } catch (error) {
        await session.query("ROLLBACK").catch(() => undefined);
        const concurrent = error instanceof DatabaseError && CONCURRENT_UPDATE.test(error.message);
        if (!concurrent || attempt >= ATTEMPTS) {
          throw error;
        }
      }
    }
  }

  async #with<T>(database: string | undefined, work: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#connect(database ?? this.settings.database);
    let failure: unknown;
    try {
      const session: Session = {
        version: await this.#serverVersion(client),
        query: async <R extends QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
          (await client.query<R>(sql, [...values])).rows,
      };
      return await work(session);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      // A connection that failed for another reason than the statement is of no further use.
      client.release(failure !== undefined && !(failure instanceof DatabaseError));
    }
  }

  async #serverVersion(client: PoolClient): Promise<number> {
    if (this.#version === undefined) {
      const { rows } = await client.query<{ server_version_num: string }>("SHOW server_version_num");
      const version = Math.floor(Number(rows[0]?.server_version_num ?? 0) / 10_000);
      if (version < OLDEST_VERSION) {
        throw new ConnectionError(
          `PostgreSQL at ${this.settings.host}:${this.settings.port} is version ${version}: ${OLDEST_VERSION} or later is needed`,
        );
      }
      this.#version = version;
    }
    return this.#version;
  }

  async #connect(database: string): Promise<PoolClient> {
    const { settings } = this;
    if (!this.reachable) {
      throw new ConnectionError(
        `PostgreSQL cannot be reached yet: the provider's ${settings.unknown.join(", ")} is known only once the update runs`,
      );
    }
    const deadline = Date.now() + (settings.connectTimeoutSeconds || Number.POSITIVE_INFINITY) * 1000;
    for (;;) {
      try {
        return await this.#pool(database).connect();
      } catch (error) {
        const starting = error instanceof DatabaseError && error.code === STARTING_UP;
        if (!starting || Date.now() >= deadline) {
          throw connectionError(settings, database, error);
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
      }
    }
  }

  #pool(database: string): Pool {
    const existing = this.#pools.get(database);
    if (existing !== undefined) {
      return existing;
    }
    const pool = new Pool(poolConfig(this.settings, database));
    // A server that goes away ends idle connections; the pool drops them, and the next operation opens new ones.
    pool.on("error", () => undefined);
    this.#pools.set(database, pool);
    return pool;
  }
}

function poolConfig(settings: Settings, database: string): PoolConfig {
  return {
    host: settings.host,
    port: settings.port,
    user: settings.username,
    password: settings.password ?? "",
    database,
    ssl: ssl(settings),
    max: settings.maxConnections === 0 ? 1_000 : settings.maxConnections,
    connectionTimeoutMillis: settings.connectTimeoutSeconds * 1_000,
    idleTimeoutMillis: IDLE_MILLISECONDS,
    allowExitOnIdle: true,
    application_name: "pulumi-resource-postgresql",
  };
}

function ssl({ sslmode }: Settings): PoolConfig["ssl"] {
  switch (sslmode) {
    case "disable":
      return false;
    case "require":
      return { rejectUnauthorized: false };
    case "verify-ca":
      return { rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case "verify-full":
      return { rejectUnauthorized: true };
  }
}

/** Whether a role exists; `public` always does. */
export async function hasRole(session: Session, name: string): Promise<boolean> {
  if (name === PUBLIC) {
    return true;
  }
  const rows = await session.query("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", [name]);
  return rows.length > 0;
}

/** The pseudo role that every role belongs to. */
export const PUBLIC = "public";

/** A role that stands for the owner of the database that one is connected to; nobody can be made a member of it. */
const DATABASE_OWNER = "pg_database_owner";

/** A subselect for a role's oid, 0 for `public`, from the parameter of that number. */
export function roleOid(parameter: number): string {
  return `(CASE WHEN $${parameter}::text = '${PUBLIC}' THEN 0::oid ELSE (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $${parameter}::text) END)`;
}

/**
 * Runs `work` as a member of the given roles, which PostgreSQL asks for before it lets anyone but a superuser change
 * what those roles own. Memberships that are not there already last only as long as the transaction.
 */
export async function asMemberOf<T>(
  session: Session,
  roles: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const missing = await session.query<{ rolname: string }>(
    `SELECT rolname FROM pg_catalog.pg_roles
     WHERE (rolname = ANY($1)
       OR (${literal(DATABASE_OWNER)} = ANY($1) AND oid = (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database())))
       AND rolname <> ${literal(DATABASE_OWNER)} AND NOT rolsuper AND rolname <> current_user
       AND NOT pg_catalog.pg_has_role(current_user, oid, $2)`,
    [[...new Set(roles)], session.version >= 16 ? "SET" : "MEMBER"],
  );
  for (const { rolname } of missing) {
    await session.query(`GRANT ${ident(rolname)} TO CURRENT_USER`);
  }
  const result = await work();
  for (const { rolname } of missing) {
    if (await hasRole(session, rolname)) {
      await session.query(`REVOKE ${ident(rolname)} FROM CURRENT_USER`);
    }
  }
  return result;
}
