import type { TableRows } from "./catalog";
import { momentOf } from "./plan";

/** What a restore has done, as `--json` prints it. */
export interface RestoreSummary {
  stack: string;
  kind: "restore" | "undo" | "dry-run";
  /** null for a point in time. */
  id: string | null;
  /** When the data that is live now stood like this, ISO. */
  createdAt: string;
  seconds: number;
  /** Seconds during which the application did not answer. */
  stoppedSeconds: number;
  /** Seconds by step. */
  steps: { name: string; seconds: number }[];
  /** Rows of every table: what the application had, and what it has. null where there is no such table. */
  tables: { table: string; before: number | null; after: number | null }[];
  /** Name under which the database that was live before is kept; null after a dry run. */
  replaced: string | null;
  /** `swapped`, or why not. */
  uploads: string;
}

/** Rows of every table before and after, by name. */
export function compareRows(
  before: readonly TableRows[],
  after: readonly TableRows[],
): RestoreSummary["tables"] {
  const rowsOf = (tables: readonly TableRows[]): Map<string, number> =>
    new Map(tables.map(({ schema, name, rows }) => [`${schema}.${name}`, rows]));
  const [old, current] = [rowsOf(before), rowsOf(after)];
  return [...new Set([...old.keys(), ...current.keys()])]
    .sort()
    .map((table) => ({ table, before: old.get(table) ?? null, after: current.get(table) ?? null }));
}

/** Lines for a person. */
export function formatSummary(summary: RestoreSummary): string {
  const option = summary.stack === "local" ? "" : ` --stack ${summary.stack}`;
  const what =
    summary.id === null
      ? `the state of ${momentOf(summary.createdAt)}`
      : `backup ${summary.id} of ${momentOf(summary.createdAt)}`;
  const title = {
    restore: `Stack ${summary.stack} was restored to ${what} in ${seconds(summary.seconds)}; the application was stopped for ${seconds(summary.stoppedSeconds)}.`,
    undo: `Stack ${summary.stack} is back to what the restore to ${what} had replaced, after ${seconds(summary.seconds)}; the application was stopped for ${seconds(summary.stoppedSeconds)}.`,
    "dry-run": `Stack ${summary.stack} can be restored to ${what}: it took ${seconds(summary.seconds)} to load and compare it, and nothing was changed.`,
  }[summary.kind];
  return [
    title,
    "",
    ...summary.steps.map(({ name, seconds: taken }) => `  ${name.padEnd(24)} ${seconds(taken).padStart(8)}`),
    "",
    ...tableLines(summary.tables),
    "",
    `Uploads: ${summary.uploads}.`,
    ...(summary.replaced === null
      ? []
      : [
          `The replaced database is kept as ${summary.replaced}.`,
          "",
          `  Back to it:   ./fitnesscrm restore --undo${option}`,
          `  Drop it:      ./fitnesscrm restore --confirm${option}`,
        ]),
  ].join("\n");
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

function tableLines(tables: RestoreSummary["tables"]): string[] {
  if (tables.length === 0) {
    return ["  No tables, neither before nor after."];
  }
  const cells = tables.map(({ table, before, after }) => [
    table,
    before === null ? "-" : String(before),
    after === null ? "-" : String(after),
    difference(before, after),
  ]);
  return columns([["rows", "before", "after", ""], ...cells], [false, true, true, false]).map(
    (line) => `  ${line}`,
  );
}

function difference(before: number | null, after: number | null): string {
  if (before === null) {
    return "new";
  }
  if (after === null) {
    return "gone";
  }
  return before === after ? "" : before > after ? `${before - after} lost` : `${after - before} more`;
}

/** Rows of cells as aligned lines. */
export function columns(rows: readonly (readonly string[])[], right: readonly boolean[]): string[] {
  const widths = right.map((_, index) => Math.max(...rows.map((row) => (row[index] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, index) =>
        right[index] ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** `12.3 MiB` */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const exponent = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** exponent;
  return `${exponent === 0 ? value : value.toFixed(1)} ${units[exponent]}`;
}
