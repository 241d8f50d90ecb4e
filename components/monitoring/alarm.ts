import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Severity } from "../../manual";
import { SEVERITY_TAG } from "./topics";

/** CloudWatch namespace of everything that the stack sends. */
export const METRIC_NAMESPACE = "FitnessCRM";

/** What all alarms of a stack have in common. */
export interface AlarmsArgs {
  stack: string;
  /** Length of a period, seconds, and how many in a row must be above. */
  periodSeconds: number;
  evaluationPeriods: number;
  topicArns: Record<Severity, pulumi.Input<string>>;
  /** Where the runbooks are; the alarm's name is appended. */
  runbookBaseUrl?: string;
}

/** One alarm on one plain metric. */
export interface AlarmSpec {
  /** Short name, e.g. `cpu`. */
  alarm: string;
  /** What the page says, without the runbook. */
  text: string;
  metricName: string;
  statistic: "Average" | "Maximum";
  /** Goes off above this. */
  above: number;
  severity: Severity;
  /** What silence means: trouble, nothing, or that nobody knows. */
  whenSilent: "breaching" | "notBreaching" | "missing";
  tags?: Record<string, string>;
}

/** Inputs of an alarm that tells its severity's topic when it goes off and when it is over (M60). */
export function alarmArgs(args: AlarmsArgs, spec: AlarmSpec): aws.cloudwatch.MetricAlarmArgs {
  const topic = args.topicArns[spec.severity];
  const runbook = args.runbookBaseUrl === undefined ? "" : ` Runbook: ${args.runbookBaseUrl}/${spec.alarm}.`;
  return {
    name: `fitnesscrm-${args.stack}-${spec.alarm}`,
    alarmDescription: `${spec.text}${runbook}`,
    namespace: METRIC_NAMESPACE,
    metricName: spec.metricName,
    dimensions: { Stack: args.stack },
    statistic: spec.statistic,
    comparisonOperator: "GreaterThanThreshold",
    threshold: spec.above,
    period: args.periodSeconds,
    evaluationPeriods: args.evaluationPeriods,
    datapointsToAlarm: args.evaluationPeriods,
    treatMissingData: spec.whenSilent,
    actionsEnabled: true,
    alarmActions: [topic],
    okActions: [topic],
    tags: { ...spec.tags, [SEVERITY_TAG]: spec.severity },
  };
}
