import assert from "node:assert/strict";
import { judgeAlarms, judgeSubscriptions } from "../../../../cli/monitoring/health";
import { stoppedAlarms } from "../../../../cli/monitoring/quiet";

const found = (AlarmName: string, ActionsEnabled = true, StateValue = "OK") => ({
  AlarmName,
  ActionsEnabled,
  StateValue,
});

describe("whether somebody would be paged", () => {
  it("is judged by the alarms that the settings call for", () => {
    assert.deepEqual(judgeAlarms("unit", ["cpu", "oom"], [found("fitnesscrm-unit-cpu")], true), {
      healthy: false,
      reason: "1 of 2 are missing (oom): run ./fitnesscrm up",
    });
    assert.deepEqual(judgeAlarms("unit", ["cpu"], [found("fitnesscrm-unit-cpu", true, "ALARM")], true), {
      healthy: true,
      reason: "1 are in place, on: cpu",
    });
  });

  it("is no when alarms are quiet while services run, and a quiet chain is no quiet alarm", () => {
    const quiet = [found("fitnesscrm-unit-cpu", false)];
    assert.equal(judgeAlarms("unit", ["cpu"], quiet, true).healthy, false);
    assert.equal(judgeAlarms("unit", ["cpu"], quiet, false).healthy, true);
    const acknowledged = [found("fitnesscrm-unit-cpu"), found("fitnesscrm-unit-cpu-escalation-cto", false)];
    assert.equal(judgeAlarms("unit", ["cpu"], acknowledged, true).healthy, true);
  });

  it("is judged by the subscriptions, and names each address and its topic", () => {
    const one = { topic: "fitnesscrm-unit-p0", protocol: "email", endpoint: "ada@example.com" };
    assert.equal(judgeSubscriptions([{ ...one, confirmed: true }]).healthy, true);
    assert.equal(judgeSubscriptions([]).healthy, false);
    const { healthy, reason } = judgeSubscriptions([{ ...one, confirmed: false }]);
    assert.equal(healthy, false);
    assert.match(reason, /ada@example\.com to fitnesscrm-unit-p0/);
  });
});

describe("alarms that a stopped stack has quieted", () => {
  it("are told from the quiet chain of one that was acknowledged", () => {
    const names = stoppedAlarms("unit", [
      found("fitnesscrm-unit-cpu", false),
      found("fitnesscrm-unit-cpu-escalation-cto", false),
      found("fitnesscrm-unit-oom"),
      found("fitnesscrm-unit-oom-escalation-cto", false),
    ]).map(({ AlarmName }) => AlarmName);
    assert.deepEqual(names, ["fitnesscrm-unit-cpu", "fitnesscrm-unit-cpu-escalation-cto"]);
  });
});
