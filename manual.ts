/**
 * The numbers of `OPERATIONS_MANUAL.md`, once. Every other file takes them from here: components declare them, the policy
 * pack refuses anything looser, the documentation quotes them. Config may be stricter, never looser.
 *
 * Units stand in the names. A row's id (M22) is its line in `docs/manual.md`.
 */

/** Alert severities, most urgent first (M60). */
export const SEVERITIES = ["P0", "P1", "P2", "P3"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** The six metrics of the manual's "Key Metrics" table (M22 to M27). */
export const KEY_METRICS = [
  "cpu",
  "memory",
  "disk",
  "response-time",
  "error-rate",
  "database-connections",
] as const;
export type KeyMetric = (typeof KEY_METRICS)[number];

/** One line of the "Key Metrics" table. */
export interface Threshold {
  /** The row in `docs/manual.md`. */
  readonly row: string;
  /** The value above which the alarm goes off. */
  readonly above: number;
  readonly unit: "Percent" | "Milliseconds" | "Count";
  readonly severity: Severity;
  /** The manual's name of the metric. */
  readonly title: string;
  /** The manual's "Action" column, part of every page that the alarm sends. */
  readonly action: string;
}

export const THRESHOLDS: Readonly<Record<KeyMetric, Threshold>> = {
  cpu: {
    row: "M22",
    above: 80,
    unit: "Percent",
    severity: "P3",
    title: "CPU Usage",
    action: "Investigate high-load processes",
  },
  memory: {
    row: "M23",
    above: 85,
    unit: "Percent",
    severity: "P3",
    title: "Memory Usage",
    action: "Check for memory leaks",
  },
  disk: {
    row: "M24",
    above: 85,
    unit: "Percent",
    severity: "P3",
    title: "Disk Usage",
    action: "Clean up logs, old backups",
  },
  "response-time": {
    row: "M25",
    above: 500,
    unit: "Milliseconds",
    severity: "P3",
    title: "API Response Time",
    action: "Check slow queries",
  },
  "error-rate": {
    row: "M26",
    above: 1,
    unit: "Percent",
    severity: "P2",
    title: "Error Rate",
    action: "Review error logs",
  },
  "database-connections": {
    row: "M27",
    above: 80,
    unit: "Count",
    severity: "P1",
    title: "Database Connections",
    action: "Investigate connection leaks",
  },
};

/** Steps of the response to an incident, in order, with the manual's words (M52). */
export const INCIDENT_STEPS = {
  detection: "Automated alerts, user reports",
  assessment: "Determine severity and scope",
  containment: "Isolate affected systems",
  eradication: "Remove threat",
  recovery: "Restore normal operations",
  "lessons-learned": "Post-incident review",
} as const;
export type IncidentStep = keyof typeof INCIDENT_STEPS;

/** Steps of the escalation chain behind on-call, in order (M61). */
export const ESCALATION_STEPS = ["engineering-manager", "cto", "ceo"] as const;
export type EscalationStep = (typeof ESCALATION_STEPS)[number];

export const MANUAL = {
  /** IANA zone of every time in the manual, which says "EST" and means the wall clock of the east coast. */
  timeZone: "America/New_York",

  thresholds: THRESHOLDS,

  severities: {
    P0: "Service down, data loss",
    P1: "Severe degradation, security breach",
    P2: "Partial degradation, high error rates",
    P3: "Minor issues, performance degradation",
  } satisfies Record<Severity, string>,

  backup: {
    /** M42 */
    dailyAt: "02:00",
    /** M43 */
    retentionDaysLocal: 30,
    /** M43 */
    retentionDaysS3: 90,
    /** M45 */
    recoveryTimeObjectiveHours: 1,
    /** M46 */
    recoveryPointObjectiveHours: 24,
    /** M42: a day, and two hours for a run that takes long or was late. */
    dumpAgeHours: 26,
  },

  /** Slow statements and slow API responses share the manual's 500 ms (M25, M31). */
  slowStatementMilliseconds: THRESHOLDS["response-time"].above,

  onCall: {
    /** M57 */
    shiftWeeks: 1,
    /** M58 */
    handoff: { weekday: "Friday", at: "17:00" },
    /** M59: P0 and P1 are the critical ones. */
    respondWithinMinutes: { critical: 30, nonCritical: 240 },
    /** M61 */
    escalation: ["on-call", ...ESCALATION_STEPS],
    /** M59, M61: the severities that the manual calls critical, and those of which the CEO hears. */
    critical: ["P0", "P1"],
    ceoHearsOf: ["P0"],
  },

  /** M37 */
  maintenanceWindow: { ordinal: 1, weekday: "Sunday", from: "02:00", to: "04:00", noticeHours: 48 },
} as const;
