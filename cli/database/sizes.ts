import { z } from "zod";
import { ago, columns, size } from "../table";

export const SIZES_SQL = `
  SELECT schemaname || '.' || relname AS "table", pg_total_relation_size(relid)::float8 AS bytes,
    pg_indexes_size(relid)::float8 AS "indexBytes", n_live_tup::float8 AS rows, n_dead_tup::float8 AS "deadRows",
    greatest(last_vacuum, last_autovacuum) AS "lastVacuum"
  FROM pg_stat_user_tables
  ORDER BY pg_total_relation_size(relid) DESC, 1 LIMIT 10`;

const table = z.object({
  table: z.string(),
  bytes: z.number(),
  indexBytes: z.number(),
  /** As the server counts them, which is not exact. */
  rows: z.number(),
  deadRows: z.number(),
  lastVacuum: z.string().nullable(),
});
export const tables = z.array(table);
export type TableSize = z.infer<typeof table>;

export function formatSizes(found: readonly TableSize[], now: Date): string {
  if (found.length === 0) {
    return "The database has no tables.";
  }
  return columns(
    ["TABLE", "SIZE", "OF IT INDEXES", "ROWS", "DEAD ROWS", "LAST VACUUM"],
    found.map(({ table: name, bytes, indexBytes, rows, deadRows, lastVacuum }) => [
      name,
      size(bytes),
      size(indexBytes),
      String(rows),
      String(deadRows),
      lastVacuum === null ? "never" : `${ago(new Date(lastVacuum), now)} ago`,
    ]),
  ).join("\n");
}
