import assert from "node:assert/strict";
import { ThresholdAlarms, type ThresholdAlarmsArgs } from "../../../../components/monitoring/thresholdAlarms";
import { countByType, ofType, only, outputValue, type Recorded, record } from "../../../support/mocks";

const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";

function args(stack: string, more: Partial<ThresholdAlarmsArgs> = {}): ThresholdAlarmsArgs {
  return {
    stack,
    thresholds: {
      cpu: 80,
      memory: 85,
      disk: 85,
      "response-time": 500,
      "error-rate": 1,
      "database-connections": 80,
    },
    periodSeconds: 60,
    evaluationPeriods: 5,
    topicArns: { P0: "arn:p0", P1: "arn:p1", P2: "arn:p2", P3: "arn:p3" },
    ...more,
  };
}

const build = (stack: string, more: Partial<ThresholdAlarmsArgs> = {}) =>
  record(stack, () => new ThresholdAlarms("thresholds", args(stack, more)));

/** Metric, what it watches, its limit, silence, severity, text. */
const TABLE = [
  [
    "cpu",
    "cpu_used_percent",
    "Average",
    80,
    "missing",
    "P3",
    "P3 CPU Usage above 80% on unit (M22). Investigate high-load processes.",
  ],
  [
    "memory",
    "memory_used_percent",
    "Average",
    85,
    "missing",
    "P3",
    "P3 Memory Usage above 85% on unit (M23). Check for memory leaks.",
  ],
  [
    "disk",
    "disk_used_percent",
    "Maximum",
    85,
    "missing",
    "P3",
    "P3 Disk Usage above 85% on unit (M24). Clean up logs, old backups.",
  ],
  [
    "response-time",
    "api_response_p95_ms",
    "Average",
    500,
    "notBreaching",
    "P3",
    "P3 API Response Time above 500 ms on unit (M25). Check slow queries.",
  ],
  [
    "error-rate",
    "api_error_percent",
    "Average",
    1,
    "notBreaching",
    "P2",
    "P2 Error Rate above 1% on unit (M26). Review error logs.",
  ],
  [
    "database-connections",
    "database_connections",
    "Maximum",
    80,
    "missing",
    "P1",
    "P1 Database Connections above 80 on unit (M27). Investigate connection leaks.",
  ],
] as const;

describe("threshold alarms", () => {
  let resources: Recorded[];
  let names: unknown;
  before(async () => {
    const recording = await build("unit");
    resources = recording.resources;
    names = await outputValue(recording.result.names);
  });

  for (const [
    metric,
    metricName,
    statistic,
    threshold,
    treatMissingData,
    severity,
    alarmDescription,
  ] of TABLE) {
    it(`${metric}: one alarm on ${metricName} above ${threshold}, to the topic of ${severity}`, () => {
      const topic = `arn:${severity.toLowerCase()}`;
      assert.deepEqual(only(resources, ALARM, `thresholds-${metric}`).inputs, {
        name: `fitnesscrm-unit-${metric}`,
        alarmDescription,
        namespace: "FitnessCRM",
        metricName,
        dimensions: { Stack: "unit" },
        statistic,
        comparisonOperator: "GreaterThanThreshold",
        threshold,
        period: 60,
        evaluationPeriods: 5,
        datapointsToAlarm: 5,
        treatMissingData,
        actionsEnabled: true,
        alarmActions: [topic],
        okActions: [topic],
        tags: {
          "fitnesscrm:alarm": metric,
          "fitnesscrm:severity": severity,
        },
      });
    });
  }

  it("has these six children and no other, and offers their names by metric", () => {
    assert.deepEqual(countByType(resources), { "fitnesscrm:monitoring:ThresholdAlarms": 1, [ALARM]: 6 });
    assert.deepEqual(
      names,
      Object.fromEntries(TABLE.map(([metric]) => [metric, `fitnesscrm-unit-${metric}`])),
    );
  });

  it("takes a stricter threshold and a drill's short periods, in the text as well", async () => {
    const { resources } = await build("drill", {
      thresholds: { ...args("drill").thresholds, "response-time": 250.5 },
      periodSeconds: 10,
      evaluationPeriods: 1,
    });
    const { inputs } = only(resources, ALARM, "thresholds-response-time");
    assert.deepEqual(
      [inputs.threshold, inputs.period, inputs.evaluationPeriods, inputs.datapointsToAlarm],
      [250.5, 10, 1, 1],
    );
    assert.equal(
      inputs.alarmDescription,
      "P3 API Response Time above 250.5 ms on drill (M25). Check slow queries.",
    );
  });

  it("links each page to its own runbook where the runbooks are known", async () => {
    const { resources } = await build("unit", { runbookBaseUrl: "https://wiki.example.com/runbooks" });
    for (const { inputs } of ofType(resources, ALARM)) {
      const metric = (inputs.tags as Record<string, string>)["fitnesscrm:alarm"];
      assert.match(
        String(inputs.alarmDescription),
        new RegExp(` Runbook: https://wiki\\.example\\.com/runbooks/${metric}\\.$`),
      );
    }
  });
});
