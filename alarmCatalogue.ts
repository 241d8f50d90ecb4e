/**
 * Every alarm of a stack, once: what it watches, when it goes off, what its page says. Components declare them, the launcher
 * shows them and makes their causes. Pure.
 *
 * The order among them is one of delay ([decision 8](docs/decisions/0008-alarms.md)): what is down or silent pages first, and what
 * would only repeat it is withheld by its sender or waits for longer.
 */
import type { Config } from "./config";
import {
  ESCALATION_STEPS,
  type EscalationStep,
  KEY_METRICS,
  type KeyMetric,
  MANUAL,
  type Severity,
} from "./manual";
import {
  BACKUP_METRICS,
  LOGIN_METRICS,
  METRICS,
  MUTE_METRIC,
  ROTA_METRIC,
  WINDOW_METRIC,
} from "./metricNames";

/** Tags of alarms and topics, by which the policy pack, the launcher and ops tell what is what. */
export const ALARM_TAGS = {
  /** Name in the catalogue; on what a step of the chain hears of it is not. */
  alarm: "fitnesscrm:alarm",
  severity: "fitnesscrm:severity",
  /** Name of the alarm that a delayed one repeats. */
  escalates: "fitnesscrm:escalates",
  /** Step of the chain, on delayed alarms and on the step's topic. */
  step: "fitnesscrm:step",
  /** When and by whom an alarm was acknowledged; put there by `ack`, taken away once it is over. */
  acknowledged: "fitnesscrm:acknowledged",
} as const;

export const ALARM_NAMES = [
  ...KEY_METRICS,
  "service-down",
  "silence",
  "oom",
  "redis-memory",
  "failed-logins",
  "certificate",
  "rota-horizon",
  "mute-horizon",
  "window-failed",
  "backup-age",
  "dump-age",
  "drill-failed",
  "drill-duration",
] as const;
export type AlarmName = (typeof ALARM_NAMES)[number];

/** What silence of a metric means: trouble, nothing, or that nobody knows. */
export type MissingData = "breaching" | "notBreaching" | "missing";

/** One alarm on one plain metric. */
export interface AlarmDefinition {
  readonly name: AlarmName;
  readonly severity: Severity;
  readonly metric: string;
  readonly statistic: "Average" | "Maximum" | "Minimum";
  readonly comparison: "GreaterThanThreshold" | "LessThanThreshold";
  readonly threshold: number;
  readonly missingData: MissingData;
  /** Seconds that one value stands for, and how many values in a row must be beyond the threshold. */
  readonly periodSeconds: number;
  readonly periods: number;
  /** Row of `docs/manual.md`. */
  readonly row: string;
  /** What the page says, without the runbook: what is wrong, and what to do. */
  readonly text: string;
}

/** A delayed twin of an alarm, by which a step of the chain hears of it when nobody responded (M59, M61). */
export interface Escalation {
  readonly alarm: AlarmDefinition;
  readonly step: EscalationStep;
  /** Seconds after the alarm itself. */
  readonly delaySeconds: number;
  readonly periods: number;
}

/** What of the configuration the alarms depend on. */
export interface AlarmSettings {
  readonly stack: string;
  readonly alarms: Config["alarms"];
  readonly publicUrl: string;
  readonly contacts: { readonly onCall: readonly unknown[] };
  /** With an emulator where one stands in for AWS: it keeps no alarm quiet. */
  readonly aws: { readonly emulator?: unknown };
}

/** Not of the manual: the cache evicts by then, and nothing is lost. */
const REDIS_PERCENT = 95;
/** Whoever renews certificates by hand needs to be told before a holiday. */
const CERTIFICATE_DAYS = 14;
/** A new stack serves a placeholder for as long as the authority takes, which is no reason to page. */
const CERTIFICATE_PERIODS = 5;
/** `up` moves the rota on long before; a stack that nobody deploys to needs it done. */
const ROTA_DAYS = 28;
/** At least one window is still declared by then. */
const MUTE_DAYS = 31;

/** How often ops sends what it measures (see `ops/metrics.ts`). */
const OPS_SECONDS = 60;

const HOUR = 3600;
const { recoveryPointObjectiveHours, recoveryTimeObjectiveHours, dumpAgeHours } = MANUAL.backup;

/** An alarm, but for what the configuration says. */
type Spec = Omit<AlarmDefinition, "name" | "text" | "periodSeconds" | "comparison"> & {
  readonly comparison?: AlarmDefinition["comparison"];
  readonly periodSeconds?: number;
  /** What is wrong, and what to do. */
  readonly says: (stack: string) => string;
};

/** The alarms of a stack, in the catalogue's order. */
export function alarmDefinitions(settings: AlarmSettings): AlarmDefinition[] {
  const specs = specsOf(settings);
  return ALARM_NAMES.flatMap((name) => {
    const spec = specs[name];
    if (spec === undefined) {
      return [];
    }
    const { says, ...rest } = spec;
    return [
      {
        name,
        comparison: "GreaterThanThreshold",
        periodSeconds: settings.alarms.periodSeconds,
        ...rest,
        text: `${spec.severity} ${says(settings.stack)}`,
      },
    ];
  });
}

/** Alarms that a stack has no use for are left out. */
function specsOf({
  alarms,
  publicUrl,
  contacts,
  aws,
}: AlarmSettings): Record<KeyMetric, Spec> & Partial<Record<AlarmName, Spec>> {
  const { thresholds, periodSeconds, evaluationPeriods, outagePeriods, failedLogins } = alarms;
  // Ops sends once a minute: a shorter period would have gaps of its own.
  const slowSeconds = Math.max(OPS_SECONDS, periodSeconds);
  const once = { periodSeconds: slowSeconds, periods: 1 };
  const slow = {
    periodSeconds: slowSeconds,
    periods: Math.ceil((evaluationPeriods * periodSeconds) / slowSeconds),
  };
  const key = (metric: KeyMetric, of: Pick<Spec, "metric" | "statistic" | "missingData">): Spec => ({
    ...of,
    severity: MANUAL.thresholds[metric].severity,
    threshold: thresholds[metric],
    periods: evaluationPeriods,
    row: MANUAL.thresholds[metric].row,
    says: describeThreshold(metric, thresholds[metric]),
  });
  // Of several nodes the worst pages. Response time and error rate exist only while there are requests: none is no reason to page.
  // A host that stops sending is reported once, by an alarm of its own, rather than by all of these.
  return {
    cpu: key("cpu", { metric: METRICS.cpu, statistic: "Maximum", missingData: "missing" }),
    memory: key("memory", { metric: METRICS.memory, statistic: "Maximum", missingData: "missing" }),
    disk: key("disk", { metric: METRICS.disk, statistic: "Maximum", missingData: "missing" }),
    "response-time": key("response-time", {
      metric: METRICS.responseTime,
      statistic: "Average",
      missingData: "notBreaching",
    }),
    "error-rate": key("error-rate", {
      metric: METRICS.errorRate,
      statistic: "Average",
      missingData: "notBreaching",
    }),
    "database-connections": key("database-connections", {
      metric: METRICS.connections,
      statistic: "Maximum",
      missingData: "missing",
    }),
    "service-down": {
      metric: METRICS.serviceDown,
      severity: "P0",
      // Down only where no node reaches it.
      statistic: "Minimum",
      threshold: 0,
      missingData: "missing",
      periods: outagePeriods,
      row: "M60",
      says: (stack) =>
        `Service down on ${stack}: the page or its API does not answer (M60). Look at ./fitnesscrm health, then ./fitnesscrm logs backend.`,
    },
    silence: {
      metric: METRICS.silence,
      severity: "P0",
      statistic: "Maximum",
      threshold: 0,
      missingData: "breaching",
      periods: outagePeriods,
      row: "M60",
      says: (stack) =>
        `${stack} sends no metrics any more: host, network or agent is down, and no other alarm can go off (M60). Look whether the host answers, then at ./fitnesscrm health.`,
    },
    oom: {
      metric: METRICS.oomKills,
      severity: "P2",
      statistic: "Maximum",
      threshold: 0,
      missingData: "notBreaching",
      periods: 1,
      row: "M35",
      says: (stack) =>
        `A process on ${stack} was killed for want of memory (M35). Look at ./fitnesscrm stats, then raise the container's memory limit.`,
    },
    "redis-memory": {
      metric: METRICS.redisMemory,
      severity: "P3",
      statistic: "Maximum",
      threshold: REDIS_PERCENT,
      missingData: "missing",
      periods: evaluationPeriods,
      row: "M30",
      says: (stack) =>
        `Redis on ${stack} uses more than ${REDIS_PERCENT}% of its largest size (M30). Look at hit rate and evictions in ./fitnesscrm stats, then raise redis.maxMemoryMiB.`,
    },
    "failed-logins": {
      metric: LOGIN_METRICS.failed,
      severity: "P1",
      statistic: "Maximum",
      threshold: failedLogins.above,
      // Nobody can log in while the database is away, which others tell.
      missingData: "notBreaching",
      ...once,
      row: "M48",
      says: (stack) =>
        `More than ${failedLogins.above} failed logins in ${failedLogins.minutes} minutes on ${stack}: somebody may be trying to break in (M48). Look at ./fitnesscrm db logins.`,
    },
    ...(publicUrl.startsWith("https:") && {
      certificate: {
        metric: METRICS.certificate,
        severity: "P2",
        statistic: "Minimum",
        comparison: "LessThanThreshold",
        threshold: CERTIFICATE_DAYS,
        missingData: "missing",
        ...once,
        periods: CERTIFICATE_PERIODS,
        row: "M60",
        says: (stack) =>
          `The certificate of ${publicUrl} on ${stack} expires in less than ${CERTIFICATE_DAYS} days (M60). Renew it.`,
      } satisfies Spec,
    }),
    ...(contacts.onCall.length > 1 && {
      "rota-horizon": {
        metric: ROTA_METRIC,
        severity: "P3",
        statistic: "Minimum",
        comparison: "LessThanThreshold",
        threshold: ROTA_DAYS,
        missingData: "missing",
        ...once,
        row: "M57",
        says: (stack) =>
          `The rota of ${stack} is declared for less than ${ROTA_DAYS} days: after them every engineer is paged (M57). Run ./fitnesscrm up.`,
      } satisfies Spec,
    }),
    ...(aws.emulator === undefined && {
      "mute-horizon": {
        metric: MUTE_METRIC,
        severity: "P3",
        statistic: "Minimum",
        comparison: "LessThanThreshold",
        threshold: MUTE_DAYS,
        missingData: "missing",
        ...once,
        row: "M37",
        says: (stack) =>
          `Maintenance windows of ${stack} are declared for less than ${MUTE_DAYS} days: after them alarms page in a window, too (M37). Run ./fitnesscrm up.`,
      } satisfies Spec,
    }),
    "window-failed": {
      metric: WINDOW_METRIC,
      severity: "P2",
      statistic: "Maximum",
      threshold: 0,
      missingData: "notBreaching",
      ...once,
      row: "M39",
      says: (stack) =>
        `${stack}: The maintenance window did not do all of its steps, or ran over its end (M39). Look at ./fitnesscrm window.`,
    },
    "backup-age": {
      metric: BACKUP_METRICS["backup-age"],
      severity: "P0",
      statistic: "Maximum",
      threshold: recoveryPointObjectiveHours * HOUR,
      missingData: "breaching",
      // A silent host is told by its own alarm first.
      ...slow,
      periods: Math.max(slow.periods, Math.floor((outagePeriods * periodSeconds) / slowSeconds) + 1),
      row: "M46",
      says: (stack) =>
        `${stack}: Nothing younger than ${recoveryPointObjectiveHours} h can be restored, or nobody says so (M46). Look at ./fitnesscrm tasks, then ./fitnesscrm backup.`,
    },
    "dump-age": {
      metric: BACKUP_METRICS["dump-age"],
      severity: "P1",
      statistic: "Maximum",
      threshold: dumpAgeHours * HOUR,
      missingData: "notBreaching",
      ...slow,
      row: "M42",
      says: (stack) =>
        `${stack}: The daily dump is older than ${dumpAgeHours} h (M42). Look at ./fitnesscrm tasks, then ./fitnesscrm backup.`,
    },
    "drill-failed": {
      metric: BACKUP_METRICS["drill-failed"],
      severity: "P0",
      statistic: "Maximum",
      threshold: 0,
      missingData: "notBreaching",
      ...slow,
      row: "M14",
      says: (stack) =>
        `${stack}: The newest backup could not be restored (M14). Look at ./fitnesscrm tasks, then ./fitnesscrm drill restore.`,
    },
    "drill-duration": {
      metric: BACKUP_METRICS["drill-duration"],
      severity: "P1",
      statistic: "Maximum",
      threshold: recoveryTimeObjectiveHours * HOUR,
      missingData: "notBreaching",
      ...slow,
      row: "M45",
      says: (stack) =>
        `${stack}: A restore takes longer than the objective of ${recoveryTimeObjectiveHours} h (M45). Look at the timings of ./fitnesscrm drill restore.`,
    },
  };
}

/** What is wrong, and the manual's "Action" for it. */
function describeThreshold(metric: KeyMetric, above: number): Spec["says"] {
  const { title, unit, action, row } = MANUAL.thresholds[metric];
  return (stack) => `${title} above ${above}${UNITS[unit]} on ${stack} (${row}). ${action}.`;
}

export const UNITS = { Percent: "%", Milliseconds: " ms", Count: "" } as const;

/** Name of an alarm in AWS. */
export function alarmName(stack: string, name: AlarmName): string {
  return `fitnesscrm-${stack}-${name}`;
}

/** Name in AWS of the delayed twin by which a step hears of an alarm. */
export function escalationName(stack: string, name: AlarmName, step: EscalationStep): string {
  return `${alarmName(stack, name)}-escalation-${step}`;
}

/** Name of the topic of a severity or of a step. */
export function topicName(stack: string, of: Severity | EscalationStep): string {
  return `fitnesscrm-${stack}-${of.toLowerCase()}`;
}

/** Steps that hear of a severity when nobody responds (M61). */
export function escalationSteps(severity: Severity): EscalationStep[] {
  const hearsOf: readonly string[] = MANUAL.onCall.ceoHearsOf;
  return ESCALATION_STEPS.filter((step) => step !== "ceo" || hearsOf.includes(severity));
}

/** How long somebody may take to respond to a severity before the next step hears of it, seconds (M59). */
export function respondSeconds(severity: Severity, alarms: AlarmSettings["alarms"]): number {
  const critical: readonly string[] = MANUAL.onCall.critical;
  return alarms.respondSeconds[critical.includes(severity) ? "critical" : "other"];
}

/** The chain behind an alarm: each step hears of it one time to respond after the one before. */
export function escalationsOf(alarm: AlarmDefinition, alarms: AlarmSettings["alarms"]): Escalation[] {
  const seconds = respondSeconds(alarm.severity, alarms);
  return escalationSteps(alarm.severity).map((step, index) => {
    const delaySeconds = (index + 1) * seconds;
    return {
      alarm,
      step,
      delaySeconds,
      periods: alarm.periods + Math.ceil(delaySeconds / alarm.periodSeconds),
    };
  });
}

/** Where a page's reader finds what to do next. */
export function runbookOf(name: AlarmName, runbookBaseUrl: string | undefined): string {
  return `Runbook: ${runbookBaseUrl ?? "docs/runbooks"}/${name}${runbookBaseUrl === undefined ? ".md" : ""}.`;
}
