import { type Audit, type AuditedPage, CATEGORIES } from "../../ops/audits/audit";
import { columns } from "../table";

/** An audit as a table, each score with what has changed since the audit before. Pure. */
export function formatAudit(made: Audit, before: Audit | undefined): string {
  const rows = made.pages.map((page) => {
    const last = before?.pages.find(({ path }) => path === page.path);
    return [page.path, ...CATEGORIES.map((name) => scoreOf(page, last, name)), `${kilobytes(page.bytes)} kB`];
  });
  const heads = ["PAGE", ...CATEGORIES.map((name) => name.toUpperCase()), "WEIGHT"];
  const since =
    before === undefined
      ? "the first audit: nothing to compare with"
      : `changes are since ${before.at}${before.version === made.version ? "" : `, which Lighthouse ${before.version} judged`}`;
  return [...columns(heads, rows), since, ""].join("\n");
}

function scoreOf(
  page: AuditedPage,
  last: AuditedPage | undefined,
  name: (typeof CATEGORIES)[number],
): string {
  const score = page.scores[name];
  const change = last === undefined ? 0 : score - last.scores[name];
  return change === 0 ? String(score) : `${score} (${change > 0 ? "+" : "−"}${Math.abs(change)})`;
}

function kilobytes(bytes: number): string {
  return (bytes / 1000).toFixed(bytes < 100_000 ? 1 : 0);
}
