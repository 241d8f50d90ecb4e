import type { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { identify } from "../acknowledgement";
import { ALARM_TAGS } from "../alarmCatalogue";
import { alarmsOfStack } from "../stackAlarms";
import { cloudWatch } from "./cloudWatch";

/** An alarm or a twin of it, as far as it matters here. */
export interface SeenAlarm {
  /** Full name. */
  readonly fullName: string;
  readonly arn: string;
  readonly state: string;
  readonly enabled: boolean;
}

/** An alarm that is over and may have been acknowledged. */
export interface Settled {
  readonly name: string;
  readonly arn: string;
  /** Full names of the twins that tell nobody. */
  readonly quiet: string[];
}

/**
 * Alarms whose acknowledgement has done its work: they are OK, and were not when last looked at, or have twins that tell nobody.
 * While a stack is down, its alarms tell nobody, and nothing of them is touched.
 *
 * @param restless Names of the alarms that were not OK before; undefined when nothing was looked at before.
 */
export function settledAlarms(
  stack: string,
  seen: readonly SeenAlarm[],
  restless: ReadonlySet<string> | undefined,
): Settled[] {
  const alarms = seen.map((alarm) => ({ ...alarm, ...identify(stack, alarm.fullName) }));
  return alarms
    .filter(({ step, state, enabled }) => step === undefined && state === "OK" && enabled)
    .map(({ name, arn }) => ({
      name,
      arn,
      quiet: alarms
        .filter((twin) => twin.name === name && twin.step !== undefined && !twin.enabled)
        .map(({ fullName }) => fullName),
    }))
    .filter(({ name, quiet }) => quiet.length > 0 || restless === undefined || restless.has(name));
}

/** Names of the alarms that are not OK. */
export function restlessAlarms(stack: string, seen: readonly SeenAlarm[]): Set<string> {
  return new Set(
    seen
      .filter(({ state }) => state !== "OK")
      .map(({ fullName }) => identify(stack, fullName))
      .filter(({ step }) => step === undefined)
      .map(({ name }) => name),
  );
}

export interface AcknowledgementOptions {
  readonly stack: string;
  readonly region: string;
  /** Of an emulator; AWS's own when absent. */
  readonly endpoint?: string;
  readonly credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string }>;
  readonly everySeconds: number;
  readonly log: (line: string) => void;
}

/**
 * Lets the chain hear of an alarm again once it is over (M59): `./fitnesscrm ack` has quieted its twins. A failure is logged once, until
 * it ends.
 */
export class AcknowledgementKeeper {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private failing = false;
  private restless: ReadonlySet<string> | undefined;

  constructor(private readonly options: AcknowledgementOptions) {}

  start(): void {
    void this.round().then(() => {
      if (!this.stopped) {
        this.timer = setTimeout(() => this.start(), this.options.everySeconds * 1000);
      }
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Never rejects. */
  async round(): Promise<void> {
    const { log } = this.options;
    try {
      await this.settle();
      if (this.failing) {
        log("acknowledged alarms are looked after again");
      }
      this.failing = false;
    } catch (error) {
      if (!this.failing) {
        log(
          `acknowledged alarms are not looked after: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
        );
      }
      this.failing = true;
    }
  }

  private async settle(): Promise<void> {
    const { stack, log } = this.options;
    const client = cloudWatch(this.options);
    try {
      const seen = await alarmsOf(client, stack);
      for (const { name, arn, quiet } of settledAlarms(stack, seen, this.restless)) {
        if (quiet.length > 0) {
          await client.enableAlarmActions({ AlarmNames: quiet });
        }
        const { Tags = [] } = await client.listTagsForResource({ ResourceARN: arn });
        if (Tags.some(({ Key }) => Key === ALARM_TAGS.acknowledged)) {
          // Last: what is cut short before it is done again by the next round.
          await client.untagResource({ ResourceARN: arn, TagKeys: [ALARM_TAGS.acknowledged] });
          log(
            `alarm ${name} is over: its acknowledgement is taken off, and the chain would hear of the next one`,
          );
        }
      }
      this.restless = restlessAlarms(stack, seen);
    } finally {
      client.destroy();
    }
  }
}

async function alarmsOf(client: CloudWatch, stack: string): Promise<SeenAlarm[]> {
  const found = await alarmsOfStack(client, stack);
  return found.map(({ AlarmName = "", AlarmArn = "", StateValue = "", ActionsEnabled = true }) => ({
    fullName: AlarmName,
    arn: AlarmArn,
    state: StateValue,
    enabled: ActionsEnabled,
  }));
}
