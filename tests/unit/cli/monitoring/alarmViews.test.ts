import assert from "node:assert/strict";
import { ALARM_TAGS } from "../../../../alarmCatalogue";
import { chooseAlarm } from "../../../../cli/monitoring/acknowledge";
import { alarmViews, type FoundAlarm, formatAlarms } from "../../../../cli/monitoring/alarmViews";

const SINCE = new Date("2026-11-26T10:00:00Z");

function alarm(AlarmName: string, more: Partial<FoundAlarm> = {}): FoundAlarm {
  return {
    AlarmName,
    StateValue: "OK",
    StateTransitionedTimestamp: SINCE,
    MetricName: "database_connections",
    Statistic: "Maximum",
    Threshold: 80,
    ComparisonOperator: "GreaterThanThreshold",
    Period: 60,
    EvaluationPeriods: 5,
    ActionsEnabled: true,
    ...more,
  };
}

const twin = (step: string, periods: number, more: Partial<FoundAlarm> = {}): FoundAlarm =>
  alarm(`fitnesscrm-unit-database-connections-escalation-${step}`, { EvaluationPeriods: periods, ...more });

const ON = { StateValue: "ALARM" };
const tags = (more: Record<string, string> = {}) =>
  new Map([["fitnesscrm-unit-database-connections", { [ALARM_TAGS.severity]: "P1", ...more }]]);

describe("alarms as an operator sees them", () => {
  it("are shown without their twins, which say when the chain hears of one that is on", () => {
    const found = [
      alarm("fitnesscrm-unit-cpu"),
      alarm("fitnesscrm-unit-database-connections", ON),
      twin("cto", 65),
      twin("engineering-manager", 35),
    ];
    const [first, second, ...more] = alarmViews("unit", found, tags());
    assert.deepEqual(more, []);
    assert.equal(second?.name, "cpu");
    assert.equal(first?.name, "database-connections");
    assert.equal(first?.severity, "P1");
    assert.equal(first?.since, SINCE.toISOString());
    assert.deepEqual(
      first?.escalations.map(({ step, at, told, enabled }) => [step, at, told, enabled]),
      [
        ["engineering-manager", "2026-11-26T10:30:00.000Z", false, true],
        ["cto", "2026-11-26T11:00:00.000Z", false, true],
      ],
    );
  });

  it("come in the order of urgency: on, unknown, fine, and the most severe first", () => {
    const severities: [string, string, string][] = [
      ["a", "OK", "P0"],
      ["b", "ALARM", "P3"],
      ["c", "INSUFFICIENT_DATA", "P0"],
      ["d", "ALARM", "P0"],
      ["e", "OK", "P0"],
    ];
    const views = alarmViews(
      "unit",
      severities.map(([name, StateValue]) => alarm(`fitnesscrm-unit-${name}`, { StateValue })),
      new Map(severities.map(([name, , P]) => [`fitnesscrm-unit-${name}`, { [ALARM_TAGS.severity]: P }])),
    );
    assert.deepEqual(
      views.map(({ name }) => name),
      ["d", "b", "c", "a", "e"],
    );
  });

  it("are formatted with the state first, and who hears of one next", () => {
    const found = [
      alarm("fitnesscrm-unit-database-connections", ON),
      twin("engineering-manager", 35, {
        ...ON,
        StateTransitionedTimestamp: new Date("2026-11-26T10:30:07Z"),
      }),
      twin("cto", 65),
    ];
    assert.deepEqual(
      formatAlarms(alarmViews("unit", found, tags()), new Date("2026-11-26T10:31:05Z")).split("\n"),
      [
        "STATE  FOR         SEVERITY  ALARM                 WATCHES",
        "ALARM  31 min 5 s  P1        database-connections  Maximum of database_connections > 80 for 5 x 60 s",
        "        escalated to engineering manager at 2026-11-26T10:30:07.000Z",
        "        escalates to CTO at 2026-11-26T11:00:00.000Z",
      ],
    );
  });

  it("are marked when acknowledged, and then escalate to nobody", () => {
    const found = [
      alarm("fitnesscrm-unit-database-connections", ON),
      twin("cto", 65, { ActionsEnabled: false }),
    ];
    const noted = tags({ [ALARM_TAGS.acknowledged]: "2026-11-26T10:01:00.000Z by ada@host" });
    const [view] = alarmViews("unit", found, noted);
    assert.deepEqual(view?.acknowledged, { at: "2026-11-26T10:01:00.000Z", by: "ada@host" });
    const text = formatAlarms(view === undefined ? [] : [view], SINCE);
    assert.match(text, /acknowledged by ada@host at 2026-11-26T10:01/);
    assert.doesNotMatch(text, /escalates/);
    // A note that was left behind says nothing about an alarm that is not on.
    const [over] = alarmViews("unit", [alarm("fitnesscrm-unit-database-connections")], noted);
    assert.equal(over?.acknowledged, null);
  });
});

describe("what can be acknowledged", () => {
  const views = alarmViews(
    "unit",
    [alarm("fitnesscrm-unit-cpu"), alarm("fitnesscrm-unit-database-connections", ON)],
    tags(),
  );

  it("is an alarm that is on, by its short name or its full one", () => {
    for (const name of ["database-connections", "fitnesscrm-unit-database-connections"]) {
      assert.equal(chooseAlarm(name, "unit", views).name, "database-connections");
    }
  });

  it("is no other: the refusal names what there is", () => {
    assert.throws(() => chooseAlarm("cpu", "unit", views), {
      message:
        "alarm cpu is not in ALARM but OK: there is nothing to respond to; in ALARM are database-connections",
    });
    assert.throws(() => chooseAlarm("cpi", "unit", views), {
      message:
        'alarm "cpi" is not part of stack unit: must be one of cpu, database-connections; in ALARM are database-connections',
    });
    assert.throws(() => chooseAlarm("cpu", "unit", []), {
      message: "stack unit has no alarms: run ./fitnesscrm up --stack unit",
    });
  });
});
