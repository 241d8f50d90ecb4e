import assert from "node:assert/strict";
import { type Case, refusals } from "./support/cases";
import { happyStack } from "./support/happy";
import { change, judge, set, UNKNOWN } from "./support/harness";

const SENTENCE = 'Manual M37: "Schedule: First Sunday of each month, 2:00 AM - 4:00 AM EST".';
const RULE = "AlarmMuteRule window";
const FIRE =
  "which a window does not explain. Allowed: alarms of this stack with the tag fitnesscrm:alarm or fitnesscrm:escalates = cpu, memory, disk, response-time.";

const at = (expression: string, what: string): Case => ({
  refuses: what,
  resource: RULE,
  set: { "rule.schedule.expression": expression },
  policy: "alarm-mutes",
  message: `${RULE} begins at ${expression}. Allowed: rule.schedule.expression at(…T02:00) on the first Sunday of a month. ${SENTENCE}`,
});

const lasting = (duration: string, what: string): Case => ({
  refuses: what,
  resource: RULE,
  set: { "rule.schedule.duration": duration },
  policy: "alarm-mutes",
  message: `${RULE} lasts ${duration}. Allowed: rule.schedule.duration of PT2H or less. ${SENTENCE}`,
});

const quiet = (alarm: string, what: string): Case => ({
  refuses: what,
  resource: RULE,
  set: { "muteTargets.alarmNames": ["fitnesscrm-local-cpu", alarm] },
  policy: "alarm-mutes",
  message: `${RULE} keeps ${alarm} quiet, ${FIRE} ${SENTENCE}`,
});

const cases: Case[] = [
  at("at(2026-12-13T02:00)", "a rule on the second Sunday"),
  at("at(2026-12-05T02:00)", "a rule on the Saturday before"),
  at("at(2026-12-06T01:00)", "a rule that begins before the window"),
  at("at(2026-12-06T03:00)", "a rule that could end after it"),
  at("cron(0 2 * * *)", "a rule of every night"),
  at("at(2026-13-06T02:00)", "a month that does not exist"),
  lasting("PT4H", "a rule that goes on after the window"),
  lasting("PT2H1M", "a rule that goes on for a minute after it"),
  lasting("PT0H", "a rule of no length"),
  lasting("P1D", "a rule of a day"),
  quiet("fitnesscrm-local-service-down", "a rule that keeps a service that is down quiet"),
  quiet("fitnesscrm-local-service-down-ceo", "a rule that keeps the chain behind it quiet"),
  quiet("fitnesscrm-local-silence", "a rule that keeps a silent host quiet"),
  quiet("fitnesscrm-local-error-rate", "a rule that keeps failing requests quiet"),
  quiet("fitnesscrm-local-database-connections", "a rule that keeps a leak of connections quiet"),
  quiet("fitnesscrm-local-oom", "a rule that keeps killed processes quiet"),
  quiet("fitnesscrm-local-backup-age", "a rule that keeps lost backups quiet"),
  quiet("fitnesscrm-other-cpu", "a rule that keeps another stack's alarm quiet"),
  {
    refuses: "a rule by another clock",
    resource: RULE,
    set: { "rule.schedule.timezone": "UTC" },
    policy: "alarm-mutes",
    message: `${RULE} goes by the clock of UTC. Allowed: rule.schedule.timezone America/New_York. ${SENTENCE}`,
  },
  {
    refuses: "a rule without a clock, which is UTC's",
    resource: RULE,
    set: { "rule.schedule.timezone": undefined },
    policy: "alarm-mutes",
    message: `${RULE} goes by the clock of UTC. Allowed: rule.schedule.timezone America/New_York. ${SENTENCE}`,
  },
  {
    refuses: "a date beside at(), which CloudWatch does not take",
    resource: RULE,
    set: { startDate: "2026-12-01T00:00:00Z" },
    policy: "alarm-mutes",
    message: `${RULE} has a startDate or an expireDate, which CloudWatch refuses beside at(). Allowed: neither. ${SENTENCE}`,
  },
  {
    refuses: "a rule of no alarm, which some day may mean all",
    resource: RULE,
    set: { muteTargets: undefined },
    policy: "alarm-mutes",
    message: `${RULE} keeps 0 alarms quiet. Allowed: muteTargets of 1 to 100 alarms. ${SENTENCE}`,
  },
  {
    refuses: "a rule of more alarms than CloudWatch takes",
    resource: RULE,
    set: { "muteTargets.alarmNames": Array.from({ length: 101 }, () => "fitnesscrm-local-cpu") },
    policy: "alarm-mutes",
    message: `${RULE} keeps 101 alarms quiet. Allowed: muteTargets of 1 to 100 alarms. ${SENTENCE}`,
  },
];

describe("policies on what keeps alarms quiet", () => {
  refusals(cases);

  it("alarm-mutes accepts a shorter rule, one of another month, and every alarm that a window explains", () => {
    for (const [path, value] of [
      ["rule.schedule.duration", "PT30M"],
      ["rule.schedule.duration", "PT1H59M"],
      ["rule.schedule.expression", "at(2027-03-07T02:00)"],
      ["rule.schedule.expression", "at(2026-12-06T02:00:00)"],
      [
        "muteTargets.alarmNames",
        ["cpu", "memory", "disk", "response-time"].map((name) => `fitnesscrm-local-${name}`),
      ],
    ] as const) {
      const stack = change(happyStack(), RULE, (rule) => set(rule, path, value));
      assert.deepEqual(judge(stack), [], `${path} ${value}`);
    }
  });

  it("alarm-mutes can be made stricter: fewer alarms in one rule", () => {
    const config = { "alarm-mutes": { alarms: 2 } };
    assert.deepEqual(
      judge(happyStack(), { config }).map(({ message }) => message),
      [`${RULE} keeps 3 alarms quiet. Allowed: muteTargets of 1 to 2 alarms. ${SENTENCE}`],
    );
  });

  it("alarm-mutes leaves names that are not known yet to the update", () => {
    const stack = change(happyStack(), RULE, (rule) => set(rule, "muteTargets.alarmNames", UNKNOWN));
    assert.deepEqual(judge(stack), []);
  });
});
