import { Client, escapeIdentifier } from "pg";
import { secret } from "../checks";

/** A schema and a relation in it, as people write it. */
interface Relation {
  readonly schema: string;
  readonly name: string;
}

/** An index that holds much less than its size would. */
export interface BloatedIndex extends Relation {
  readonly bytes: number;
  /** Part of it that is estimated to be empty, 0 to 1. */
  readonly bloat: number;
}

export interface BloatLimits {
  /** Part of an index that must be empty, 0 to 1. */
  readonly bloat: number;
  /** Smaller indexes are not worth it. */
  readonly bytes: number;
}

/** An index is built anew when half of it is empty. Three pages of a small one may be, and nobody would gain from it. */
export const BLOAT: BloatLimits = { bloat: 0.5, bytes: 1024 * 1024 };

const CONNECT_MS = 10_000;

/**
 * Connects as the role of maintenance, which may VACUUM and REINDEX everything and change no data but what it is granted. What is
 * under way on the server ends with the signal: a connection that is only closed would let it go on.
 */
export async function withDatabase<T>(
  urlFile: string,
  signal: AbortSignal,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const connectionString = await secret(urlFile);
  const options = {
    connectionString,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: "fitnesscrm-ops-window",
  };
  const client = new Client(options);
  client.on("error", () => undefined);
  let pid: number | undefined;
  const stop = (): void => {
    const other = new Client(options);
    other.on("error", () => undefined);
    void other
      .connect()
      .then(() => other.query("SELECT pg_terminate_backend($1)", [pid]))
      .catch(() => undefined)
      .finally(() => other.end().catch(() => undefined));
  };
  try {
    await client.connect();
    pid = (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid;
    signal.addEventListener("abort", stop, { once: true });
    signal.throwIfAborted();
    return await work(client);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await client.end().catch(() => undefined);
  }
}

/** VACUUM (ANALYZE) of every table of the application, the most dead rows first. @returns What was done, in one line. */
export async function vacuum(
  client: Client,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<string> {
  const { rows } = await client.query<Relation & { dead: string }>(
    `SELECT schemaname AS schema, relname AS name, n_dead_tup AS dead
       FROM pg_catalog.pg_stat_user_tables ORDER BY n_dead_tup DESC, relname`,
  );
  for (const table of rows) {
    signal.throwIfAborted();
    log(`${shown(table)}: ${table.dead} dead rows`);
    await client.query(`VACUUM (ANALYZE) ${quoted(table)}`);
  }
  const dead = rows.reduce((sum, row) => sum + Number(row.dead), 0);
  return `${count(rows.length, "table")}, ${count(dead, "dead row")} before`;
}

/**
 * Builds bloated indexes anew, without keeping anybody from the table.
 *
 * @returns What was done, in one line.
 * @throws Error when an earlier one that was killed has left its half: only its owner may drop it.
 */
export async function reindex(
  client: Client,
  signal: AbortSignal,
  log: (line: string) => void,
  limits: BloatLimits = BLOAT,
): Promise<string> {
  const bloated = await bloatedIndexes(client, limits);
  for (const index of bloated) {
    signal.throwIfAborted();
    log(`${shown(index)}: about ${Math.round(100 * index.bloat)}% of ${megabytes(index.bytes)} is empty`);
    await client.query(`REINDEX INDEX CONCURRENTLY ${quoted(index)}`);
  }
  const left = await leftovers(client);
  if (left.length > 0) {
    throw new Error(
      `${left.map(shown).join(", ")} is what a killed REINDEX has left: as the table's owner, DROP INDEX CONCURRENTLY it`,
    );
  }
  return bloated.length === 0
    ? "no index is bloated"
    : `${count(bloated.length, "index", "indexes")} built anew: ${bloated.map(shown).join(", ")}`;
}

/**
 * Indexes of the application that are estimated to be bloated, the largest first. An estimate from the statistics that ANALYZE has
 * left: rows, and the width of the columns. B-trees only.
 */
export async function bloatedIndexes(client: Client, { bloat, bytes }: BloatLimits): Promise<BloatedIndex[]> {
  // A page of 8192 bytes has 24 of a header and 16 of the tree's; an entry 4 of a pointer and 8 of a header, and its columns
  // in steps of 8. Pages are filled to 90% where nothing else is said.
  const { rows } = await client.query<Relation & { bytes: string; bloat: number }>(
    `WITH indexes AS (
       SELECT n.nspname AS schema, i.relname AS name, i.relpages, i.reltuples, x.indexrelid,
              COALESCE((SELECT option_value::int FROM pg_options_to_table(i.reloptions) WHERE option_name = 'fillfactor'), 90) AS fill,
              SUM(COALESCE((1 - s.null_frac) * s.avg_width, 1024)) AS width
         FROM pg_catalog.pg_index x
         JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
         JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
         JOIN pg_catalog.pg_am am ON am.oid = i.relam AND am.amname = 'btree'
         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.oid AND a.attnum > 0
         LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND NOT s.inherited AND (
              (s.tablename = t.relname AND s.attname = pg_get_indexdef(i.oid, a.attnum, true))
              OR (s.tablename = i.relname AND s.attname = a.attname))
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND x.indisvalid
          AND NOT x.indisexclusion AND i.relkind = 'i'
        GROUP BY 1, 2, 3, 4, 5, 6
     ), estimated AS (
       SELECT *, pg_catalog.pg_relation_size(indexrelid) AS bytes,
              2 + ceil(GREATEST(reltuples, 0) * (12 + 8 * ceil(width / 8)) / ((8192 - 40) * fill / 100.0)) AS pages
         FROM indexes
     )
     SELECT schema, name, bytes, (1 - pages * 8192 / bytes)::float8 AS bloat
       FROM estimated WHERE bytes >= $1 AND reltuples >= 0 AND 1 - pages * 8192 / bytes >= $2 ORDER BY bytes DESC, name`,
    [bytes, bloat],
  );
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
}

/** What a REINDEX CONCURRENTLY that was ended half way leaves behind. */
async function leftovers(client: Client): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(
    `SELECT n.nspname AS schema, i.relname AS name FROM pg_catalog.pg_index x
       JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
      WHERE NOT x.indisvalid AND i.relname ~ '_cc(new|old)[0-9]*$' AND n.nspname <> 'pg_toast' ORDER BY 1, 2`,
  );
  return rows;
}

function quoted({ schema, name }: Relation): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}

function shown({ schema, name }: Relation): string {
  return schema === "public" ? name : `${schema}.${name}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
