import { ALARM, BACKUP_ALARM_NAMES, BACKUP_ALARMS, type BackupAlarm, watchedBackup } from "./lib/alarms";
import { type Basis, type Rule, resourceRule, stackRule } from "./lib/rule";
import { atMost } from "./lib/settings";

const OBJECTIVES: Basis = {
  row: "M45 to M46",
  says: "RTO (Recovery Time Objective), RPO (Recovery Point Objective)",
};

const thresholds = resourceRule(
  {
    name: "backup-alarm-thresholds",
    section: "Backup & Recovery",
    basis: OBJECTIVES,
    demands:
      "An alarm on backups goes off where the objective is missed or before, and nobody hearing of a restorable point is an alarm.",
    types: [ALARM],
    settings: {
      "backup-age": atMost(BACKUP_ALARMS["backup-age"].above, "Seconds since the newest restorable point."),
      "dump-age": atMost(BACKUP_ALARMS["dump-age"].above, "Seconds since the newest dump."),
      "drill-duration": atMost(BACKUP_ALARMS["drill-duration"].above, "Seconds that a restore takes."),
    },
  },
  ({ props }, judge, limits) => {
    for (const name of BACKUP_ALARM_NAMES) {
      const { basis } = BACKUP_ALARMS[name];
      const watches = () => watchedBackup(props) === name;
      const limit = limitOf(name, limits);
      judge.must(
        () => !watches() || (props.threshold !== undefined && props.threshold <= limit),
        () => `goes off above ${props.threshold ?? "nothing"}, which is looser than ${limit}`,
        `threshold ${limit} or lower`,
        basis,
      );
      judge.must(
        () => !watches() || props.comparisonOperator === "GreaterThanThreshold",
        () => `compares by ${props.comparisonOperator}`,
        "comparisonOperator GreaterThanThreshold",
        basis,
      );
      judge.must(
        () => !watches() || name !== "backup-age" || props.treatMissingData === "breaching",
        () => `counts silence as ${props.treatMissingData ?? "missing"}`,
        "treatMissingData breaching",
        basis,
      );
    }
  },
);

/** Of a drill that failed there is no stricter number than none. */
function limitOf(name: BackupAlarm, limits: Readonly<Record<Exclude<BackupAlarm, "drill-failed">, number>>) {
  return name === "drill-failed" ? BACKUP_ALARMS[name].above : limits[name];
}

const present = stackRule(
  {
    name: "backup-alarms-present",
    section: "Backup & Recovery",
    basis: OBJECTIVES,
    demands:
      "There is an alarm on the newest restorable point, on the daily dump, and on a restore drill that fails or takes too long.",
  },
  ({ complete, of, judge }) => {
    const alarms = of(ALARM);
    for (const name of BACKUP_ALARM_NAMES) {
      judge.must(
        () => !complete || alarms.some(({ props }) => watchedBackup(props) === name),
        `has no alarm for ${name}`,
        `an aws.cloudwatch.MetricAlarm with the tag fitnesscrm:alarm = ${name}`,
        BACKUP_ALARMS[name].basis,
      );
    }
  },
);

export const BACKUP_ALARM_RULES: readonly Rule[] = [thresholds, present];
