import assert from "node:assert/strict";
import { type Case, refusals } from "./support/cases";
import { filterPolicy, happyStack, ROTA } from "./support/happy";
import { change, judge, set } from "./support/harness";

const RESPONSE = 'Manual M59: "Response Time: 30 minutes for critical, 4 hours for non-critical".';
const CHAIN = 'Manual M61: "Escalation: On-call engineer, Engineering Manager, CTO, CEO (critical only)".';
const DOWN = 'Manual M60: "P0 (Critical): Service down, data loss".';
const ROTATION = 'Manual M57: "Rotation: 1 week shifts".';

const cases: Case[] = [
  {
    refuses: "a stack that does not notice that it is down",
    resource: "MetricAlarm service-down",
    policy: "outage-alarms",
    message: `Stack local has no alarm for service-down. Allowed: an aws.cloudwatch.MetricAlarm with the tag fitnesscrm:alarm = service-down. ${DOWN}`,
  },
  {
    refuses: "a silent host that counts as a healthy one",
    resource: "MetricAlarm silence",
    set: { treatMissingData: "missing" },
    policy: "outage-alarms",
    message: `MetricAlarm silence counts silence as missing. Allowed: treatMissingData breaching. ${DOWN}`,
  },
  {
    refuses: "a flag that goes off only above what it can show",
    resource: "MetricAlarm service-down",
    set: { threshold: 1 },
    policy: "outage-alarms",
    message: `MetricAlarm service-down goes off above 1, which is looser than 0. Allowed: threshold 0 or lower. ${DOWN}`,
  },
  {
    refuses: "an alarm that the engineering manager never hears of",
    resource: "MetricAlarm cpu-engineering-manager",
    policy: "escalation-chain",
    message: `MetricAlarm cpu has no twin for the step engineering-manager. Allowed: an aws.cloudwatch.MetricAlarm with the tags fitnesscrm:escalates = cpu and fitnesscrm:step = engineering-manager. ${CHAIN}`,
  },
  {
    refuses: "a service that is down without the CEO hearing of it",
    resource: "MetricAlarm service-down-ceo",
    policy: "escalation-chain",
    message: `MetricAlarm service-down has no twin for the step ceo. Allowed: an aws.cloudwatch.MetricAlarm with the tags fitnesscrm:escalates = service-down and fitnesscrm:step = ceo. ${CHAIN}`,
  },
  {
    refuses: "a step that hears of a critical alarm too late",
    resource: "MetricAlarm silence-engineering-manager",
    set: { evaluationPeriods: 36 },
    policy: "escalation-chain",
    message: `MetricAlarm silence-engineering-manager goes off 1860 s after silence. Allowed: period and evaluationPeriods that come to more than its alarm's, by 1800 s or less. ${RESPONSE}`,
  },
  {
    refuses: "a step that hears of it together with who is on call",
    resource: "MetricAlarm cpu-cto",
    set: { evaluationPeriods: 5, datapointsToAlarm: 5 },
    policy: "escalation-chain",
    message: `MetricAlarm cpu-cto goes off 0 s after cpu. Allowed: period and evaluationPeriods that come to more than its alarm's, by 28800 s or less. ${RESPONSE}`,
  },
  {
    refuses: "a twin that goes off for another cause",
    resource: "MetricAlarm cpu-cto",
    set: { metricName: "memory" },
    policy: "escalation-chain",
    message: `MetricAlarm cpu-cto has the metricName memory, unlike cpu. Allowed: metricName cpu. ${RESPONSE}`,
  },
  {
    refuses: "a twin that tells the severity's topic once more",
    resource: "MetricAlarm cpu-cto",
    edit: (twin) => {
      twin.references = { alarmActions: ["aws:sns/topic:Topic::cto", "aws:sns/topic:Topic::p3"] };
    },
    policy: "escalation-chain",
    message: `MetricAlarm cpu-cto tells the topic of a severity once more. Allowed: alarmActions with the topic of its step alone. ${CHAIN}`,
  },
  {
    refuses: "a twin that tells another step",
    resource: "MetricAlarm cpu-cto",
    edit: (twin) => {
      twin.references = { alarmActions: ["aws:sns/topic:Topic::ceo"] };
    },
    policy: "escalation-chain",
    message: `MetricAlarm cpu-cto does not tell the step cto. Allowed: alarmActions with the topic that has the same tag fitnesscrm:step. ${CHAIN}`,
  },
  {
    refuses: "a step that nobody subscribed",
    resource: "TopicSubscription ceo",
    policy: "escalation-topics",
    message: `Topic ceo has no subscriber. Allowed: at least one aws.sns.TopicSubscription. ${CHAIN}`,
  },
  {
    refuses: "a step that hears of trouble after trouble only",
    resource: "TopicSubscription ceo",
    set: {
      filterPolicy: '{"$or":[{"NewStateValue":["ALARM"],"OldStateValue":["ALARM"]}]}',
      filterPolicyScope: "MessageBody",
    },
    policy: "escalation-topics",
    message: `TopicSubscription ceo lets ceo@example.com miss alarms. Allowed: no filterPolicy, or one with {"NewStateValue": ["ALARM"]} as a branch of "$or" and filterPolicyScope MessageBody. ${CHAIN}`,
  },
  {
    refuses: "a step whose filter is looked for where nothing is",
    resource: "TopicSubscription ceo",
    set: { filterPolicy: '{"$or":[{"NewStateValue":["ALARM"]}]}' },
    policy: "escalation-topics",
    message: `TopicSubscription ceo lets ceo@example.com miss alarms. Allowed: no filterPolicy, or one with {"NewStateValue": ["ALARM"]} as a branch of "$or" and filterPolicyScope MessageBody. ${CHAIN}`,
  },
  {
    refuses: "a rota that leaves a moment out",
    resource: "TopicSubscription p0-ben",
    set: { filterPolicy: filterPolicy(ROTA.ben.slice(1)) },
    policy: "rota-declared",
    message: `Topic p0 tells 0 of 2 engineers of what happens at 2027. Allowed: filter policies that let each moment through for one engineer, or for all. ${ROTATION}`,
  },
  {
    refuses: "a rota that ends an hour too early",
    resource: "TopicSubscription p2-ada",
    set: {
      filterPolicy: filterPolicy([
        ...["2026-0", "2026-10", "2026-11", "2026-12-0", "2026-12-1", "2026-12-2", "2026-12-30"],
        ...["2026-12-31T0", "2026-12-31T1", "2026-12-31T20", "2026-12-31T21", "2026-12-31T22"],
        ...ROTA.ada.slice(1),
      ]),
    },
    policy: "rota-declared",
    message: `Topic p2 tells 0 of 2 engineers of what happens at 2026-12-31T23. Allowed: filter policies that let each moment through for one engineer, or for all. ${ROTATION}`,
  },
  {
    refuses: "a filter that looks where the time is not",
    resource: "TopicSubscription p1-ada",
    set: { filterPolicyScope: undefined },
    policy: "rota-declared",
    message: `TopicSubscription p1-ada looks for the time in MessageAttributes, where it is not. Allowed: filterPolicyScope MessageBody. ${ROTATION}`,
  },
];

describe("policies on outages, the chain and the rota", () => {
  refusals(cases);

  it("rota-declared refuses a filter on anything else, and one that SNS would refuse", () => {
    const many = Array.from({ length: 151 }, (_, index) => ({ prefix: `20${index}` }));
    for (const wrong of [
      "[]",
      "no JSON",
      "{}",
      '{"StateChangeTime":[]}',
      '{"StateChangeTime":["2026"]}',
      '{"AlarmName":[{"prefix":"2026"}]}',
      JSON.stringify({ StateChangeTime: many }),
    ]) {
      const stack = change(happyStack(), "TopicSubscription p3-ada", (one) =>
        set(one, "filterPolicy", wrong),
      );
      assert.ok(
        judge(stack).some(
          ({ policy, message }) =>
            policy === "rota-declared" && message.includes("has a filter that is no rota"),
        ),
        wrong,
      );
    }
  });

  it("rota-declared says nothing of who has no filter: one engineer alone, or a specialist", () => {
    const stack = happyStack()
      .filter(({ name }) => !/^p\d-ben$/.test(name))
      .map((resource) => {
        if (/^p\d-ada$/.test(resource.name)) {
          set(resource, "filterPolicy", undefined);
          set(resource, "filterPolicyScope", undefined);
        }
        return resource;
      });
    assert.deepEqual(judge(stack), []);
  });

  it("escalation-chain refuses a CEO who hears of more than P0", () => {
    const [cto] = happyStack().filter(({ name }) => name === "dump-age-cto");
    assert.ok(cto);
    cto.name = "dump-age-ceo";
    set(cto, "tags/fitnesscrm:step", "ceo");
    cto.references = { alarmActions: ["aws:sns/topic:Topic::ceo"] };
    assert.deepEqual(
      judge([...happyStack(), cto]).map(({ message }) => message),
      [
        `MetricAlarm dump-age-ceo tells ceo of a P1. Allowed: the tag fitnesscrm:step with one of engineering-manager, cto. ${CHAIN}`,
      ],
    );
  });

  it("escalation-chain takes a chain that is quicker than the manual's", () => {
    const stack = change(happyStack(), "MetricAlarm silence-engineering-manager", (twin) => {
      set(twin, "evaluationPeriods", 6);
      set(twin, "datapointsToAlarm", 6);
    });
    assert.deepEqual(judge(stack), []);
  });

  it("alarm-actions lets be what is switched off from outside of the program", () => {
    const stack = change(happyStack(), "MetricAlarm cpu-cto", (twin) => {
      set(twin, "actionsEnabled", false);
      twin.ignoreChanges = ["actionsEnabled"];
    });
    assert.deepEqual(judge(stack), []);
  });
});
