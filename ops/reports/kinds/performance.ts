import { MANUAL } from "../../../manual";
import { METRICS, REPORT_METRICS } from "../../../metricNames";
import { shorten } from "../../../statementText";
import type { MakeParts, ReportContext } from "../context";
import type { Fact } from "../model";
import { overall } from "../sources/metrics";
import { above, amount, counts, daily, hourly } from "./common";

const LIMIT = MANUAL.thresholds["response-time"].above;
/** Share of reads answered from memory below which it is worth a look, percent. */
const GOOD_HITS = { database: 95, redis: 80 } as const;
const SLOWEST = 10;
const MOST_ROUTES = 30;

/** The manual's Friday (M12, M31, M54): response times by route, hit rates, keys that never expire, slow statements. */
export const performance: MakeParts = (context) => [
  { title: "API response times", make: () => responses(context) },
  { title: "Routes", make: () => routes(context) },
  { title: "Answered from memory", make: () => hitRates(context) },
  { title: "Cache", make: () => cache(context) },
  { title: "Slow statements", make: () => statements(context) },
];

async function responses(context: ReportContext) {
  const p95 = await hourly(context, METRICS.responseTime, "Maximum");
  const of = async (name: string): Promise<number | null> =>
    overall(await hourly(context, name, "Average"), "mean");
  const usual = overall(await hourly(context, METRICS.responseTime, "Average"), "mean");
  const worst = overall(p95, "most");
  const facts: Fact[] = [
    { label: "Median (p50)", value: amount(await of(REPORT_METRICS.responseMedian), "milliseconds", "p50") },
    { label: "p95", value: amount(usual, "milliseconds", "p95", above(usual, LIMIT, "bad")) },
    { label: "p99", value: amount(await of(REPORT_METRICS.responseP99), "milliseconds", "p99") },
    {
      label: "Worst period's p95",
      value: amount(worst, "milliseconds", "p95-worst", above(worst, LIMIT)),
      note: `the alarm is at ${LIMIT} ms`,
    },
  ];
  return {
    lead: "Means of the week's periods that had enough requests.",
    facts,
    bars: [daily("p95, worst period of each day", "milliseconds", p95, "most", context)],
  };
}

async function routes(context: ReportContext) {
  const names = await context.metrics.dimensionValues("route_requests", "Route");
  const count = await counts(context);
  const rows = [];
  for (const route of names.slice(0, MOST_ROUTES)) {
    const dimension = { name: "Route", value: route };
    const requests = overall(await count({ name: "route_requests", dimension }), "sum");
    const errors = overall(await count({ name: "route_errors", dimension }), "sum");
    const p95 = overall(await hourly(context, "route_response_p95_ms", "Maximum", dimension), "most");
    rows.push({ route, requests, errors, p95 });
  }
  return {
    lead: "The slowest first: the worst p95 of a period, where a period had enough requests.",
    tables: [
      {
        columns: ["Route", "Worst p95", "Requests", "Errors"],
        rows: rows
          .sort((a, b) => (b.p95 ?? -1) - (a.p95 ?? -1) || (b.requests ?? 0) - (a.requests ?? 0))
          .slice(0, 15)
          .map(({ route, requests, errors, p95 }) => [
            route,
            amount(p95, "milliseconds", `p95:${route}`),
            amount(requests, "count", `requests:${route}`),
            amount(errors, "count", `errors:${route}`),
          ]),
        empty: "No requests were measured.",
      },
    ],
  };
}

async function hitRates(context: ReportContext) {
  const database = overall(await hourly(context, REPORT_METRICS.databaseHits, "Average"), "mean");
  const redis = overall(await hourly(context, REPORT_METRICS.redisHits, "Average"), "mean");
  const [blocks] = await context.monitoring<{ percent: number | null }>(
    `SELECT (100.0 * blks_hit / nullif(blks_hit + blks_read, 0))::float8 AS percent
     FROM pg_stat_database WHERE datname = current_database()`,
  );
  const below = (value: number | null, limit: number) =>
    value !== null && value < limit ? ("warning" as const) : undefined;
  const facts: Fact[] = [
    {
      label: "Database, this week",
      value: amount(database, "percent", "database-hits", below(database, GOOD_HITS.database)),
    },
    {
      label: "Database, since its statistics began",
      value: amount(blocks?.percent ?? null, "percent", "database-hits-all"),
    },
    {
      label: "Cache, this week",
      value: amount(redis, "percent", "redis-hits", below(redis, GOOD_HITS.redis)),
    },
  ];
  return { facts };
}

async function cache(context: ReportContext) {
  const found = await context.cache();
  const { hits, misses } = found;
  const share = found.looked === 0 ? null : (100 * found.withoutTtl) / found.looked;
  return {
    lead:
      found.looked < found.keys
        ? `A sample of ${found.looked} of ${found.keys} keys was looked at.`
        : "Keys that never expire hold what may be stale.",
    facts: [
      { label: "Keys", value: amount(found.keys, "count", "keys") },
      {
        label: "Keys without an age limit",
        value: amount(found.withoutTtl, "count", "keys-without-ttl"),
        ...(share !== null && { note: `${share.toFixed(0)} % of those looked at` }),
      },
      { label: "Memory in use", value: amount(found.usedBytes, "bytes", "redis-bytes") },
      {
        label: "Hit rate since its start",
        value: amount(
          hits + misses === 0 ? null : (100 * hits) / (hits + misses),
          "percent",
          "redis-hits-all",
        ),
      },
      {
        label: "Keys put out since its start",
        value: amount(found.evicted, "count", "evicted"),
        note: `policy ${found.policy}`,
      },
    ],
    tables: [
      {
        columns: ["Keys that begin with", "Without an age limit"],
        rows: found.groups.map(({ prefix, keys }) => [prefix, amount(keys, "count", `ttl:${prefix}`)]),
        empty: "Every key expires.",
      },
    ],
  };
}

async function statements({ monitoring, slowMilliseconds }: ReportContext) {
  const rows = await monitoring<{ query: string; calls: number; total: number; mean: number; most: number }>(
    `SELECT query, calls::float8 AS calls, total_exec_time AS total, mean_exec_time AS mean, max_exec_time AS most
     FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
     WHERE datname = current_database()
     ORDER BY total_exec_time DESC LIMIT ${SLOWEST}`,
  );
  const slow = rows.filter(({ mean }) => mean >= slowMilliseconds).length;
  return {
    lead: `By the time they took in all since the statistics began; slow is ${slowMilliseconds} ms or more (M31).`,
    facts: [
      {
        label: "Slow ones among them",
        value: amount(slow, "count", "slow-statements"),
        ...(slow > 0 && { tone: "warning" as const }),
      },
    ],
    tables: [
      {
        columns: ["Statement", "In all", "Calls", "Mean", "Slowest"],
        rows: rows.map(({ query, calls, total, mean, most }) => [
          shorten(query),
          amount(total, "milliseconds"),
          amount(calls, "count"),
          amount(mean, "milliseconds", undefined, above(mean, slowMilliseconds)),
          amount(most, "milliseconds"),
        ]),
        empty: "No statement was counted yet.",
      },
    ],
  };
}
