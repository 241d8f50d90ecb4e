import assert from "node:assert/strict";
import type { CloudWatch, DescribeAlarmsCommandInput } from "@aws-sdk/client-cloudwatch";
import { alarmName } from "../../alarmCatalogue";
import { alarmsOfStack } from "../../stackAlarms";

describe("the alarms of a stack", () => {
  /** CloudWatch with one alarm a page, of the stacks and names that are given. */
  function pages(alarms: readonly (readonly [stack: string, name: Parameters<typeof alarmName>[1]])[]) {
    const asked: DescribeAlarmsCommandInput[] = [];
    const describeAlarms = async (input: DescribeAlarmsCommandInput) => {
      asked.push(input);
      const at = Number(input.NextToken ?? 0);
      return {
        MetricAlarms: alarms.slice(at, at + 1).map(([stack, name]) => ({
          AlarmName: alarmName(stack, name),
          Dimensions: [{ Name: "Stack", Value: stack }],
        })),
        ...(at + 1 < alarms.length && { NextToken: String(at + 1) }),
      };
    };
    return { asked, client: { describeAlarms } as unknown as Pick<CloudWatch, "describeAlarms"> };
  }

  it("are gathered over every page, without those of a stack whose name begins with this one's", async () => {
    const { client, asked } = pages([
      ["prod", "cpu"],
      ["prod-2", "cpu"],
      ["prod", "disk"],
    ]);
    const found = await alarmsOfStack(client, "prod");
    assert.deepEqual(
      found.map(({ AlarmName }) => AlarmName),
      [alarmName("prod", "cpu"), alarmName("prod", "disk")],
    );
    assert.deepEqual(
      asked.map(({ NextToken, StateValue }) => [NextToken, StateValue]),
      [
        [undefined, undefined],
        ["1", undefined],
        ["2", undefined],
      ],
    );
  });

  it("are asked for by state where only some are wanted", async () => {
    const { client, asked } = pages([["prod", "cpu"]]);
    await alarmsOfStack(client, "prod", "ALARM");
    assert.equal(asked[0]?.StateValue, "ALARM");
  });
});
