import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { MANUAL, type Severity } from "../../manual";
import { BACKUP_METRICS } from "../../metricNames";
import { METRIC_NAMESPACE } from "../monitoring/thresholdAlarms";
import { SEVERITY_TAG } from "../monitoring/topics";

export interface BackupAlarmsArgs {
  stack: string;
  /** Length of a period, seconds, and how many in a row must be above. */
  periodSeconds: number;
  evaluationPeriods: number;
  topicArns: Record<Severity, pulumi.Input<string>>;
  /** Where the runbooks are; the alarm's name is appended. */
  runbookBaseUrl?: string;
}

type BackupAlarm = keyof typeof BACKUP_METRICS;

interface Spec {
  severity: Severity;
  /** Goes off above this. */
  above: number;
  /** What the page says: what is wrong and what to do. */
  text: string;
  /** Silence means that nobody knows, which is as bad; a drill that never ran is not a failed one. */
  whenSilent: "breaching" | "notBreaching";
}

const HOUR = 3600;
const { recoveryPointObjectiveHours, recoveryTimeObjectiveHours, dumpAgeHours } = MANUAL.backup;

const SPECS: Readonly<Record<BackupAlarm, Spec>> = {
  "backup-age": {
    severity: "P0",
    above: recoveryPointObjectiveHours * HOUR,
    text: `Nothing younger than ${recoveryPointObjectiveHours} h can be restored, or nobody says so (M46). Look at ./fitnesscrm tasks, then ./fitnesscrm backup`,
    whenSilent: "breaching",
  },
  "dump-age": {
    severity: "P1",
    above: dumpAgeHours * HOUR,
    text: `The daily dump is older than ${dumpAgeHours} h (M42). Look at ./fitnesscrm tasks, then ./fitnesscrm backup`,
    whenSilent: "notBreaching",
  },
  "drill-failed": {
    severity: "P0",
    above: 0,
    text: "The newest backup could not be restored (M14). Look at ./fitnesscrm tasks, then ./fitnesscrm drill restore",
    whenSilent: "notBreaching",
  },
  "drill-duration": {
    severity: "P1",
    above: recoveryTimeObjectiveHours * HOUR,
    text: `A restore takes longer than the objective of ${recoveryTimeObjectiveHours} h (M45). Look at the timings of ./fitnesscrm drill restore`,
    whenSilent: "notBreaching",
  },
};

/** Alarms on what backups are for: that there is one, young enough, that comes back, in time (M14, M42, M45, M46). */
export class BackupAlarms extends pulumi.ComponentResource {
  /** Alarm names by what they watch. */
  readonly names: Record<BackupAlarm, pulumi.Output<string>>;

  constructor(name: string, args: BackupAlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:backup:Alarms", name, {}, opts);

    const create = (alarm: BackupAlarm) => this.createAlarm(name, alarm, args).name;
    this.names = {
      "backup-age": create("backup-age"),
      "dump-age": create("dump-age"),
      "drill-failed": create("drill-failed"),
      "drill-duration": create("drill-duration"),
    };
    this.registerOutputs({ names: this.names });
  }

  private createAlarm(name: string, alarm: BackupAlarm, args: BackupAlarmsArgs): aws.cloudwatch.MetricAlarm {
    const { severity, above, text, whenSilent } = SPECS[alarm];
    const topic = args.topicArns[severity];
    const runbook = args.runbookBaseUrl === undefined ? "" : ` Runbook: ${args.runbookBaseUrl}/${alarm}.`;
    return new aws.cloudwatch.MetricAlarm(
      `${name}-${alarm}`,
      {
        name: `fitnesscrm-${args.stack}-${alarm}`,
        alarmDescription: `${severity} ${args.stack}: ${text}.${runbook}`,
        namespace: METRIC_NAMESPACE,
        metricName: BACKUP_METRICS[alarm],
        dimensions: { Stack: args.stack },
        statistic: "Maximum",
        comparisonOperator: "GreaterThanThreshold",
        threshold: above,
        period: args.periodSeconds,
        evaluationPeriods: args.evaluationPeriods,
        datapointsToAlarm: args.evaluationPeriods,
        treatMissingData: whenSilent,
        actionsEnabled: true,
        alarmActions: [topic],
        okActions: [topic],
        tags: { [SEVERITY_TAG]: severity },
      },
      { parent: this },
    );
  }
}
