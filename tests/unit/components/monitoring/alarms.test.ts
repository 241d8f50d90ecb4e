import assert from "node:assert/strict";
import { Alarms, type AlarmsArgs } from "../../../../components/monitoring/alarms";
import { countByType, ofType, only, outputValue, type Recorded, record } from "../../../support/mocks";
import { alarmSettings } from "../../alarmCatalogue/support";

const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";

const build = (more: Parameters<typeof alarmSettings>[0] = {}) => {
  const args: AlarmsArgs = {
    ...alarmSettings(more),
    topicArns: { P0: "arn:p0", P1: "arn:p1", P2: "arn:p2", P3: "arn:p3" },
    stepArns: { "engineering-manager": "arn:manager", cto: "arn:cto", ceo: "arn:ceo" },
  };
  return record("unit", () => new Alarms("alarms", args));
};

/** Alarm, metric, rule, what silence means, periods, seconds of one, severity. */
const TABLE = [
  ["cpu", "cpu_used_percent", "Maximum", 80, "missing", 5, 60, "P3"],
  ["memory", "memory_used_percent", "Maximum", 85, "missing", 5, 60, "P3"],
  ["disk", "disk_used_percent", "Maximum", 85, "missing", 5, 60, "P3"],
  ["response-time", "api_response_p95_ms", "Average", 500, "notBreaching", 5, 60, "P3"],
  ["error-rate", "api_error_percent", "Average", 1, "notBreaching", 5, 60, "P2"],
  ["database-connections", "database_connections", "Maximum", 80, "missing", 5, 60, "P1"],
  ["service-down", "service_down", "Minimum", 0, "missing", 2, 60, "P0"],
  ["silence", "agent_silent", "Maximum", 0, "breaching", 2, 60, "P0"],
  ["oom", "oom_kills", "Maximum", 0, "notBreaching", 1, 60, "P2"],
  ["redis-memory", "redis_used_percent", "Maximum", 95, "missing", 5, 60, "P3"],
  ["failed-logins", "failed_logins", "Maximum", 50, "notBreaching", 1, 60, "P1"],
  ["certificate", "certificate_days_left", "Minimum", 14, "missing", 5, 60, "P2"],
  ["rota-horizon", "rota_days_left", "Minimum", 28, "missing", 1, 60, "P3"],
  ["mute-horizon", "mute_days_left", "Minimum", 31, "missing", 1, 60, "P3"],
  ["window-failed", "maintenance_window_failed", "Maximum", 0, "notBreaching", 1, 60, "P2"],
  ["backup-age", "restorable_point_age_seconds", "Maximum", 86_400, "breaching", 5, 60, "P0"],
  ["dump-age", "daily_dump_age_seconds", "Maximum", 93_600, "notBreaching", 5, 60, "P1"],
  ["drill-failed", "restore_drill_failed", "Maximum", 0, "notBreaching", 5, 60, "P0"],
  ["drill-duration", "restore_drill_seconds", "Maximum", 3600, "notBreaching", 5, 60, "P1"],
] as const;

const MINUTES = { P0: 30, P1: 30, P2: 240, P3: 240 };

describe("alarms", () => {
  let resources: Recorded[];
  let names: unknown;
  before(async () => {
    const recording = await build();
    resources = recording.resources;
    names = await outputValue(recording.result.names);
  });

  for (const [alarm, metricName, statistic, threshold, silence, periods, seconds, severity] of TABLE) {
    const below = ["certificate", "rota-horizon", "mute-horizon"].includes(alarm);
    const rule = {
      namespace: "FitnessCRM",
      metricName,
      dimensions: { Stack: "unit" },
      statistic,
      comparisonOperator: below ? "LessThanThreshold" : "GreaterThanThreshold",
      threshold,
      period: seconds,
      treatMissingData: silence,
      actionsEnabled: true,
    };
    const outside = ["actionsEnabled", 'tags["fitnesscrm:acknowledged"]', "tagsAll"];

    it(`${alarm} watches ${metricName} and tells the topic of ${severity}`, () => {
      const { inputs, ignoreChanges } = only(resources, ALARM, `alarms-${alarm}`);
      const { alarmDescription, ...rest } = inputs;
      const topic = `arn:${severity.toLowerCase()}`;
      assert.match(
        String(alarmDescription),
        new RegExp(`^${severity} .*\\. Runbook: docs/runbooks/${alarm}\\.md\\.$`),
      );
      assert.deepEqual(rest, {
        ...rule,
        name: `fitnesscrm-unit-${alarm}`,
        evaluationPeriods: periods,
        datapointsToAlarm: periods,
        alarmActions: [topic],
        okActions: [topic],
        tags: { "fitnesscrm:alarm": alarm, "fitnesscrm:severity": severity },
      });
      assert.deepEqual(ignoreChanges, outside);
    });

    it(`${alarm} has the chain behind it, one time to respond after the other`, () => {
      const steps = ["engineering-manager", "cto", ...(severity === "P0" ? ["ceo"] : [])];
      const arns: Record<string, string> = { "engineering-manager": "arn:manager" };
      const twins = ofType(resources, ALARM).filter(
        ({ inputs }) => (inputs.tags as Record<string, string>)["fitnesscrm:escalates"] === alarm,
      );
      assert.equal(twins.length, steps.length);
      steps.forEach((step, index) => {
        const { inputs, ignoreChanges } = only(resources, ALARM, `alarms-${alarm}-${step}`);
        const { alarmDescription, ...rest } = inputs;
        const topic = arns[step] ?? `arn:${step}`;
        const after = periods + ((index + 1) * MINUTES[severity] * 60) / seconds;
        assert.match(
          String(alarmDescription),
          new RegExp(`nobody has responded for .* \\(M59\\)\\. ${severity} `),
        );
        assert.deepEqual(rest, {
          ...rule,
          name: `fitnesscrm-unit-${alarm}-escalation-${step}`,
          evaluationPeriods: after,
          datapointsToAlarm: after,
          alarmActions: [topic],
          okActions: [topic],
          tags: {
            "fitnesscrm:escalates": alarm,
            "fitnesscrm:step": step,
            "fitnesscrm:severity": severity,
          },
        });
        assert.deepEqual(ignoreChanges, outside);
      });
    });
  }

  it("are these and no other, below one component, and offer their names by what they watch", () => {
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:monitoring:Alarms": 1,
      [ALARM]: TABLE.length + 2 * TABLE.length + 4,
    });
    assert.deepEqual(names, Object.fromEntries(TABLE.map(([alarm]) => [alarm, `fitnesscrm-unit-${alarm}`])));
  });

  it("say to each step how long nobody responded, and the manual's action", async () => {
    const text = (name: string) => only(resources, ALARM, name).inputs.alarmDescription;
    assert.equal(
      text("alarms-cpu"),
      "P3 CPU Usage above 80% on unit (M22). Investigate high-load processes. Runbook: docs/runbooks/cpu.md.",
    );
    assert.equal(
      text("alarms-service-down-ceo"),
      "For the CEO: nobody has responded for 90 min (M59). P0 Service down on unit: the page or its API does not answer (M60). " +
        "Look at ./fitnesscrm health, then ./fitnesscrm logs backend. Runbook: docs/runbooks/service-down.md.",
    );
    assert.match(
      String(text("alarms-cpu-cto")),
      /^For the CTO: nobody has responded for 8 h \(M59\)\. P3 CPU/,
    );
    for (const { inputs, name } of ofType(resources, ALARM)) {
      assert.ok(String(inputs.alarmDescription).length <= 1024, name);
    }
  });

  it("link each page to its own runbook where the runbooks are known", async () => {
    const { resources } = await build({ runbookBaseUrl: "https://wiki.example.com/runbooks" });
    for (const { inputs } of ofType(resources, ALARM)) {
      const tags = inputs.tags as Record<string, string>;
      const alarm = tags["fitnesscrm:alarm"] ?? tags["fitnesscrm:escalates"];
      assert.ok(
        String(inputs.alarmDescription).endsWith(` Runbook: https://wiki.example.com/runbooks/${alarm}.`),
      );
    }
  });
});
