import type { MakeParts, ReportContext } from "../context";
import { amount } from "./common";

/** Tables smaller than this are read as a whole whatever indexes there are, bytes. */
const SMALL_BYTES = 1024 * 1024;
/** Share of dead rows at which a table is worth a look after its vacuum, percent. */
const DEAD_PERCENT = 20;
const LARGEST = 10;
/** A vacuum reads every table. */
const VACUUM_MS = 3 * 3_600_000;

/** The manual's Wednesday (M11, M53): VACUUM ANALYZE, the ten largest tables, dead rows, indexes that are unused or missing. */
export const tables: MakeParts = (context) => [
  { title: "VACUUM ANALYZE", limitMs: VACUUM_MS, make: () => vacuum(context) },
  { title: `The ${LARGEST} largest tables`, make: () => sizes(context) },
  { title: "Dead rows", make: () => dead(context) },
  { title: "Unused indexes", make: () => unused(context) },
  { title: "Tables that may want an index", make: () => missing(context) },
];

async function vacuum({ maintenance, monitoring }: ReportContext) {
  const [start] = await monitoring<{ now: Date }>("SELECT clock_timestamp() AS now");
  const began = performance.now();
  // Of what the role may maintain: every table of the database. It waits for nobody's lock for ever.
  await maintenance("VACUUM (ANALYZE, SKIP_LOCKED)");
  const seconds = (performance.now() - began) / 1000;
  const [counted] = await monitoring<{ tables: number; done: number }>(
    `SELECT count(*)::float8 AS tables, count(*) FILTER (WHERE last_vacuum >= $1 AND last_analyze >= $1)::float8 AS done
     FROM pg_stat_user_tables`,
    [start?.now],
  );
  const { tables: all = 0, done = 0 } = counted ?? {};
  return {
    facts: [
      {
        label: "Tables done",
        value: amount(done, "count", "vacuumed"),
        tone: done < all ? ("warning" as const) : ("good" as const),
        note: done < all ? `of ${all}: the others were locked by somebody's change` : `of ${all}`,
      },
      { label: "Took", value: amount(seconds, "seconds", "vacuum-seconds") },
    ],
  };
}

async function sizes({ monitoring }: ReportContext) {
  const [total] = await monitoring<{ bytes: number }>(
    "SELECT pg_database_size(current_database())::float8 AS bytes",
  );
  const rows = await monitoring<{ name: string; bytes: number; indexes: number; rows: number }>(
    `SELECT schemaname || '.' || relname AS name, pg_total_relation_size(relid)::float8 AS bytes,
       pg_indexes_size(relid)::float8 AS indexes, n_live_tup::float8 AS rows
     FROM pg_stat_user_tables ORDER BY 2 DESC, 1 LIMIT ${LARGEST}`,
  );
  return {
    facts: [{ label: "Whole database", value: amount(total?.bytes ?? null, "bytes", "database-bytes") }],
    bars: [
      {
        title: "With their indexes",
        unit: "bytes" as const,
        items: rows.map(({ name, bytes }) => ({ label: name, value: bytes })),
      },
    ].filter(({ items }) => items.length > 0),
    tables: [
      {
        columns: ["Table", "Size", "Indexes", "Rows"],
        rows: rows.map((row) => [
          row.name,
          amount(row.bytes, "bytes", `bytes:${row.name}`),
          amount(row.indexes, "bytes"),
          amount(row.rows, "count", `rows:${row.name}`),
        ]),
        empty: "There are no tables.",
      },
    ],
  };
}

async function dead({ monitoring }: ReportContext) {
  const rows = await monitoring<{ name: string; dead: number; percent: number; last: string }>(
    `SELECT schemaname || '.' || relname AS name, n_dead_tup::float8 AS dead,
       (100.0 * n_dead_tup / greatest(n_live_tup + n_dead_tup, 1))::float8 AS percent,
       coalesce(to_char(greatest(last_vacuum, last_autovacuum), 'YYYY-MM-DD HH24:MI "UTC"'), 'never') AS last
     FROM pg_stat_user_tables WHERE n_dead_tup > 0 ORDER BY n_dead_tup DESC, 1 LIMIT ${LARGEST}`,
  );
  const worst = rows.reduce((most, { percent }) => Math.max(most, percent), 0);
  return {
    lead: "After the vacuum: what is left is still seen by a transaction that is open.",
    facts: [
      {
        label: "Largest share of dead rows",
        value: amount(worst, "percent", "dead-percent"),
        ...(worst > DEAD_PERCENT && { tone: "warning" as const }),
      },
    ],
    tables: [
      {
        columns: ["Table", "Dead rows", "Share", "Last vacuum"],
        rows: rows.map((row) => [
          row.name,
          amount(row.dead, "count", `dead:${row.name}`),
          amount(row.percent, "percent"),
          row.last,
        ]),
        empty: "None.",
      },
    ],
  };
}

async function unused({ monitoring }: ReportContext) {
  const [since] = await monitoring<{ at: string | null }>(
    `SELECT to_char(stats_reset, 'YYYY-MM-DD') AS at FROM pg_stat_database WHERE datname = current_database()`,
  );
  const rows = await monitoring<{ name: string; table: string; bytes: number }>(
    `SELECT s.indexrelname AS name, s.schemaname || '.' || s.relname AS table, pg_relation_size(s.indexrelid)::float8 AS bytes
     FROM pg_stat_user_indexes s JOIN pg_index i USING (indexrelid)
     WHERE s.idx_scan = 0 AND NOT i.indisunique AND NOT i.indisprimary
     ORDER BY 3 DESC, 1 LIMIT 20`,
  );
  return {
    lead: `Not used once since the statistics began${since?.at == null ? "" : ` (${since.at})`}; those that keep values unique are left out.`,
    facts: [{ label: "Unused indexes", value: amount(rows.length, "count", "unused-indexes") }],
    tables: [
      {
        columns: ["Index", "Table", "Size"],
        rows: rows.map(({ name, table, bytes }) => [name, table, amount(bytes, "bytes")]),
        empty: "None.",
      },
    ],
  };
}

async function missing({ monitoring }: ReportContext) {
  const rows = await monitoring<{ name: string; scans: number; read: number; bytes: number }>(
    `SELECT schemaname || '.' || relname AS name, seq_scan::float8 AS scans,
       (seq_tup_read / greatest(seq_scan, 1))::float8 AS read, pg_relation_size(relid)::float8 AS bytes
     FROM pg_stat_user_tables
     WHERE seq_scan > coalesce(idx_scan, 0) AND seq_scan > 50 AND pg_relation_size(relid) > ${SMALL_BYTES}
     ORDER BY seq_tup_read DESC, 1 LIMIT ${LARGEST}`,
  );
  return {
    lead: "Read as a whole more often than by an index, and larger than 1 MiB.",
    facts: [
      {
        label: "Such tables",
        value: amount(rows.length, "count", "missing-indexes"),
        ...(rows.length > 0 && { tone: "warning" as const }),
      },
    ],
    tables: [
      {
        columns: ["Table", "Whole reads", "Rows each", "Size"],
        rows: rows.map((row) => [
          row.name,
          amount(row.scans, "count", `scans:${row.name}`),
          amount(row.read, "count"),
          amount(row.bytes, "bytes"),
        ]),
        empty: "None.",
      },
    ],
  };
}
