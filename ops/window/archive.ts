import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type Client, escapeIdentifier } from "pg";
import type { ArchiveRule } from "../../maintenanceSettings";

/** Where archives go, and how they get there. */
export interface ArchivePlace {
  /** Folder for a file on its way. */
  readonly scratch: string;
  /** Packs lines into an encrypted file. */
  pack(lines: Readable, file: string): Promise<void>;
  /** Sends a file to S3. @throws Error of one line; what is there then counts for nothing. */
  send(key: string, file: string): Promise<void>;
}

const DAY = 86_400_000;
const ROWS_AT_ONCE = 1000;
/** The file is sent within the transaction. */
const PATIENCE = "1h";

/**
 * Archives and removes what is older than a rule says, counted from the window's beginning. Rows go to S3 first, a JSON object a
 * line, encrypted as backups are, and are removed by the very transaction that read them: one that is changed meanwhile, or an
 * archive that does not arrive, and nothing is removed.
 *
 * @returns What was done, in one line.
 * @throws Error of one line that names the rule.
 */
export async function applyRule(
  client: Client,
  rule: ArchiveRule,
  window: Date,
  place: ArchivePlace,
): Promise<string> {
  const where = `archive rule of table ${rule.table}`;
  await check(client, rule, where);
  const before = new Date(window.getTime() - rule.olderThanDays * DAY);
  const table = `public.${escapeIdentifier(rule.table)}`;
  // As text, since a cursor takes no parameters; by UTC where the column has no zone of its own.
  const old = `${escapeIdentifier(rule.column)} < '${before.toISOString()}'::timestamptz`;
  const file = join(place.scratch, `${rule.table}.jsonl.zst.age`);
  await mkdir(place.scratch, { recursive: true, mode: 0o700 });
  await rm(file, { force: true });
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  try {
    await client.query(
      `SET LOCAL idle_in_transaction_session_timeout = '${PATIENCE}'; SET LOCAL TimeZone = 'UTC'`,
    );
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) AS count FROM ${table} WHERE ${old}`,
    );
    const found = Number(rows[0]?.count);
    let said = "";
    if (found > 0 && rule.archive) {
      const key = `${rule.table}/${before.toISOString().slice(0, 10)}-${window.getTime()}.jsonl.zst.age`;
      await place.pack(
        Readable.from(lines(client, `SELECT to_jsonb(t)::text AS line FROM ${table} t WHERE ${old}`)),
        file,
      );
      const { size } = await stat(file);
      await place.send(key, file);
      said = `, ${(size / 1024).toFixed(0)} KiB in S3`;
    }
    const { rowCount } = await client.query(`DELETE FROM ${table} WHERE ${old}`);
    if (rowCount !== found) {
      throw new Error(`${found} rows were read and ${rowCount} would be removed`);
    }
    await client.query("COMMIT");
    return `${rule.table}: ${found} rows before ${before.toISOString().slice(0, 10)} ${rule.archive ? "archived and removed" : "removed"}${said}`;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw new Error(
      `${where}: ${error instanceof Error ? error.message : String(error)}; nothing is removed`,
    );
  } finally {
    await rm(file, { force: true });
  }
}

async function* lines(client: Client, statement: string): AsyncGenerator<string> {
  await client.query(`DECLARE old_rows NO SCROLL CURSOR FOR ${statement}`);
  for (;;) {
    const { rows } = await client.query<{ line: string }>(`FETCH ${ROWS_AT_ONCE} FROM old_rows`);
    if (rows.length === 0) {
      await client.query("CLOSE old_rows");
      return;
    }
    for (const { line } of rows) {
      yield `${line}\n`;
    }
  }
}

async function check(client: Client, rule: ArchiveRule, where: string): Promise<void> {
  const { rows } = await client.query<{ column: string; type: string }>(
    `SELECT a.attname AS column, pg_catalog.format_type(a.atttypid, NULL) AS type
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE n.nspname = 'public' AND c.relname = $1 AND c.relkind IN ('r', 'p')`,
    [rule.table],
  );
  if (rows.length === 0) {
    throw new Error(
      `${where}: there is no such table in schema public: correct fitnesscrm:maintenance.archive`,
    );
  }
  const type = rows.find(({ column }) => column === rule.column)?.type;
  if (type === undefined) {
    throw new Error(
      `${where}: it has no column ${rule.column}: it has ${rows.map(({ column }) => column).join(", ")}`,
    );
  }
  if (!/^(date|timestamp)/.test(type)) {
    throw new Error(`${where}: column ${rule.column} is a ${type}, not a time`);
  }
  if (!rule.archive) {
    return;
  }
  // What a foreign key removes or empties by itself is in no archive.
  const { rows: taken } = await client.query<{ name: string }>(
    `SELECT DISTINCT k.conrelid::regclass::text AS name
       FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd') AND n.nspname = 'public' AND c.relname = $1
      ORDER BY 1`,
    [rule.table],
  );
  if (taken.length > 0) {
    throw new Error(
      `${where}: rows of ${taken.map(({ name }) => name).join(", ")} would be removed or changed with its rows by a foreign key, and are in no archive: only a table that no such key refers to can be archived`,
    );
  }
}
