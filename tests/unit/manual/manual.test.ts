import assert from "node:assert/strict";
import { KEY_METRICS, MANUAL, SEVERITIES, THRESHOLDS } from "../../../manual";

/** Each line of the manual's "Key Metrics" table, as it stands there, and how `manual.ts` says it. */
const KEY_METRIC_LINES = [
  ["| CPU Usage | > 80% | Investigate high-load processes |", "cpu", "M22", 80, "Percent", "P3"],
  ["| Memory Usage | > 85% | Check for memory leaks |", "memory", "M23", 85, "Percent", "P3"],
  ["| Disk Usage | > 85% | Clean up logs, old backups |", "disk", "M24", 85, "Percent", "P3"],
  ["| API Response Time | > 500ms | Check slow queries |", "response-time", "M25", 500, "Milliseconds", "P3"],
  ["| Error Rate | > 1% | Review error logs |", "error-rate", "M26", 1, "Percent", "P2"],
  [
    "| Database Connections | > 80 | Investigate connection leaks |",
    "database-connections",
    "M27",
    80,
    "Count",
    "P1",
  ],
] as const;

const SUFFIX = { Percent: "%", Milliseconds: "ms", Count: "" } as const;

describe("the manual's numbers", () => {
  for (const [line, metric, row, above, unit, severity] of KEY_METRIC_LINES) {
    it(`has the Key Metrics line "${line}" as ${row}, severity ${severity}`, () => {
      const { title, action } = THRESHOLDS[metric];
      assert.deepEqual(THRESHOLDS[metric], { row, above, unit, severity, title, action });
      assert.equal(`| ${title} | > ${above}${SUFFIX[unit]} | ${action} |`, line);
    });
  }

  it("has these six metrics and no other", () => {
    assert.deepEqual(
      [...KEY_METRICS],
      KEY_METRIC_LINES.map(([, metric]) => metric),
    );
    assert.deepEqual(Object.keys(THRESHOLDS).sort(), [...KEY_METRICS].sort());
    assert.equal(MANUAL.thresholds, THRESHOLDS);
  });

  const sentences: [sentence: string, found: unknown, expected: unknown][] = [
    ["**Frequency**: Daily at 2:00 AM EST", MANUAL.backup.dailyAt, "02:00"],
    [
      "2:00 AM EST, 5:00 PM EST: the east coast's clock, not a fixed offset",
      MANUAL.timeZone,
      "America/New_York",
    ],
    [
      "**Retention**: 30 days local, 90 days S3",
      [MANUAL.backup.retentionDaysLocal, MANUAL.backup.retentionDaysS3],
      [30, 90],
    ],
    ["daily, and two hours for a run that takes long or was late", MANUAL.backup.dumpAgeHours, 26],
    ["**RTO** (Recovery Time Objective): 1 hour", MANUAL.backup.recoveryTimeObjectiveHours, 1],
    [
      "**RPO** (Recovery Point Objective): 24 hours (daily backups)",
      MANUAL.backup.recoveryPointObjectiveHours,
      24,
    ],
    [
      "**Schedule**: First Sunday of each month, 2:00 AM - 4:00 AM EST; **Notify Users** (48 hours in advance)",
      MANUAL.maintenanceWindow,
      { ordinal: 1, weekday: "Sunday", from: "02:00", to: "04:00", noticeHours: 48 },
    ],
    ["**Duration**: 1 week", MANUAL.onCall.shiftWeeks, 1],
    ["**Handoff**: Friday 5:00 PM EST", MANUAL.onCall.handoff, { weekday: "Friday", at: "17:00" }],
    [
      "**Response Time**: 30 minutes for critical, 4 hours for non-critical",
      MANUAL.onCall.respondWithinMinutes,
      { critical: 30, nonCritical: 240 },
    ],
    [
      "1. On-call engineer 2. Engineering manager 3. CTO 4. CEO (for critical incidents only)",
      MANUAL.onCall.escalation,
      ["on-call", "engineering-manager", "cto", "ceo"],
    ],
    ["critical are P0 and P1, of which the CEO hears P0", MANUAL.onCall.critical, ["P0", "P1"]],
    ["4. CEO (for critical incidents only)", MANUAL.onCall.ceoHearsOf, ["P0"]],
    ["**P0 (Critical)**: Service down, data loss", MANUAL.severities.P0, "Service down, data loss"],
    [
      "**P1 (High)**: Severe degradation, security breach",
      MANUAL.severities.P1,
      "Severe degradation, security breach",
    ],
    [
      "**P2 (Medium)**: Partial degradation, high error rates",
      MANUAL.severities.P2,
      "Partial degradation, high error rates",
    ],
    [
      "**P3 (Low)**: Minor issues, performance degradation",
      MANUAL.severities.P3,
      "Minor issues, performance degradation",
    ],
    ["P0 to P3, most urgent first", SEVERITIES, ["P0", "P1", "P2", "P3"]],
    ["slow queries share the 500 ms of API Response Time", MANUAL.slowStatementMilliseconds, 500],
  ];
  for (const [sentence, found, expected] of sentences) {
    it(`has "${sentence}"`, () => {
      assert.deepEqual(found, expected);
    });
  }

  it("says nothing that this test does not check", () => {
    assert.deepEqual(Object.keys(MANUAL).sort(), [
      "backup",
      "maintenanceWindow",
      "onCall",
      "severities",
      "slowStatementMilliseconds",
      "thresholds",
      "timeZone",
    ]);
    assert.deepEqual(Object.keys(MANUAL.backup).sort(), [
      "dailyAt",
      // The manual has no such number: it is what its daily backup allows for.
      "dumpAgeHours",
      "recoveryPointObjectiveHours",
      "recoveryTimeObjectiveHours",
      "retentionDaysLocal",
      "retentionDaysS3",
    ]);
    assert.deepEqual(Object.keys(MANUAL.onCall).sort(), [
      "ceoHearsOf",
      "critical",
      "escalation",
      "handoff",
      "respondWithinMinutes",
      "shiftWeeks",
    ]);
  });
});
