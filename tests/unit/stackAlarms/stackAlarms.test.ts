import assert from "node:assert/strict";
import { alarmsOfStack } from "../../../stackAlarms";

describe("the alarms of a stack", () => {
  const alarm = (name: string, state: string, stack = "unit") => ({
    AlarmName: `fitnesscrm-unit-${name}`,
    StateValue: state,
    Dimensions: [{ Name: "Stack", Value: stack }],
  });
  /** Answers in pages, and with every state whatever is asked, as an emulator may. */
  const client = (...pages: readonly (readonly ReturnType<typeof alarm>[])[]) => {
    let asked = 0;
    return {
      describeAlarms: async () => {
        asked += 1;
        return { MetricAlarms: pages[asked - 1], ...(asked < pages.length && { NextToken: String(asked) }) };
      },
    } as unknown as Parameters<typeof alarmsOfStack>[0];
  };

  it("are those of every page, and of no other stack whose name begins the same", async () => {
    const found = await alarmsOfStack(
      client([alarm("cpu", "OK"), alarm("two-cpu", "OK", "unit-two")], [alarm("disk", "ALARM")]),
      "unit",
    );
    assert.deepEqual(
      found.map(({ AlarmName }) => AlarmName),
      ["fitnesscrm-unit-cpu", "fitnesscrm-unit-disk"],
    );
  });

  it("are those in a state alone where one is asked for, also of a service that tells of all", async () => {
    const found = await alarmsOfStack(
      client([alarm("cpu", "OK"), alarm("disk", "ALARM"), alarm("memory", "INSUFFICIENT_DATA")]),
      "unit",
      "ALARM",
    );
    assert.deepEqual(
      found.map(({ AlarmName }) => AlarmName),
      ["fitnesscrm-unit-disk"],
    );
  });
});
