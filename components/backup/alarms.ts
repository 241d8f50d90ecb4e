import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { MANUAL } from "../../manual";
import { BACKUP_METRICS } from "../../metricNames";
import { type AlarmSpec, type AlarmsArgs, alarmArgs } from "../monitoring/alarm";
import { ALARM_TAG } from "../monitoring/thresholdAlarms";

type BackupAlarm = keyof typeof BACKUP_METRICS;

/** Silence about the newest restorable point is as bad as none; a drill that never ran is not a failed one. */
type Spec = Pick<AlarmSpec, "severity" | "above" | "text" | "whenSilent">;

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

  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
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

  private createAlarm(name: string, alarm: BackupAlarm, args: AlarmsArgs): aws.cloudwatch.MetricAlarm {
    const spec = SPECS[alarm];
    return new aws.cloudwatch.MetricAlarm(
      `${name}-${alarm}`,
      alarmArgs(args, {
        ...spec,
        alarm,
        text: `${spec.severity} ${args.stack}: ${spec.text}.`,
        metricName: BACKUP_METRICS[alarm],
        statistic: "Maximum",
        tags: { [ALARM_TAG]: alarm },
      }),
      { parent: this },
    );
  }
}
