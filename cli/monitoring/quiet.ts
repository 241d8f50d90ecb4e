import { setTimeout as sleep } from "node:timers/promises";
import type { CloudWatch, MetricAlarm, StateValue } from "@aws-sdk/client-cloudwatch";
import { identify } from "../../acknowledgement";
import { ALARM_TAGS } from "../../alarmCatalogue";
import { METRICS } from "../../metricNames";
import { alarmsOfStack } from "../../stackAlarms";
import { portions, tagsOf } from "./aws";

/** Lets no alarm of a stack tell anybody: it is about to be stopped on purpose. @returns How many there are. */
export async function quietAlarms(cloudwatch: CloudWatch, stack: string): Promise<number> {
  const names = (await alarmsOfStack(cloudwatch, stack)).map(nameOf);
  for (const AlarmNames of portions(names)) {
    await cloudwatch.disableAlarmActions({ AlarmNames });
  }
  return names.length;
}

/**
 * Lets the alarms that {@link quietAlarms} quieted tell of trouble again. What they made of the time in between is forgotten, and it
 * is waited for the first metrics: or the silence of a stopped stack would page once more.
 *
 * Alarms of a stack that was not stopped are left as they are, and so is the chain of one that was acknowledged.
 *
 * @returns How many there were to bring back.
 */
export async function armAlarms(
  cloudwatch: CloudWatch,
  stack: string,
  progress: (text: string) => void,
): Promise<number> {
  const quiet = stoppedAlarms(stack, await alarmsOfStack(cloudwatch, stack));
  if (quiet.length === 0) {
    return 0;
  }
  await setState(cloudwatch, quiet, "INSUFFICIENT_DATA");
  await dropAcknowledgements(cloudwatch, stack, quiet);
  await waitForMetrics(cloudwatch, stack, quiet, progress);
  const names = new Set(quiet.map(nameOf));
  const now = (await alarmsOfStack(cloudwatch, stack)).filter((alarm) => names.has(nameOf(alarm)));
  // One that is on before it may tell would never tell, and one that finds out later that all is well would tell that.
  await setState(cloudwatch, now.filter(isIn("INSUFFICIENT_DATA")), "OK");
  await setState(cloudwatch, now.filter(isIn("ALARM")), "INSUFFICIENT_DATA");
  for (const AlarmNames of portions(now.map(nameOf))) {
    await cloudwatch.enableAlarmActions({ AlarmNames });
  }
  return now.length;
}

/** Alarms that tell nobody because their stack was stopped: those whose own actions are off, and all twins of these. */
export function stoppedAlarms<T extends Pick<MetricAlarm, "AlarmName" | "ActionsEnabled">>(
  stack: string,
  alarms: readonly T[],
): T[] {
  const isOff = ({ ActionsEnabled }: T): boolean => ActionsEnabled === false;
  const off = new Set(
    alarms
      .map((alarm) => ({ ...identify(stack, nameOf(alarm)), off: isOff(alarm) }))
      .filter((one) => one.step === undefined && one.off)
      .map(({ name }) => name),
  );
  return alarms.filter((alarm) => isOff(alarm) && off.has(identify(stack, nameOf(alarm)).name));
}

function nameOf({ AlarmName = "" }: Pick<MetricAlarm, "AlarmName">): string {
  return AlarmName;
}

function isIn(state: StateValue): (alarm: MetricAlarm) => boolean {
  return ({ StateValue }) => StateValue === state;
}

/** To be called while they tell nobody. What they find out by themselves goes on from there. */
async function setState(
  cloudwatch: CloudWatch,
  alarms: readonly MetricAlarm[],
  state: StateValue,
): Promise<void> {
  for (const alarm of alarms) {
    await cloudwatch.setAlarmState({
      AlarmName: nameOf(alarm),
      StateValue: state,
      StateReason: "The stack was stopped on purpose and starts again.",
    });
  }
}

/** A new fire is nobody's yet. */
async function dropAcknowledgements(
  cloudwatch: CloudWatch,
  stack: string,
  alarms: readonly MetricAlarm[],
): Promise<void> {
  const own = alarms.filter((alarm) => identify(stack, nameOf(alarm)).step === undefined);
  for (const { AlarmArn = "" } of own) {
    if ((await tagsOf(cloudwatch, AlarmArn))[ALARM_TAGS.acknowledged] !== undefined) {
      await cloudwatch.untagResource({ ResourceARN: AlarmArn, TagKeys: [ALARM_TAGS.acknowledged] });
    }
  }
}

/**
 * Alarms that would go off by what was missing while the stack stood still. One value is enough for them and for their twins, which
 * look back so far that nobody waits for their own word.
 */
function readsSilence(stack: string, alarm: MetricAlarm): boolean {
  return (
    identify(stack, nameOf(alarm)).step === undefined &&
    (alarm.TreatMissingData === "breaching" || alarm.MetricName === METRICS.serviceDown)
  );
}

async function waitForMetrics(
  cloudwatch: CloudWatch,
  stack: string,
  quiet: readonly MetricAlarm[],
  progress: (text: string) => void,
): Promise<void> {
  const silent = quiet.filter((alarm) => readsSilence(stack, alarm));
  const waiting = new Set(silent.map(nameOf));
  const longest = Math.max(0, ...silent.map(({ Period = 0 }) => Period));
  const deadline = Date.now() + (2 * longest + 15) * 1000;
  while (Date.now() < deadline) {
    const alarms = await alarmsOfStack(cloudwatch, stack);
    const unknown = alarms.filter((alarm) => waiting.has(nameOf(alarm)) && alarm.StateValue !== "OK");
    if (unknown.length === 0) {
      return;
    }
    progress(
      `waiting for the first metrics of ${[...new Set(unknown.map((one) => identify(stack, nameOf(one)).name))].join(", ")}`,
    );
    await sleep(1000);
  }
}
