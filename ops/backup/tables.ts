import { type Client, DatabaseError, escapeIdentifier } from "pg";
import type { TableSum } from "./manifest";

const LOCK_NOT_AVAILABLE = "55P03";

/** A column as the catalogue describes it. */
export interface Column {
  readonly name: string;
  /** The type in `pg_catalog` (of the elements, for an array), or null for every other type. */
  readonly base: string | null;
  /** Its collation compares bytes, or it has none. */
  readonly bytewise: boolean;
}

export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
}

/**
 * Types whose hash depends on the value alone. Everything else is hashed as text: an enum's hash is that of a number that
 * changes with each restore, json and xml have none, and what an extension's type does is unknown.
 */
const STABLE = new Set(
  [
    ["bool", "char", "name", "bpchar", "varchar", "text", "bytea", "uuid", "jsonb", "oid"],
    ["int2", "int4", "int8", "numeric", "float4", "float8"],
    ["date", "time", "timetz", "timestamp", "timestamptz", "interval"],
    ["inet", "cidr", "macaddr", "macaddr8"],
  ].flat(),
);

/**
 * Settings under which a value's text is the same on every server, whatever it or its roles are set to. Policies that would
 * hide rows become errors.
 */
export const SESSION: readonly string[] = [
  "SET search_path = ''",
  "SET datestyle = 'ISO, YMD'",
  "SET intervalstyle = 'postgres'",
  "SET timezone = 'UTC'",
  "SET extra_float_digits = 3",
  "SET bytea_output = 'hex'",
  "SET lc_monetary = 'C'",
  "SET xmloption = 'content'",
  "SET quote_all_identifiers = off",
  "SET row_security = off",
  "SET statement_timeout = 0",
  "SET lock_timeout = '60s'",
  "SET idle_in_transaction_session_timeout = 0",
];

/**
 * Every table and leaf partition with its columns, largest first: not system schemas, not what an extension brings, not views
 * (a materialized one is made anew by a restore, from tables that are compared), not foreign tables, whose rows are elsewhere.
 */
export const TABLES_QUERY = `
SELECT n.nspname AS schema, c.relname AS name,
  coalesce(json_agg(json_build_object(
    'name', a.attname,
    'base', CASE WHEN coalesce(e.typnamespace, t.typnamespace) = 'pg_catalog'::regnamespace
                 THEN coalesce(e.typname, t.typname) END,
    'bytewise', coalesce(l.collisdeterministic, true)
  ) ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL), '[]') AS columns
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e')
GROUP BY c.oid, n.nspname, c.relname
ORDER BY pg_catalog.pg_relation_size(c.oid) DESC, n.nspname, c.relname`;

/**
 * Begins a transaction to which every table stays as it is until its end. The locks come before its snapshot: a table that is truncated
 * or rewritten after the snapshot looks empty to it.
 *
 * @param waitMs For how long a table that somebody has locked is waited for, milliseconds.
 * @throws Error of one line that names who is in the way: whoever reads it has to end that session, or wait for it.
 */
export async function beginLocked(client: Client, waitMs: number): Promise<void> {
  try {
    // First: the sizes of tables that are locked are waited for, too.
    await client.query(`SET lock_timeout = ${waitMs}`);
    const { rows } = await client.query<Table>(TABLES_QUERY);
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (rows.length > 0) {
      const names = rows.map((table) => `ONLY ${fullName(table)}`).join(", ");
      await client.query(`LOCK TABLE ${names} IN ACCESS SHARE MODE`);
    }
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === LOCK_NOT_AVAILABLE)) throw error;
    await client.query("ROLLBACK");
    throw new Error(
      `${await lockHolder(client)} not free within ${waitMs / 1000} s, lock timeout: wait for what changes it, or end that ` +
        "session by pg_terminate_backend",
      { cause: error },
    );
  }
}

async function lockHolder(client: Client): Promise<string> {
  const { rows } = await client.query<{ name: string; pid: number; role: string; program: string }>(
    `SELECT l.relation::regclass::text AS name, a.pid, a.usename AS role, a.application_name AS program
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
       JOIN pg_catalog.pg_class c ON c.oid = l.relation
     WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND c.relkind = 'r' AND a.datname = current_database()
     ORDER BY c.oid LIMIT 1`,
  );
  const [holder] = rows;
  if (holder === undefined) return "a table was";
  const program = holder.program === "" ? "" : ` (${holder.program})`;
  return `the table ${holder.name} is locked by session ${holder.pid} of ${holder.role}${program}, and was`;
}

const fullName = ({ schema, name }: Table) => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;

/** What of a column goes into its row's hash. */
function hashed(column: Column): string {
  const name = escapeIdentifier(column.name);
  return column.base !== null && STABLE.has(column.base) && column.bytewise
    ? name
    : `(${name}::pg_catalog.text COLLATE pg_catalog."C")`;
}

/**
 * Number of rows and their checksum: the sum of 64-bit hashes of the rows, which no order of the rows changes, modulo 2^64 in
 * hex. It shows damage and loss; it does not stop somebody who makes rows up to fit it (the files' SHA-256 does).
 */
export function tableQuery(table: Table): string {
  const row = `ROW(${table.columns.map(hashed).join(", ")})`;
  const sum =
    table.columns.length === 0
      ? "0"
      : `coalesce(pg_catalog.sum(pg_catalog.hash_record_extended(${row}, 0)), 0)`;
  return `SELECT pg_catalog.count(*)::text AS rows, ${sum}::text AS sum FROM ONLY ${fullName(table)}`;
}

/** A sum of signed 64-bit numbers as 16 hex digits. */
export function checksum(sum: string): string {
  return BigInt.asUintN(64, BigInt(sum)).toString(16).padStart(16, "0");
}

/**
 * Counts and checks every table as the client's transaction sees it; begin one (repeatable read) first. It leaves the session
 * with {@link SESSION}'s settings. Sorted by schema and name.
 */
export async function countTables(client: Client): Promise<TableSum[]> {
  await client.query(SESSION.join("; "));
  const { rows: tables } = await client.query<Table>(TABLES_QUERY);
  const sums: TableSum[] = [];
  for (const table of tables) {
    const { rows } = await client.query<{ rows: string; sum: string }>(tableQuery(table));
    const [found] = rows;
    if (found === undefined) throw new Error(`${table.schema}.${table.name} could not be counted`);
    sums.push({
      schema: table.schema,
      name: table.name,
      rows: Number(found.rows),
      checksum: checksum(found.sum),
    });
  }
  const key = (table: TableSum) => `${table.schema}\u0000${table.name}`;
  return sums.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
