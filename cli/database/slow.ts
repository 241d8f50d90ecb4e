import { z } from "zod";
import { shorten } from "../../statementText";
import { columns, duration } from "../table";

export const SLOW_SQL = `
  SELECT rolname AS role, calls, total_exec_time AS "totalMs", mean_exec_time AS "meanMs", max_exec_time AS "maxMs", rows,
    100 * total_exec_time / nullif(sum(total_exec_time) OVER (), 0) AS percent, query
  FROM pg_stat_statements
    JOIN pg_database ON pg_database.oid = dbid
    LEFT JOIN pg_roles ON pg_roles.oid = userid
  WHERE datname = current_database()
  ORDER BY total_exec_time DESC LIMIT 10`;

const statement = z.object({
  role: z.string().nullable(),
  calls: z.number(),
  totalMs: z.number(),
  meanMs: z.number(),
  maxMs: z.number(),
  rows: z.number(),
  /** Of the time of all statements of the database. */
  percent: z.number().nullable(),
  query: z.string(),
});
export const statements = z.array(statement);
export type Statement = z.infer<typeof statement>;

/** Statements without the values in them, which the server leaves in some: they may be data, or a password. */
export function withoutValues(found: readonly Statement[]): Statement[] {
  return found.map((one) => ({ ...one, query: shorten(one.query) }));
}

export function formatSlow(found: readonly Statement[], slowMilliseconds: number): string {
  if (found.length === 0) {
    return "No statement was counted yet.";
  }
  const milliseconds = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  return [
    `Statements by the time they took in all; slow is ${slowMilliseconds} ms or more (M31).`,
    "",
    ...columns(
      ["TOTAL", "SHARE", "CALLS", "MEAN", "SLOWEST", "STATEMENT"],
      found.map(({ totalMs, percent, calls, meanMs, maxMs, query }) => [
        totalMs < 10_000 ? milliseconds(totalMs) : duration(totalMs / 1000),
        `${(percent ?? 0).toFixed(1)} %`,
        String(calls),
        milliseconds(meanMs),
        milliseconds(maxMs),
        `${meanMs >= slowMilliseconds ? "SLOW " : ""}${query}`,
      ]),
    ),
  ].join("\n");
}
