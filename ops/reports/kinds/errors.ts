import { MANUAL } from "../../../manual";
import { REPORT_METRICS } from "../../../metricNames";
import { showWallClock } from "../../../wallClock";
import type { MakeParts, ReportContext } from "../context";
import { overall } from "../sources/metrics";
import { amount, counts, daily, requestFacts } from "./common";

const SHOWN = 25;

/** The manual's Monday (M10): the week's errors, grouped, the newest first, and those that were there the week before as well. */
export const errors: MakeParts = (context) => [
  { title: "The week", make: () => week(context) },
  { title: "Errors by request", make: () => groups(context) },
  { title: "Database", make: () => database(context) },
];

async function week(context: ReportContext) {
  const count = await counts(context);
  const points = await count({ name: REPORT_METRICS.errors });
  return {
    facts: await requestFacts(context, MANUAL.thresholds["error-rate"].above),
    bars: [daily("Errors (5xx) by day", "count", points, "sum", context)],
  };
}

async function groups(context: ReportContext) {
  const { groups: found, oldest } = await context.edgeErrors(context.from);
  const time = (iso: string): string => showWallClock(context.timeZone, new Date(iso));
  const keyOf = (status: number, request: string): string => `error:${status} ${request}`;
  const known = context.before?.figures ?? {};
  const recurring = found.filter(({ status, request }) => Object.hasOwn(known, keyOf(status, request)));
  const partial = oldest !== undefined && oldest > context.from.toISOString();
  return {
    lead: `From the edge's own log, which goes back to ${oldest === undefined ? "nothing yet" : time(oldest)}${partial ? ": what was before is counted above only" : ""}.`,
    facts: [
      { label: "Kinds of errors", value: amount(found.length, "count", "error-kinds") },
      {
        label: "Recurring ones",
        value: amount(recurring.length, "count", "error-kinds-recurring"),
        note: "were in the report before, too",
        ...(recurring.length > 0 && { tone: "warning" as const }),
      },
    ],
    tables: [
      {
        columns: ["Request", "Status", "Count", "First", "Last"],
        rows: found
          .slice(0, SHOWN)
          .map(({ request, status, count, first, last }) => [
            request,
            String(status),
            amount(count, "count", keyOf(status, request)),
            time(first),
            time(last),
          ]),
        empty: "No request failed.",
      },
    ],
  };
}

async function database(context: ReportContext) {
  const [row] = await context.monitoring<{ rollbacks: number; deadlocks: number; conflicts: number }>(
    `SELECT xact_rollback::float8 AS rollbacks, deadlocks::float8 AS deadlocks, conflicts::float8 AS conflicts
     FROM pg_stat_database WHERE datname = current_database()`,
  );
  const count = await counts(context);
  const deadlocks = overall(await count({ name: "database_deadlocks" }), "sum");
  return {
    lead: "Counts since the statistics began; the change is what the week added.",
    facts: [
      {
        label: "Transactions rolled back",
        value: amount(row?.rollbacks ?? null, "count", "rollbacks"),
      },
      { label: "Deadlocks", value: amount(row?.deadlocks ?? null, "count", "deadlocks") },
      {
        label: "Deadlocks this week",
        value: amount(deadlocks, "count"),
        ...((deadlocks ?? 0) > 0 && { tone: "warning" as const }),
      },
    ],
  };
}
