import { REPORT_METRICS } from "../../../metricNames";
import type { Metrics, Point, Question } from "./metrics";

const HOUR = 3600;
/** CloudWatch keeps nothing finer for as long as a report looks back. */
const FINEST = 60;
/** Pieces of the report's time that are asked for one by one; more of them become one. */
const MOST_PIECES = 8;

/** What is counted: a metric of the agent that holds one number for each of its periods. */
export type Counted = Pick<Question, "name" | "dimension">;
type Span = Pick<Question, "from" | "until">;

/**
 * Adds up counts of the agent, none of them twice.
 *
 * The agent sends again what it got no answer for, and CloudWatch may have taken it all the same: each such value is there twice, under
 * one time. So the hours that do not hold exactly one value for each of the agent's periods are asked for again in pieces as short as a
 * period, where a value and its repetition are told apart. Of periods below a minute this is exact only where all of a minute was repeated;
 * an hour that lost as many values as were repeated in it is taken as it is.
 *
 * @param sign - Metric that tells of repetitions: what is counted itself, or what is sent in the same requests and in every period.
 * @returns For a metric, its points: one an hour, or finer. @throws Error when CloudWatch does not answer.
 */
export async function countsWithoutRepeats(
  metrics: Metrics,
  span: Span,
  agentSeconds: number,
  sign: string = REPORT_METRICS.requests,
): Promise<(counted: Counted) => Promise<Point[]>> {
  const values = await metrics.series({
    ...span,
    name: sign,
    statistic: "SampleCount",
    periodSeconds: HOUR,
  });
  const doubtful = values.filter(({ value }) => value !== HOUR / agentSeconds).map(({ at }) => at.getTime());
  const pieces = joined(doubtful);
  return async (counted) => {
    const hours = await metrics.series({ ...counted, ...span, statistic: "Sum", periodSeconds: HOUR });
    const points = hours.filter(({ at }) => !pieces.some((piece) => holds(piece, at)));
    for (const piece of pieces) {
      points.push(...(await valuesOnce(metrics, counted, within(piece, span), agentSeconds)));
    }
    return points.sort((a, b) => a.at.getTime() - b.at.getTime());
  };
}

/** Hours that follow each other as one piece. @param hours - Their beginnings, in order. */
function joined(hours: readonly number[]): Span[] {
  const pieces: { from: Date; until: Date }[] = [];
  for (const hour of hours) {
    const last = pieces.at(-1);
    const until = new Date(hour + HOUR * 1000);
    if (last !== undefined && last.until.getTime() === hour) {
      last.until = until;
    } else {
      pieces.push({ from: new Date(hour), until });
    }
  }
  const [first, last] = [pieces[0], pieces.at(-1)];
  return first !== undefined && last !== undefined && pieces.length > MOST_PIECES
    ? [{ from: first.from, until: last.until }]
    : pieces;
}

function holds({ from, until }: Span, at: Date): boolean {
  return at >= from && at < until;
}

/** The first and the last hour may reach beyond the report's time. */
function within(piece: Span, span: Span): Span {
  return {
    from: new Date(Math.max(piece.from.getTime(), span.from.getTime())),
    until: new Date(Math.min(piece.until.getTime(), span.until.getTime())),
  };
}

async function valuesOnce(
  metrics: Metrics,
  counted: Counted,
  span: Span,
  agentSeconds: number,
): Promise<Point[]> {
  const periodSeconds = Math.max(FINEST, agentSeconds);
  const expected = periodSeconds / agentSeconds;
  const samples = await metrics.series({ ...counted, ...span, statistic: "SampleCount", periodSeconds });
  const sampleOf = new Map(samples.map(({ at, value }) => [at.getTime(), value]));
  const sums = await metrics.series({ ...counted, ...span, statistic: "Sum", periodSeconds });
  return sums.map(({ at, value }) => ({
    at,
    // Between the two questions a value may have arrived.
    value: (value * expected) / Math.max(expected, sampleOf.get(at.getTime()) ?? expected),
  }));
}
