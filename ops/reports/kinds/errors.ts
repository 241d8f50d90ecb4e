import { MANUAL } from "../../../manual";
import { REPORT_METRICS } from "../../../metricNames";
import { showWallClock } from "../../../wallClock";
import type { MakeParts, ReportContext, Tickets } from "../context";
import { MOST_ISSUES } from "../outside/sentry";
import {
  COMPARED_LIST,
  ERRORS_LIST,
  errorKey,
  errorsBefore,
  recurringErrors,
  ticketable,
} from "../recurring";
import type { ErrorGroup } from "../sources/edgeLog";
import { overall } from "../sources/metrics";
import { MOST_FILED, type TicketOutcome } from "../tickets/file";
import { LABEL } from "../tickets/text";
import { amount, counts, daily, requestFacts } from "./common";

const DEADLOCKS = "database_deadlocks";
const SHOWN = 25;
const DAY_MS = 86_400_000;

type Found = Awaited<ReturnType<ReportContext["edgeErrors"]>>;
type AskSentry = NonNullable<ReportContext["sentry"]>;

/** The manual's Monday (M10): the week's errors, grouped, the newest first, and those that were there the week before as well. */
export const errors: MakeParts = (context) => {
  const { tickets, sentry } = context;
  const before = errorsBefore(context);
  context.remember(COMPARED_LIST, before);
  // Where the log cannot be read, those of two weeks ago must not count as those of the week before.
  context.remember(ERRORS_LIST, []);
  const log = once(() => context.edgeErrors(context.from));
  return [
    { title: "The week", make: () => week(context) },
    { title: "Errors by request", make: async () => groups(context, before, await log()) },
    ...(tickets === undefined
      ? []
      : [
          {
            title: "Tickets",
            make: async (signal: AbortSignal) =>
              filing(context, tickets, recurringErrors((await log()).groups, before), signal),
          },
        ]),
    ...(sentry === undefined
      ? []
      : [{ title: "Sentry", make: (signal: AbortSignal) => fromSentry(context, sentry, signal) }]),
    { title: "Database", make: () => database(context) },
  ];
};

/** The log is long, and two parts go by it. */
function once<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
}

async function week(context: ReportContext) {
  const count = await counts(context);
  const points = await count({ name: REPORT_METRICS.errors });
  return {
    facts: await requestFacts(context, MANUAL.thresholds["error-rate"].above),
    bars: [daily("Errors (5xx) by day", "count", points, "sum", context)],
  };
}

function groups(context: ReportContext, before: readonly string[], { groups: found, oldest }: Found) {
  const time = (iso: string): string => showWallClock(context.timeZone, new Date(iso));
  const recurring = recurringErrors(found, before);
  context.remember(ERRORS_LIST, found.map(errorKey));
  const partial = oldest !== undefined && oldest > context.from.toISOString();
  return {
    lead: `From the edge's own log, which goes back to ${oldest === undefined ? "nothing yet" : time(oldest)}${partial ? ": what was before is counted above only" : ""}.`,
    facts: [
      { label: "Kinds of errors", value: amount(found.length, "count", "error-kinds") },
      {
        label: "Recurring ones",
        value: amount(recurring.length, "count", "error-kinds-recurring"),
        note: "were there the week before, too",
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
            amount(count, "count", errorKey({ status, request })),
            time(first),
            time(last),
          ]),
        empty: "No request failed.",
      },
    ],
  };
}

/** Each error that goes on from week to week is work for somebody, and has a ticket (M10). */
async function filing(
  context: ReportContext,
  { repository, file }: Tickets,
  again: readonly ErrorGroup[],
  signal: AbortSignal,
) {
  const recurring = ticketable(again);
  if (file === undefined) {
    return {
      lead: `Recurring errors are issues of ${repository} with the label ${LABEL}. A report that is only looked at files none.`,
      facts: [{ label: "Would have a ticket", value: amount(recurring.length, "count") }],
    };
  }
  return outcomeOf(repository, await file(recurring, context.now, signal));
}

function outcomeOf(repository: string, { failure, filed, reopened, updated, closed, left }: TicketOutcome) {
  return {
    lead: `Recurring errors are issues of ${repository} with the label ${LABEL}.`,
    facts: [
      { label: "Filed", value: amount(filed, "count") },
      { label: "Opened again", value: amount(reopened, "count"), note: "were closed, and failed since" },
      { label: "Brought up to date", value: amount(updated, "count") },
      { label: "Stay closed", value: amount(closed, "count"), note: "no failure since, or not planned" },
      ...(left > 0
        ? [
            {
              label: failure === undefined ? "Wait for the next report" : "Tickets that could not be filed",
              value: amount(left, "count"),
              note: failure ?? `a report files ${MOST_FILED} at most`,
              ...(failure !== undefined && { tone: "warning" as const }),
            },
          ]
        : []),
    ],
  };
}

async function fromSentry({ timeZone, from, now }: ReportContext, ask: AskSentry, signal: AbortSignal) {
  const found = await ask(Math.round((now.getTime() - from.getTime()) / DAY_MS), signal);
  const time = (iso: string): string => showWallClock(timeZone, new Date(iso));
  return {
    lead: `Unresolved issues of the week, the most frequent first, ${MOST_ISSUES} at most.`,
    tables: [
      {
        columns: ["Issue", "Where", "Events", "Users", "First", "Last", "Link"],
        rows: found.map(({ id, title, culprit, events, users, first, last, link }) => [
          title,
          culprit,
          amount(events, "count", `sentry:${id}`),
          amount(users, "count"),
          time(first),
          time(last),
          link,
        ]),
        empty: "No unresolved issue.",
      },
    ],
  };
}

async function database(context: ReportContext) {
  const [row] = await context.monitoring<{ rollbacks: number; deadlocks: number; conflicts: number }>(
    `SELECT xact_rollback::float8 AS rollbacks, deadlocks::float8 AS deadlocks, conflicts::float8 AS conflicts
     FROM pg_stat_database WHERE datname = current_database()`,
  );
  // Every node's agent sends them, in periods without a request as well.
  const count = await counts(context, DEADLOCKS);
  const deadlocks = overall(await count({ name: DEADLOCKS }), "sum");
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
