import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { KEY_METRICS, type KeyMetric, MANUAL, type Severity } from "../../manual";
import { SEVERITY_TAG } from "./topics";

export interface ThresholdAlarmsArgs {
  stack: string;
  /** Value above which each alarm goes off; never above the manual's. */
  thresholds: Readonly<Record<KeyMetric, number>>;
  /** Length of a period, seconds, and how many in a row must be above. */
  periodSeconds: number;
  evaluationPeriods: number;
  topicArns: Record<Severity, pulumi.Input<string>>;
  /** Where the runbooks are; the metric's name is appended. */
  runbookBaseUrl?: string;
}

/** Tag of an alarm: the manual's metric that it watches. The policy pack reads it. */
export const ALARM_TAG = "fitnesscrm:alarm";
/** CloudWatch namespace of everything that the stack's agent sends. */
export const METRIC_NAMESPACE = "FitnessCRM";

interface Source {
  metricName: string;
  statistic: "Average" | "Maximum";
  /** `breaching` where silence means that the host is in trouble, `notBreaching` where it means that nothing happened. */
  whenSilent: "breaching" | "notBreaching" | "missing";
}

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
    const { severity } = MANUAL.thresholds[metric];
    const { metricName, statistic, whenSilent } = SOURCES[metric];
    const topic = args.topicArns[severity];
    return new aws.cloudwatch.MetricAlarm(
      `${name}-${metric}`,
      {
        name: `fitnesscrm-${args.stack}-${metric}`,
        alarmDescription: describe(metric, args),
        namespace: METRIC_NAMESPACE,
        metricName,
        dimensions: { Stack: args.stack },
        statistic,
        comparisonOperator: "GreaterThanThreshold",
        threshold: args.thresholds[metric],
        period: args.periodSeconds,
        evaluationPeriods: args.evaluationPeriods,
        datapointsToAlarm: args.evaluationPeriods,
        treatMissingData: whenSilent,
        actionsEnabled: true,
        alarmActions: [topic],
        okActions: [topic],
        tags: { [ALARM_TAG]: metric, [SEVERITY_TAG]: severity },
      },
      { parent: this },
    );
  }
}

/** The page's text: what is wrong, and the manual's "Action" for it. */
function describe(metric: KeyMetric, args: ThresholdAlarmsArgs): string {
  const { title, unit, action, severity, row } = MANUAL.thresholds[metric];
  const limit = `${args.thresholds[metric]}${{ Percent: "%", Milliseconds: " ms", Count: "" }[unit]}`;
  const runbook = args.runbookBaseUrl === undefined ? "" : ` Runbook: ${args.runbookBaseUrl}/${metric}.`;
  return `${severity} ${title} above ${limit} on ${args.stack} (${row}). ${action}.${runbook}`;
}
