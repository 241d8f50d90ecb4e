/** The emulator's image: alarms go off when CloudWatch would let them go off, and in that order. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { CloudWatch, type PutMetricAlarmCommandInput } from "@aws-sdk/client-cloudwatch";
import { emulatorEndpoint, startEmulator, stopEmulator } from "./aws-emulator";

const PERIOD = 10;
const NAMESPACE = "Alarms";

describe("alarms in the AWS emulator", function () {
  this.timeout(240_000);
  let cloudwatch: CloudWatch;
  let sender: NodeJS.Timeout | undefined;
  /** What is sent each second of a metric; nothing is sent of one that is not here. */
  const sent = new Map<string, number>();
  /** Milliseconds after the cause at which an alarm was first seen in a state. */
  const seen = new Map<string, number>();

  before(async () => {
    await startEmulator();
    cloudwatch = new CloudWatch({
      endpoint: emulatorEndpoint(),
      region: "us-east-1",
      credentials: { accessKeyId: "alarms", secretAccessKey: "alarms" },
    });
    sender = setInterval(() => void send(), 1000);
  });

  after(async () => {
    clearInterval(sender);
    await stopEmulator();
  });

  async function send(): Promise<void> {
    const values = [...sent].map(([MetricName, Value]) => ({
      MetricName,
      Value,
      Dimensions: [{ Name: "Stack", Value: "unit" }],
    }));
    // Another dimension's value is another metric.
    const other = [...sent.keys()].map((MetricName) => ({
      MetricName,
      Value: 100,
      Dimensions: [
        { Name: "Route", Value: "/" },
        { Name: "Stack", Value: "unit" },
      ],
    }));
    if (values.length > 0) {
      await cloudwatch.putMetricData({ Namespace: NAMESPACE, MetricData: [...values, ...other] });
    }
  }

  async function declare(
    name: string,
    periods: number,
    more: Partial<PutMetricAlarmCommandInput> = {},
  ): Promise<void> {
    await cloudwatch.putMetricAlarm({
      AlarmName: name,
      Namespace: NAMESPACE,
      MetricName: "load",
      Dimensions: [{ Name: "Stack", Value: "unit" }],
      Statistic: "Minimum",
      ComparisonOperator: "GreaterThanThreshold",
      Threshold: 0,
      Period: PERIOD,
      EvaluationPeriods: periods,
      DatapointsToAlarm: periods,
      TreatMissingData: "missing",
      ...more,
    });
  }

  async function states(): Promise<Map<string, string>> {
    const { MetricAlarms = [] } = await cloudwatch.describeAlarms({});
    return new Map(MetricAlarms.map(({ AlarmName = "", StateValue = "" }) => [AlarmName, StateValue]));
  }

  /** Waits until all alarms are in a state, and notes for each when it came there. */
  async function reach(state: string, names: readonly string[], limitSeconds: number): Promise<void> {
    const began = Date.now();
    seen.clear();
    while (seen.size < names.length) {
      const found = await states();
      for (const name of names) {
        if (found.get(name) === state && !seen.has(name)) {
          seen.set(name, (Date.now() - began) / 1000);
        }
      }
      if (Date.now() - began > limitSeconds * 1000) {
        assert.fail(`not ${state} within ${limitSeconds} s: ${JSON.stringify([...found])}`);
      }
      await delay(500);
    }
  }

  const secondsOf = (name: string): number => seen.get(name) ?? Number.NaN;

  it("leaves them OK while their own metric is, whatever other dimensions say", async () => {
    sent.set("load", 0);
    sent.set("beat", 0);
    await declare("soon", 2);
    await declare("later", 5);
    await declare("hours", 2880);
    await declare("silent", 2, {
      MetricName: "beat",
      Statistic: "Maximum",
      Threshold: 50,
      TreatMissingData: "breaching",
    });
    await reach("OK", ["soon", "later", "hours", "silent"], 60);
  });

  it("lets them go off once as many values in a row are beyond, the shorter before the longer", async () => {
    sent.set("load", 1);
    await reach("ALARM", ["soon", "later"], 90);
    assert.ok(secondsOf("soon") < secondsOf("later"), "the longer one came first");
    assert.equal((await states()).get("hours"), "OK");
    assert.equal((await states()).get("silent"), "OK");
  });

  it("ends them with the first value that is not beyond", async () => {
    sent.set("load", 0);
    await reach("OK", ["soon", "later"], 45);
  });

  it("takes silence for trouble where the alarm says so, and for nothing where it does not", async () => {
    sent.delete("beat");
    sent.delete("load");
    await reach("ALARM", ["silent"], 60);
    assert.notEqual((await states()).get("soon"), "ALARM");
  });
});
