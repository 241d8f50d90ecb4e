import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { identify } from "../../../acknowledgement";
import { alarmsOfStack } from "../../../stackAlarms";

export type Statistic = "Average" | "Maximum" | "Minimum" | "SampleCount" | "Sum";

export interface Point {
  readonly at: Date;
  readonly value: number;
}

export interface Question {
  readonly name: string;
  readonly statistic: Statistic;
  readonly from: Date;
  readonly until: Date;
  /** Seconds that one point stands for; a multiple of 60. */
  readonly periodSeconds: number;
  /** Beside the stack's. */
  readonly dimension?: { readonly name: string; readonly value: string };
}

export interface OpenAlarm {
  /** As in the catalogue, such as `cpu`. */
  readonly name: string;
  readonly reason: string;
  readonly since: Date | undefined;
}

/** What the stack's own metrics say. */
export interface Metrics {
  /** Points in order of time; none where nothing was measured. */
  series(question: Question): Promise<Point[]>;
  /** Values that a dimension of a metric had lately. */
  dimensionValues(name: string, dimension: string): Promise<string[]>;
  /** Alarms that are on now. */
  openAlarms(): Promise<OpenAlarm[]>;
}

export interface MetricsOptions {
  readonly stack: string;
  readonly namespace: string;
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string }>;
  readonly signal?: AbortSignal;
}

const ANSWER_MS = 20_000;
const MOST_PAGES = 20;

/** Reads them from CloudWatch, with a key that can read metrics and alarms and do nothing else. */
export function cloudWatchMetrics(options: MetricsOptions): Metrics {
  const { stack, namespace, region, endpoint, credentials, signal: abortSignal } = options;
  const client = new CloudWatch({
    region,
    ...(endpoint !== undefined && { endpoint }),
    credentials,
    maxAttempts: 2,
    requestHandler: { connectionTimeout: ANSWER_MS / 2, socketTimeout: ANSWER_MS },
  });
  const request = abortSignal === undefined ? {} : { abortSignal };

  return {
    async series({ name, statistic, from, until, periodSeconds, dimension }) {
      const points: Point[] = [];
      let token: string | undefined;
      for (let page = 0; page < MOST_PAGES; page++) {
        const { MetricDataResults = [], NextToken } = await client.getMetricData(
          {
            StartTime: from,
            EndTime: until,
            ScanBy: "TimestampAscending",
            ...(token !== undefined && { NextToken: token }),
            MetricDataQueries: [
              {
                Id: "m",
                MetricStat: {
                  Metric: {
                    Namespace: namespace,
                    MetricName: name,
                    Dimensions: [
                      { Name: "Stack", Value: stack },
                      ...(dimension === undefined ? [] : [{ Name: dimension.name, Value: dimension.value }]),
                    ],
                  },
                  Period: periodSeconds,
                  Stat: statistic,
                },
              },
            ],
          },
          request,
        );
        for (const { Timestamps = [], Values = [] } of MetricDataResults) {
          points.push(
            ...Timestamps.flatMap((at, index) => {
              const value = Values[index];
              return value === undefined ? [] : [{ at, value }];
            }),
          );
        }
        token = NextToken;
        if (token === undefined) {
          break;
        }
      }
      return points.sort((a, b) => a.at.getTime() - b.at.getTime());
    },

    async dimensionValues(name, dimension) {
      const values = new Set<string>();
      let token: string | undefined;
      for (let page = 0; page < MOST_PAGES; page++) {
        const { Metrics: found = [], NextToken } = await client.listMetrics(
          {
            Namespace: namespace,
            MetricName: name,
            Dimensions: [{ Name: "Stack", Value: stack }],
            ...(token !== undefined && { NextToken: token }),
          },
          request,
        );
        for (const { Dimensions = [] } of found) {
          const value = Dimensions.find((one) => one.Name === dimension)?.Value;
          if (value !== undefined) {
            values.add(value);
          }
        }
        token = NextToken;
        if (token === undefined) {
          break;
        }
      }
      return [...values].sort();
    },

    async openAlarms() {
      return (
        (await alarmsOfStack(client, stack, "ALARM"))
          .map((alarm) => ({ ...identify(stack, alarm.AlarmName ?? ""), alarm }))
          // A twin tells the chain of the same trouble.
          .filter(({ step }) => step === undefined)
          .map(({ name, alarm }) => ({
            name,
            reason: alarm.StateReason ?? "",
            since: alarm.StateUpdatedTimestamp,
          }))
      );
    },
  };
}

/** One number for many points; null where there are none. */
export function overall(points: readonly Point[], how: "mean" | "most" | "least" | "sum"): number | null {
  const values = points.map(({ value }) => value);
  if (values.length === 0) {
    return null;
  }
  const sum = values.reduce((total, value) => total + value, 0);
  return { mean: sum / values.length, most: Math.max(...values), least: Math.min(...values), sum }[how];
}
