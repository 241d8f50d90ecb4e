import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { KEY_METRICS, type KeyMetric, MANUAL } from "../../manual";
import { type AlarmSpec, type AlarmsArgs, alarmArgs } from "./alarm";

export interface ThresholdAlarmsArgs extends AlarmsArgs {
  /** Value above which each alarm goes off; never above the manual's. */
  thresholds: Readonly<Record<KeyMetric, number>>;
}

/** Tag of an alarm: what of the manual it watches. The policy pack reads it. */
export const ALARM_TAG = "fitnesscrm:alarm";

type Source = Pick<AlarmSpec, "metricName" | "statistic" | "whenSilent">;

/**
 * Where each number comes from. The agent computes ratio and percentile itself, so that every alarm is one plain metric.
 * Response time and error rate exist only while there are requests: none is no reason to page. A host that stops sending is
 * reported once, by an alarm of its own, rather than by all of these.
 */
const SOURCES: Readonly<Record<KeyMetric, Source>> = {
  cpu: { metricName: "cpu_used_percent", statistic: "Average", whenSilent: "missing" },
  memory: { metricName: "memory_used_percent", statistic: "Average", whenSilent: "missing" },
  disk: { metricName: "disk_used_percent", statistic: "Maximum", whenSilent: "missing" },
  "response-time": { metricName: "api_response_p95_ms", statistic: "Average", whenSilent: "notBreaching" },
  "error-rate": { metricName: "api_error_percent", statistic: "Average", whenSilent: "notBreaching" },
  "database-connections": {
    metricName: "database_connections",
    statistic: "Maximum",
    whenSilent: "missing",
  },
};

/** The six alarms of the manual's "Key Metrics" table (M22 to M27), each on the topic of its severity. */
export class ThresholdAlarms extends pulumi.ComponentResource {
  /** Alarm names by metric. */
  readonly names: Record<string, pulumi.Output<string>>;

  constructor(name: string, args: ThresholdAlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:monitoring:ThresholdAlarms", name, {}, opts);

    this.names = Object.fromEntries(
      KEY_METRICS.map((metric) => [metric, this.createAlarm(name, metric, args).name]),
    );
    this.registerOutputs({ names: this.names });
  }

  private createAlarm(
    name: string,
    metric: KeyMetric,
    args: ThresholdAlarmsArgs,
  ): aws.cloudwatch.MetricAlarm {
    return new aws.cloudwatch.MetricAlarm(
      `${name}-${metric}`,
      alarmArgs(args, {
        ...SOURCES[metric],
        alarm: metric,
        text: describe(metric, args),
        above: args.thresholds[metric],
        severity: MANUAL.thresholds[metric].severity,
        tags: { [ALARM_TAG]: metric },
      }),
      { parent: this },
    );
  }
}

/** The page's text: what is wrong, and the manual's "Action" for it. */
function describe(metric: KeyMetric, args: ThresholdAlarmsArgs): string {
  const { title, unit, action, severity, row } = MANUAL.thresholds[metric];
  const limit = `${args.thresholds[metric]}${{ Percent: "%", Milliseconds: " ms", Count: "" }[unit]}`;
  return `${severity} ${title} above ${limit} on ${args.stack} (${row}). ${action}.`;
}
