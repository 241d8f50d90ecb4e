import assert from "node:assert/strict";
import { KEY_METRICS, MANUAL } from "../../manual";
import { type Case, refusals } from "./support/cases";
import { happyStack } from "./support/happy";
import { change, type Declared, judge, set } from "./support/harness";

const TABLE =
  'Manual M22 to M27: "CPU Usage > 80%, Memory Usage > 85%, Disk Usage > 85%, API Response Time > 500ms, Error Rate > 1%, Database Connections > 80".';

const cases: Case[] = [
  {
    refuses: "a threshold above the manual's",
    resource: "MetricAlarm cpu",
    set: { threshold: 80.1 },
    policy: "alarm-thresholds",
    message:
      'MetricAlarm cpu goes off above 80.1, which is looser than 80. Allowed: threshold 80 Percent or lower. Manual M22: "CPU Usage > 80%: Investigate high-load processes".',
  },
  {
    refuses: "an alarm without a threshold",
    resource: "MetricAlarm database-connections",
    set: { threshold: undefined },
    policy: "alarm-thresholds",
    message:
      'MetricAlarm database-connections goes off above nothing, which is looser than 80. Allowed: threshold 80 Count or lower. Manual M27: "Database Connections > 80: Investigate connection leaks".',
  },
  {
    refuses: "an alarm that goes off below its threshold",
    resource: "MetricAlarm response-time",
    set: { comparisonOperator: "LessThanThreshold" },
    policy: "alarm-thresholds",
    message:
      'MetricAlarm response-time compares by LessThanThreshold. Allowed: comparisonOperator GreaterThanThreshold. Manual M25: "API Response Time > 500ms: Check slow queries".',
  },
  {
    refuses: "500 of something longer than milliseconds",
    resource: "MetricAlarm response-time",
    set: { unit: "Seconds" },
    policy: "alarm-thresholds",
    message:
      'MetricAlarm response-time counts in Seconds, which makes the threshold another one. Allowed: unit Milliseconds, or none. Manual M25: "API Response Time > 500ms: Check slow queries".',
  },
  {
    refuses: "an alarm on the quietest moment",
    resource: "MetricAlarm error-rate",
    set: { statistic: "Minimum" },
    policy: "alarm-detection",
    message: `MetricAlarm error-rate looks at Minimum, which hides peaks. Allowed: statistic Average or Maximum, or an extendedStatistic of p90 or higher. ${TABLE}`,
  },
  {
    refuses: "an alarm on the median",
    resource: "MetricAlarm response-time",
    set: { statistic: undefined, extendedStatistic: "p50" },
    policy: "alarm-detection",
    message: `MetricAlarm response-time looks at p50, which hides peaks. Allowed: statistic Average or Maximum, or an extendedStatistic of p90 or higher. ${TABLE}`,
  },
  {
    refuses: "an alarm on metric math, which nobody can read",
    resource: "MetricAlarm disk",
    set: { metricName: undefined },
    policy: "alarm-detection",
    message: `MetricAlarm disk watches no metric. Allowed: a plain metric by namespace and metricName. ${TABLE}`,
  },
  {
    refuses: "an alarm that takes an hour to go off",
    resource: "MetricAlarm memory",
    set: { evaluationPeriods: 60 },
    policy: "alarm-detection",
    message: `MetricAlarm memory needs 60 minutes above its threshold to go off. Allowed: period and evaluationPeriods that come to 15 minutes or less. ${TABLE}`,
  },
  {
    refuses: "an alarm that can never go off",
    resource: "MetricAlarm memory",
    set: { datapointsToAlarm: 6 },
    policy: "alarm-detection",
    message: `MetricAlarm memory needs 6 of 5 periods, which never happens. Allowed: datapointsToAlarm of evaluationPeriods or less. ${TABLE}`,
  },
  {
    refuses: "an alarm that says nothing of missing data",
    resource: "MetricAlarm disk",
    set: { treatMissingData: undefined },
    policy: "alarm-detection",
    message: `MetricAlarm disk does not say what missing data means. Allowed: treatMissingData breaching, notBreaching, ignore or missing, written out. ${TABLE}`,
  },
  {
    refuses: "a stack without one of the six alarms",
    resource: "MetricAlarm disk",
    policy: "alarms-present",
    message:
      'Stack local has no alarm for disk. Allowed: an aws.cloudwatch.MetricAlarm with the tag fitnesscrm:alarm = disk. Manual M24: "Disk Usage > 85%: Clean up logs, old backups".',
  },
  {
    refuses: "an alarm without a severity",
    resource: "MetricAlarm cpu",
    set: { "tags/fitnesscrm:severity": undefined },
    policy: "alarm-severity",
    message:
      'MetricAlarm cpu has no severity. Allowed: the tag fitnesscrm:severity with one of P0, P1, P2, P3. Manual M60: "Alert Severity: P0, P1, P2, P3".',
  },
  {
    refuses: "a severity that does not exist",
    resource: "MetricAlarm cpu",
    set: { "tags/fitnesscrm:severity": "P4" },
    policy: "alarm-severity",
    message:
      'MetricAlarm cpu has P4 severity. Allowed: the tag fitnesscrm:severity with one of P0, P1, P2, P3. Manual M60: "Alert Severity: P0, P1, P2, P3".',
  },
  {
    refuses: "a severity below the manual's",
    resource: "MetricAlarm database-connections",
    set: { "tags/fitnesscrm:severity": "P2" },
    policy: "alarm-severity",
    message:
      'MetricAlarm database-connections is only P2. Allowed: P1 or more urgent for database-connections. Manual M60: "P1 (High): Severe degradation, security breach".',
  },
  {
    refuses: "an alarm whose actions are switched off",
    resource: "MetricAlarm cpu",
    set: { actionsEnabled: false },
    policy: "alarm-actions",
    message:
      'MetricAlarm cpu has its actions switched off. Allowed: actionsEnabled true, or not set. Manual M60: "Alert Severity: P0, P1, P2, P3".',
  },
  {
    refuses: "an alarm that tells nobody",
    resource: "MetricAlarm cpu",
    set: { alarmActions: [] },
    policy: "alarm-actions",
    message:
      'MetricAlarm cpu tells nobody when it goes off. Allowed: alarmActions with the topic of its severity. Manual M60: "Alert Severity: P0, P1, P2, P3".',
  },
  {
    refuses: "an alarm that tells the topic of another severity",
    resource: "MetricAlarm error-rate",
    edit: (alarm) => {
      alarm.references = { alarmActions: ["aws:sns/topic:Topic::p3"] };
    },
    policy: "severity-topics",
    message:
      "MetricAlarm error-rate is P2 and does not tell that severity's topic. Allowed: alarmActions with the topic tagged P2. " +
      'Manual M60: "P2 (Medium): Partial degradation, high error rates".',
  },
];

/** A copy of the stack in which an alarm and its twins were changed. */
function changeChain(name: string, edit: (alarm: Declared) => void): Declared[] {
  const copy = happyStack();
  const chain = copy.filter(({ props }) => {
    const tags = Object(props.tags) as Record<string, string>;
    return tags["fitnesscrm:alarm"] === name || tags["fitnesscrm:escalates"] === name;
  });
  assert.ok(chain.length > 2);
  chain.forEach(edit);
  return copy;
}

describe("policies on alarms and severities", () => {
  refusals(cases);

  it("severity-topics refuses a topic that nobody subscribed", () => {
    const stack = happyStack().filter(({ name }) => !name.startsWith("p1-"));
    assert.deepEqual(
      judge(stack).map(({ message }) => message),
      [
        'Topic p1 has no subscriber. Allowed: at least one aws.sns.TopicSubscription. Manual M60: "P1 (High): Severe degradation, security breach".',
      ],
    );
  });

  it("severity-topics refuses a stack without a topic for a severity, and each alarm that tells it", () => {
    const stack = change(happyStack(), "Topic p0", (topic) => set(topic, "tags", {}));
    const sentence = 'Manual M60: "P0 (Critical): Service down, data loss".';
    assert.deepEqual(
      judge(stack).map(({ message }) => message),
      [
        `Stack local has no topic for P0. Allowed: an aws.sns.Topic with the tag fitnesscrm:severity = P0. ${sentence}`,
        ...["service-down", "silence", "backup-age", "drill-failed"].map(
          (name) =>
            `MetricAlarm ${name} is P0 and does not tell that severity's topic. Allowed: alarmActions with the topic tagged P0. ${sentence}`,
        ),
      ],
    );
  });

  for (const metric of KEY_METRICS) {
    const { above } = MANUAL.thresholds[metric];

    it(`alarm-thresholds accepts a ${metric} threshold below ${above} and refuses the next one above`, () => {
      const at = (threshold: number) =>
        judge(changeChain(metric, (alarm) => set(alarm, "threshold", threshold)));
      assert.deepEqual(at(above / 2), []);
      assert.deepEqual(
        at(above + Number.EPSILON * above).map(({ policy }) => policy),
        ["alarm-thresholds"],
      );
    });

    it(`alarm-thresholds can be made stricter for ${metric}`, () => {
      const config = { "alarm-thresholds": { [metric]: above / 2 } };
      assert.deepEqual(
        judge(happyStack(), { config }).map(({ policy, message }) => [policy, message.split(".")[0]]),
        [
          [
            "alarm-thresholds",
            `MetricAlarm ${metric} goes off above ${above}, which is looser than ${above / 2}`.split(".")[0],
          ],
        ],
      );
    });
  }

  it("a more urgent severity than the manual's is accepted, on the topic of that severity and with its chain", () => {
    const stack = changeChain("cpu", (alarm) => {
      set(alarm, "tags/fitnesscrm:severity", "P1");
      if (alarm.name === "cpu") {
        alarm.references = { alarmActions: ["aws:sns/topic:Topic::p1"] };
        return;
      }
      const periods = alarm.name === "cpu-cto" ? 65 : 35;
      set(alarm, "evaluationPeriods", periods);
      set(alarm, "datapointsToAlarm", periods);
    });
    assert.deepEqual(judge(stack), []);
  });

  it("an alarm on another metric needs a severity, its topic and its chain, and keeps its own threshold", () => {
    const stack = changeChain("cpu", (alarm) => {
      set(alarm, `tags/fitnesscrm:${alarm.name === "cpu" ? "alarm" : "escalates"}`, "toString");
      set(alarm, "threshold", 1e6);
      set(alarm, "statistic", "Sum");
    });
    assert.deepEqual(
      judge(stack).map(({ policy }) => policy),
      ["alarms-present"],
    );
  });

  it("a subscription and an action by literal ARN count as much as a reference", () => {
    const arn = "arn:aws:sns:us-east-1:000000000000:fitnesscrm-local-p1";
    let stack = change(happyStack(), "Topic p1", (topic) => set(topic, "arn", arn));
    for (const engineer of ["ada", "ben"]) {
      stack = change(stack, `TopicSubscription p1-${engineer}`, (subscription) => {
        set(subscription, "topic", arn);
        subscription.references = {};
      });
    }
    stack = change(stack, "MetricAlarm database-connections", (alarm) => {
      set(alarm, "alarmActions", [arn]);
      alarm.references = {};
    });
    assert.deepEqual(judge(stack), []);
  });
});
