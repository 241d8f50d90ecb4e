import { setTimeout as sleep } from "node:timers/promises";
import type { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { BACKUP_METRICS, METRIC_NAMESPACE, METRICS } from "../../metricNames";

/** An agent sends its first value after a period, and hands it over some seconds later. */
const MARGIN_SECONDS = 30;
const POLL_MILLISECONDS = 1000;
/** Ops sends once a minute, however short the alarms' period is: what it sent last must not lie too far back to be found. */
const LOOK_BACK_SECONDS = 180;
/** What the agent and ops send, whose silence is an alarm, and what the edge answers. */
const WAITED_FOR = [METRICS.silence, BACKUP_METRICS["backup-age"], METRICS.serviceDown];

/**
 * Waits until the stack's metrics arrive, and say that it serves. Alarms are declared after it: else the first thing that a new stack does would be to
 * page everybody.
 *
 * @returns Whether they do; it gives up after two periods and the margin.
 */
export async function metricsArrive(
  cloudwatch: Pick<CloudWatch, "getMetricStatistics">,
  stack: string,
  periodSeconds: number,
  marginSeconds = MARGIN_SECONDS,
): Promise<boolean> {
  const limit = (2 * periodSeconds + marginSeconds) * 1000;
  const deadline = Date.now() + limit;
  const period = periodSeconds * 1000;
  /** Values of periods that are over, the newest last. */
  const lowest = async (MetricName: string): Promise<number[]> => {
    const now = Date.now();
    const { Datapoints = [] } = await cloudwatch.getMetricStatistics({
      Namespace: METRIC_NAMESPACE,
      MetricName,
      Dimensions: [{ Name: "Stack", Value: stack }],
      StartTime: new Date(Math.floor((now - Math.max(limit, LOOK_BACK_SECONDS * 1000)) / period) * period),
      EndTime: new Date(now),
      Period: periodSeconds,
      Statistics: ["Minimum"],
    });
    return Datapoints.map(({ Timestamp, Minimum }) => ({ from: Timestamp?.getTime() ?? now, Minimum }))
      .filter(({ from }) => from + period <= now)
      .sort((one, other) => one.from - other.from)
      .map(({ Minimum = Number.NaN }) => Minimum);
  };
  for (;;) {
    const [silent, age, down] = await Promise.all(WAITED_FOR.map(lowest));
    // What was down while it came into being is not down any more.
    if (silent?.length && age?.length && down?.at(-1) === 0) {
      return true;
    }
    if (Date.now() > deadline) {
      return false;
    }
    await sleep(POLL_MILLISECONDS);
  }
}
