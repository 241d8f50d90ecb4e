import { KEY_METRICS, type KeyMetric, MANUAL, type Severity, type Threshold } from "../../manual";
import type { Basis } from "./rule";
import type { Props } from "./types";

/** Tag of an alarm: what of the manual it watches. */
export const ALARM_TAG = "fitnesscrm:alarm";
/** Tags of a delayed twin: the alarm that it repeats, and the step of the chain that hears of it; the latter on topics as well. */
export const ESCALATES_TAG = "fitnesscrm:escalates";
export const STEP_TAG = "fitnesscrm:step";

export const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
export type Alarm = Props<typeof ALARM>;

const HOUR = 3600;
const { recoveryPointObjectiveHours, recoveryTimeObjectiveHours, dumpAgeHours } = MANUAL.backup;

/** What the manual asks of an alarm. */
export interface Watched {
  readonly basis: Basis;
  /** Goes off above this, in the metric's unit. */
  readonly above: number;
  /** Or a more urgent one. */
  readonly severity: Severity;
}

/** Alarms on the service as a whole, by their tag: a flag that is up, and metrics that stop. */
export const OUTAGE_ALARMS = {
  "service-down": {
    basis: { row: "M60", says: `P0 (Critical): ${MANUAL.severities.P0}` },
    above: 0,
    severity: "P0",
    silence: ["missing", "breaching", "ignore"],
  },
  silence: {
    basis: { row: "M60", says: `P0 (Critical): ${MANUAL.severities.P0}` },
    above: 0,
    severity: "P0",
    silence: ["breaching"],
  },
  oom: {
    basis: { row: "M35", says: "Out of Memory: Increase container memory limits" },
    above: 0,
    severity: "P2",
    silence: ["notBreaching", "missing", "ignore", "breaching"],
  },
} as const satisfies Record<string, Watched & { readonly silence: readonly string[] }>;
export type OutageAlarm = keyof typeof OUTAGE_ALARMS;
export const OUTAGE_ALARM_NAMES = Object.keys(OUTAGE_ALARMS) as OutageAlarm[];

/** Alarms on backups, by their tag; seconds, and a count of failures. */
export const BACKUP_ALARMS = {
  "backup-age": {
    basis: {
      row: "M46",
      says: `RPO (Recovery Point Objective): ${recoveryPointObjectiveHours} hours (daily backups)`,
    },
    above: recoveryPointObjectiveHours * HOUR,
    severity: "P0",
  },
  "dump-age": {
    basis: { row: "M42", says: "Frequency: Daily at 2:00 AM EST" },
    above: dumpAgeHours * HOUR,
    severity: "P1",
  },
  "drill-failed": {
    basis: { row: "M14", says: "Backup Verification: Verify backup integrity" },
    above: 0,
    severity: "P0",
  },
  "drill-duration": {
    basis: { row: "M45", says: `RTO (Recovery Time Objective): ${recoveryTimeObjectiveHours} hour` },
    above: recoveryTimeObjectiveHours * HOUR,
    severity: "P1",
  },
} as const satisfies Record<string, Watched>;
export type BackupAlarm = keyof typeof BACKUP_ALARMS;
export const BACKUP_ALARM_NAMES = Object.keys(BACKUP_ALARMS) as BackupAlarm[];

/** A line of the "Key Metrics" table, in words. */
export function sentence({ row, title, above, unit, action }: Threshold): Basis {
  const limit = `${unit === "Count" ? "" : " "}${above}${{ Percent: "%", Milliseconds: "ms", Count: "" }[unit]}`;
  return { row, says: `${title} > ${limit.trim()}: ${action}` };
}

/** The manual's metric that an alarm watches; undefined for an alarm of another kind. */
export function watchedMetric(alarm: Partial<Alarm>): KeyMetric | undefined {
  const tag = alarm.tags?.[ALARM_TAG];
  return KEY_METRICS.find((metric) => metric === tag);
}

/** What of the backups an alarm watches; undefined for an alarm of another kind. */
export function watchedBackup(alarm: Partial<Alarm>): BackupAlarm | undefined {
  const tag = alarm.tags?.[ALARM_TAG];
  return BACKUP_ALARM_NAMES.find((name) => name === tag);
}

/** What of the service as a whole an alarm watches; undefined for an alarm of another kind. */
export function watchedOutage(alarm: Partial<Alarm>): OutageAlarm | undefined {
  const tag = alarm.tags?.[ALARM_TAG];
  return OUTAGE_ALARM_NAMES.find((name) => name === tag);
}

/** What an alarm of the manual watches, and what the manual asks of it; undefined for an alarm of another kind. */
export function watched(alarm: Partial<Alarm>): (Watched & { readonly what: string }) | undefined {
  const metric = watchedMetric(alarm);
  if (metric !== undefined) {
    const threshold = MANUAL.thresholds[metric];
    return {
      what: metric,
      basis: sentence(threshold),
      above: threshold.above,
      severity: threshold.severity,
    };
  }
  const outage = watchedOutage(alarm);
  if (outage !== undefined) {
    return { what: outage, ...OUTAGE_ALARMS[outage] };
  }
  const backup = watchedBackup(alarm);
  return backup === undefined ? undefined : { what: backup, ...BACKUP_ALARMS[backup] };
}
