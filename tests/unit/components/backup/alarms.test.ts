import assert from "node:assert/strict";
import { BackupAlarms } from "../../../../components/backup/alarms";
import type { AlarmsArgs } from "../../../../components/monitoring/alarm";
import { countByType, only, outputValue, record } from "../../../support/mocks";

const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";

const build = (more: Partial<AlarmsArgs> = {}) =>
  record(
    "unit",
    () =>
      new BackupAlarms("backups", {
        stack: "unit",
        periodSeconds: 60,
        evaluationPeriods: 5,
        topicArns: { P0: "arn:p0", P1: "arn:p1", P2: "arn:p2", P3: "arn:p3" },
        ...more,
      }),
  );

/** Alarm, metric, seconds or count, what silence means, severity, how its text begins. */
const TABLE = [
  [
    "backup-age",
    "restorable_point_age_seconds",
    86_400,
    "breaching",
    "P0",
    /^P0 unit: Nothing younger than 24 h can/,
  ],
  [
    "dump-age",
    "daily_dump_age_seconds",
    93_600,
    "notBreaching",
    "P1",
    /^P1 unit: The daily dump is older than 26 h/,
  ],
  [
    "drill-failed",
    "restore_drill_failed",
    0,
    "notBreaching",
    "P0",
    /^P0 unit: The newest backup could not be rest/,
  ],
  [
    "drill-duration",
    "restore_drill_seconds",
    3600,
    "notBreaching",
    "P1",
    /^P1 unit: A restore takes longer than .* 1 h/,
  ],
] as const;

describe("alarms on backups (M14, M42, M45, M46)", () => {
  for (const [alarm, metricName, threshold, silence, severity, text] of TABLE) {
    it(`${alarm} goes off above ${threshold} and tells ${severity}`, async () => {
      const { inputs } = only((await build()).resources, ALARM, `backups-${alarm}`);
      const { alarmDescription, ...rest } = inputs;
      const topic = `arn:${severity.toLowerCase()}`;
      assert.match(String(alarmDescription), text);
      assert.deepEqual(rest, {
        name: `fitnesscrm-unit-${alarm}`,
        namespace: "FitnessCRM",
        metricName,
        dimensions: { Stack: "unit" },
        statistic: "Maximum",
        comparisonOperator: "GreaterThanThreshold",
        threshold,
        period: 60,
        evaluationPeriods: 5,
        datapointsToAlarm: 5,
        treatMissingData: silence,
        actionsEnabled: true,
        alarmActions: [topic],
        okActions: [topic],
        tags: { "fitnesscrm:alarm": alarm, "fitnesscrm:severity": severity },
      });
    });
  }

  it("say where their runbook is", async () => {
    const { resources } = await build({ runbookBaseUrl: "https://example.com/runbooks" });
    const { inputs } = only(resources, ALARM, "backups-drill-failed");
    assert.match(
      String(inputs.alarmDescription),
      / Runbook: https:\/\/example\.com\/runbooks\/drill-failed\.$/,
    );
  });

  it("are these four, and offer their names", async () => {
    const { resources, result } = await build();
    assert.deepEqual(countByType(resources), { "fitnesscrm:backup:Alarms": 1, [ALARM]: 4 });
    assert.equal(await outputValue(result.names["dump-age"]), "fitnesscrm-unit-dump-age");
  });
});
