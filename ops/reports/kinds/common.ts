import { METRICS, REPORT_METRICS } from "../../../metricNames";
import { wallClock } from "../../../wallClock";
import type { ReportContext } from "../context";
import type { Bars, Fact, Figure, Tone, Unit } from "../model";
import { countsWithoutRepeats } from "../sources/counts";
import { overall, type Point, type Statistic } from "../sources/metrics";

export const HOUR = 3600;

export function amount(value: number | null, unit: Unit, key?: string, tone?: Tone): Figure {
  return { value, unit, ...(key !== undefined && { key }), ...(tone !== undefined && { tone }) };
}

/** Bad above a limit; nothing where there is no value. */
export function above(value: number | null, limit: number, tone: Tone = "warning"): Tone | undefined {
  return value !== null && value > limit ? tone : undefined;
}

/** Points of the time that the report covers, one an hour. */
export function hourly(
  { metrics, from, now }: Pick<ReportContext, "metrics" | "from" | "now">,
  name: string,
  statistic: Statistic,
  dimension?: { name: string; value: string },
): Promise<Point[]> {
  return metrics.series({
    name,
    statistic,
    from,
    until: now,
    periodSeconds: HOUR,
    ...(dimension !== undefined && { dimension }),
  });
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** Counts of the agent in the time that the report covers, nothing counted twice. @param sign - See {@link countsWithoutRepeats}. */
export function counts(
  { metrics, from, now, agentSeconds }: Pick<ReportContext, "metrics" | "from" | "now" | "agentSeconds">,
  sign?: string,
): ReturnType<typeof countsWithoutRepeats> {
  return countsWithoutRepeats(metrics, { from, until: now }, agentSeconds, sign);
}

/** One bar a day of the stack's own clock, days without a value among them. */
export function daily(
  title: string,
  unit: Unit,
  points: readonly Point[],
  how: "mean" | "most" | "sum",
  { from, now, timeZone }: Pick<ReportContext, "from" | "now" | "timeZone">,
): Bars {
  const dayOf = (at: Date): number => Math.floor(wallClock(timeZone, at.getTime()) / 86_400_000);
  const items: { label: string; value: number | null }[] = [];
  for (let day = dayOf(from); day <= dayOf(now); day++) {
    const date = new Date(day * 86_400_000);
    items.push({
      label: `${DAYS[date.getUTCDay()]} ${date.toISOString().slice(5, 10)}`,
      value: overall(
        points.filter(({ at }) => dayOf(at) === day),
        how,
      ),
    });
  }
  return { title, unit, items };
}

/** Requests and errors of the edge in the report's time (M26, M50). */
export async function requestFacts(context: ReportContext, errorLimit: number): Promise<Fact[]> {
  const count = await counts(context);
  const requests = overall(await count({ name: REPORT_METRICS.requests }), "sum");
  const errors = overall(await count({ name: REPORT_METRICS.errors }), "sum");
  const worst = overall(await hourly(context, METRICS.errorRate, "Maximum"), "most");
  const share = requests === null || requests === 0 || errors === null ? null : (100 * errors) / requests;
  return [
    { label: "Requests", value: amount(requests, "count", "requests") },
    { label: "Errors (5xx)", value: amount(errors, "count", "errors") },
    {
      label: "Error rate",
      value: amount(share, "percent", "error-rate", above(share, errorLimit, "bad")),
      note: `the limit of the alarm is ${errorLimit} %`,
    },
    { label: "Worst minute", value: amount(worst, "percent", "error-rate-worst", above(worst, errorLimit)) },
  ];
}
