import assert from "node:assert/strict";
import type { CloudWatch, MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { alarmPrefix } from "../../../../acknowledgement";
import { UserError } from "../../../../cli/errors";
import { armAlarms, quietAlarms } from "../../../../cli/monitoring/quiet";
import { type WatchParts, watchedOnFailure } from "../../../../cli/monitoring/rearm";

const STACK = "unit";
const PREFIX = alarmPrefix(STACK);

/** As much of CloudWatch as quieting and arming asks for. */
class Alarms {
  readonly alarms = new Map<string, MetricAlarm>();

  constructor(names: readonly string[]) {
    for (const name of names) {
      const AlarmName = `${PREFIX}${name}`;
      this.alarms.set(AlarmName, {
        AlarmName,
        AlarmArn: `arn:${AlarmName}`,
        ActionsEnabled: true,
        StateValue: "OK",
        Period: 1,
        TreatMissingData: "missing",
        Dimensions: [{ Name: "Stack", Value: STACK }],
      });
    }
  }

  get client(): CloudWatch {
    return this as unknown as CloudWatch;
  }

  get loud(): number {
    return [...this.alarms.values()].filter(({ ActionsEnabled }) => ActionsEnabled).length;
  }

  async describeAlarms(): Promise<{ MetricAlarms: MetricAlarm[] }> {
    return { MetricAlarms: [...this.alarms.values()].map((alarm) => ({ ...alarm })) };
  }

  async disableAlarmActions({ AlarmNames }: { AlarmNames: string[] }): Promise<void> {
    this.#change(AlarmNames, { ActionsEnabled: false });
  }

  async enableAlarmActions({ AlarmNames }: { AlarmNames: string[] }): Promise<void> {
    this.#change(AlarmNames, { ActionsEnabled: true });
  }

  async setAlarmState({ AlarmName, StateValue }: Required<Pick<MetricAlarm, "AlarmName" | "StateValue">>) {
    this.#change([AlarmName], { StateValue });
  }

  async listTagsForResource(): Promise<{ Tags: [] }> {
    return { Tags: [] };
  }

  #change(names: readonly string[], change: Partial<MetricAlarm>): void {
    for (const name of names) {
      this.alarms.set(name, { ...this.alarms.get(name), ...change });
    }
  }
}

describe("an update of a stack that was stopped on purpose", () => {
  const fails = async (): Promise<never> => {
    throw new UserError("up: the update failed");
  };
  let aws: Alarms;
  let warnings: string[];
  let parts: (isStarted: boolean) => WatchParts;
  beforeEach(async () => {
    aws = new Alarms(["cpu", "disk", "service-down"]);
    warnings = [];
    parts = (isStarted) => ({
      isStarted: async () => isStarted,
      arm: async () => void (await armAlarms(aws.client, STACK, () => undefined)),
      warn: (text) => warnings.push(text),
    });
    assert.equal(await quietAlarms(aws.client, STACK), 3);
    assert.equal(aws.loud, 0);
  });

  it("that fails when the services were started arms its alarms, and tells its own failure", async () => {
    await assert.rejects(watchedOnFailure(fails, parts(true)), { message: "up: the update failed" });
    assert.equal(aws.loud, 3);
    assert.deepEqual(warnings, []);
  });

  it("that fails before anything was started leaves them quiet", async () => {
    await assert.rejects(watchedOnFailure(fails, parts(false)), { message: "up: the update failed" });
    assert.equal(aws.loud, 0);
  });

  it("that succeeds leaves them to what comes after it", async () => {
    assert.equal(await watchedOnFailure(async () => "done", parts(true)), "done");
    assert.equal(aws.loud, 0);
  });

  for (const what of ["isStarted", "arm"] as const) {
    it(`tells its own failure, and warns, when the alarms cannot be armed (${what})`, async () => {
      const unreachable = async (): Promise<never> => {
        throw new UserError("AWS does not answer (TimeoutError)");
      };
      const broken = { ...parts(true), [what]: unreachable };
      await assert.rejects(watchedOnFailure(fails, broken), { message: "up: the update failed" });
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? "", /^alarms that down has quieted may tell nobody .*AWS does not answer/);
    });
  }
});
