import assert from "node:assert/strict";
import fc from "fast-check";
import { acknowledgementTag, identify, isOfStack, parseAcknowledgement } from "../../../acknowledgement";
import { restlessAlarms, type SeenAlarm, settledAlarms } from "../../../ops/acknowledgements";

const seen = (name: string, state: string, enabled = true): SeenAlarm => ({
  fullName: `fitnesscrm-unit-${name}`,
  arn: `arn:${name}`,
  state,
  enabled,
});

describe("an acknowledgement", () => {
  const none = new Set<string>();
  const table: [what: string, alarms: SeenAlarm[], restless: Set<string> | undefined, settled: string[]][] = [
    [
      "stays while the alarm is on",
      [seen("cpu", "ALARM"), seen("cpu-escalation-cto", "OK", false)],
      none,
      [],
    ],
    [
      "stays while nobody knows",
      [seen("cpu", "INSUFFICIENT_DATA"), seen("cpu-escalation-cto", "OK", false)],
      none,
      [],
    ],
    ["ends once it is over", [seen("cpu", "OK"), seen("cpu-escalation-cto", "OK", false)], none, ["cpu"]],
    ["ends for a chain that was told to its end", [seen("cpu", "OK")], new Set(["cpu"]), ["cpu"]],
    ["is looked for when ops starts", [seen("cpu", "OK")], undefined, ["cpu"]],
    ["costs no question otherwise", [seen("cpu", "OK"), seen("cpu-escalation-cto", "OK")], none, []],
    [
      "is not looked at while the stack is down",
      [seen("cpu", "OK", false), seen("cpu-escalation-cto", "OK", false)],
      undefined,
      [],
    ],
  ];
  for (const [what, alarms, restless, settled] of table) {
    it(what, () => {
      assert.deepEqual(
        settledAlarms("unit", alarms, restless).map(({ name }) => name),
        settled,
      );
    });
  }

  it("names the twins that were quieted", () => {
    const [settled] = settledAlarms(
      "unit",
      [seen("cpu", "OK"), seen("cpu-escalation-cto", "OK", false), seen("cpu-escalation-ceo", "OK")],
      undefined,
    );
    assert.deepEqual(settled?.quiet, ["fitnesscrm-unit-cpu-escalation-cto"]);
  });

  it("is remembered of alarms that are not OK, not of their twins", () => {
    const alarms = [seen("cpu", "ALARM"), seen("cpu-escalation-cto", "ALARM"), seen("oom", "OK")];
    assert.deepEqual([...restlessAlarms("unit", alarms)], ["cpu"]);
  });

  it("survives the way through its tag, as far as AWS takes its characters", () => {
    fc.assert(
      fc.property(
        fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
        fc.string(),
        (at, who) => {
          const tag = acknowledgementTag({ at: at.toISOString(), by: `a${who}` });
          assert.match(tag, /^[\p{L}\p{N} _.:/=+\-@]{1,256}$/u);
          assert.equal(parseAcknowledgement(tag)?.at, at.toISOString());
        },
      ),
    );
    assert.equal(parseAcknowledgement("yesterday by ada"), undefined);
    assert.equal(parseAcknowledgement(undefined), undefined);
  });
});

describe("an alarm's name", () => {
  it("tells the twin from the alarm", () => {
    assert.deepEqual(identify("unit", "fitnesscrm-unit-cpu"), { name: "cpu", step: undefined });
    assert.deepEqual(identify("unit", "fitnesscrm-unit-error-rate-escalation-engineering-manager"), {
      name: "error-rate",
      step: "engineering-manager",
    });
  });

  it("does not tell the stack, whose dimension does", () => {
    const of = (Value: string) => ({ Dimensions: [{ Name: "Stack", Value }] });
    assert.ok(isOfStack("unit", of("unit")));
    assert.ok(!isOfStack("unit", of("unit-2")));
    assert.ok(!isOfStack("unit", {}));
  });
});
