import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ALARM_NAMES,
  type AlarmName,
  alarmDefinitions,
  escalationSteps,
  escalationsOf,
  runbookOf,
} from "../../../alarmCatalogue";
import { KEY_METRICS, MANUAL } from "../../../manual";
import { alarmSettings } from "./support";

const named = (name: AlarmName, settings = alarmSettings()) => {
  const found = alarmDefinitions(settings).find((alarm) => alarm.name === name);
  assert.ok(found, `no alarm ${name}`);
  return found;
};

/** Settings that the configuration accepts. */
const accepted = fc
  .record({
    periodSeconds: fc.constantFrom(10, 30, 60, 120, 300),
    evaluationPeriods: fc.integer({ min: 1, max: 60 }),
    outagePeriods: fc.integer({ min: 1, max: 10 }),
    respondSeconds: fc.record({
      critical: fc.integer({ min: 10, max: 1800 }),
      other: fc.integer({ min: 10, max: 14_400 }),
    }),
  })
  .map((alarms) => alarmSettings(alarms));

describe("the catalogue of alarms", () => {
  it("has every alarm of its list once, in its order", () => {
    assert.deepEqual(
      alarmDefinitions(alarmSettings()).map(({ name }) => name),
      [...ALARM_NAMES],
    );
  });

  it("leaves out what a stack has no use for: the certificate without one, the horizon of a rota of one, that of an emulator's windows", () => {
    const [ada] = alarmSettings().contacts.onCall;
    const small = alarmSettings(
      {},
      { publicUrl: "http://localhost", contacts: { onCall: [ada] }, aws: { emulator: {} } },
    );
    assert.deepEqual(
      alarmDefinitions(small).map(({ name }) => name),
      ALARM_NAMES.filter((name) => !["certificate", "rota-horizon", "mute-horizon"].includes(name)),
    );
  });

  it("takes a stricter threshold and a drill's short periods, in the text as well", () => {
    const drill = alarmSettings({
      thresholds: { "response-time": 250.5 },
      periodSeconds: 10,
      evaluationPeriods: 2,
      outagePeriods: 1,
    });
    const { threshold, periodSeconds, periods, text } = named("response-time", drill);
    assert.deepEqual([threshold, periodSeconds, periods], [250.5, 10, 2]);
    assert.equal(text, "P3 API Response Time above 250.5 ms on unit (M25). Check slow queries.");
    assert.equal(named("service-down", drill).periods, 1);
    // What is sent by the minute is not asked for more often.
    assert.deepEqual([named("dump-age", drill).periodSeconds, named("dump-age", drill).periods], [60, 1]);
    assert.deepEqual(
      [named("rota-horizon", drill).periodSeconds, named("rota-horizon", drill).periods],
      [60, 1],
    );
  });

  it("says for each key metric the manual's severity, row and action", () => {
    for (const metric of KEY_METRICS) {
      const { severity, row, text } = named(metric);
      const manual = MANUAL.thresholds[metric];
      assert.equal(severity, manual.severity);
      assert.equal(row, manual.row);
      assert.ok(text.includes(manual.action));
    }
  });

  it("tells of a silent or fallen host before what follows from it", () => {
    fc.assert(
      fc.property(accepted, (settings) => {
        const seconds = (name: AlarmName) => {
          const { periodSeconds, periods } = named(name, settings);
          return periodSeconds * periods;
        };
        assert.ok(seconds("backup-age") > seconds("silence"));
      }),
    );
  });

  it("has the chain's steps in order, at the manual's times, for the severities that each hears of", () => {
    assert.deepEqual(escalationSteps("P0"), ["engineering-manager", "cto", "ceo"]);
    for (const severity of ["P1", "P2", "P3"] as const) {
      assert.deepEqual(escalationSteps(severity), ["engineering-manager", "cto"]);
    }
    const delays = (name: AlarmName) =>
      escalationsOf(named(name), alarmSettings().alarms).map(({ step, delaySeconds }) => [
        step,
        delaySeconds / 60,
      ]);
    assert.deepEqual(delays("service-down"), [
      ["engineering-manager", 30],
      ["cto", 60],
      ["ceo", 90],
    ]);
    assert.deepEqual(delays("database-connections"), [
      ["engineering-manager", 30],
      ["cto", 60],
    ]);
    assert.deepEqual(delays("cpu"), [
      ["engineering-manager", 240],
      ["cto", 480],
    ]);
  });

  it("never tells a step too early, nor a whole period late, and never looks back for more than CloudWatch does", () => {
    fc.assert(
      fc.property(accepted, (settings) => {
        for (const alarm of alarmDefinitions(settings)) {
          escalationsOf(alarm, settings.alarms).forEach(({ periods, delaySeconds }, index) => {
            const after = (periods - alarm.periods) * alarm.periodSeconds;
            assert.ok(after >= delaySeconds && after < delaySeconds + alarm.periodSeconds, alarm.name);
            assert.ok(
              Number.isInteger(periods) && periods * alarm.periodSeconds <= 86_400,
              `${alarm.name} ${index}`,
            );
          });
        }
      }),
    );
  });

  it("names the runbook by its link, or by its file", () => {
    assert.equal(runbookOf("oom", "https://x.example.com"), "Runbook: https://x.example.com/oom.");
    assert.equal(runbookOf("oom", undefined), "Runbook: docs/runbooks/oom.md.");
  });
});
