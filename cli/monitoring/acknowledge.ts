import { hostname, userInfo } from "node:os";
import { type Acknowledgement, acknowledgementTag, alarmPrefix, identify } from "../../acknowledgement";
import { ALARM_TAGS } from "../../alarmCatalogue";
import { alarmsOfStack } from "../../stackAlarms";
import { UserError } from "../errors";
import { openSession } from "../session";
import { readAlarms } from "./alarms";
import { type AlarmView, stepName } from "./alarmViews";
import { awsClients, fromAws } from "./aws";

export interface AckOptions {
  stack: string;
  by?: string;
  json?: boolean;
}

/** `./fitnesscrm ack ALARM` (M59, M61): somebody responds, so that the chain need not hear of it. */
export async function acknowledge(alarm: string, { stack, by, json }: AckOptions): Promise<void> {
  const { config } = openSession(stack);
  const clients = awsClients(config.aws);
  const view = chooseAlarm(alarm, stack, await readAlarms(clients, stack));
  const acknowledgement = { at: new Date().toISOString(), by: by ?? `${userInfo().username}@${hostname()}` };
  await fromAws(`acknowledging ${view.name}`, () => quietChain(view.name, acknowledgement));
  process.stdout.write(
    `${json ? JSON.stringify({ name: view.name, ...acknowledgement, ...toldAndSpared(view) }) : describe(view, acknowledgement)}\n`,
  );

  async function quietChain(name: string, made: Acknowledgement): Promise<void> {
    const found = (await alarmsOfStack(clients.cloudwatch, stack)).map((one) => ({
      ...one,
      ...identify(stack, one.AlarmName ?? ""),
    }));
    const base = found.find((one) => one.name === name && one.step === undefined);
    // Whoever was told already shall hear that it is over.
    const twins = found.filter(
      (one) => one.name === name && one.step !== undefined && one.StateValue !== "ALARM",
    );
    // The note first: without one, nothing says why the chain is quiet.
    await clients.cloudwatch.tagResource({
      ResourceARN: base?.AlarmArn,
      Tags: [{ Key: ALARM_TAGS.acknowledged, Value: acknowledgementTag(made) }],
    });
    if (twins.length > 0) {
      await clients.cloudwatch.disableAlarmActions({
        AlarmNames: twins.map(({ AlarmName = "" }) => AlarmName),
      });
    }
  }
}

/** @throws UserError when there is no such alarm, or nothing to respond to. */
export function chooseAlarm(wanted: string, stack: string, views: readonly AlarmView[]): AlarmView {
  const short = wanted.startsWith(alarmPrefix(stack)) ? wanted.slice(alarmPrefix(stack).length) : wanted;
  const found = views.find(({ name }) => name === short);
  const on = views.filter(({ state }) => state === "ALARM").map(({ name }) => name);
  const there = on.length === 0 ? "no alarm is in ALARM" : `in ALARM are ${on.join(", ")}`;
  if (found === undefined) {
    const names = views.map(({ name }) => name).sort();
    throw new UserError(
      names.length === 0
        ? `stack ${stack} has no alarms: run ./fitnesscrm up --stack ${stack}`
        : `alarm ${JSON.stringify(wanted)} is not part of stack ${stack}: must be one of ${names.join(", ")}; ${there}`,
      2,
    );
  }
  if (found.state !== "ALARM") {
    throw new UserError(
      `alarm ${found.name} is not in ALARM but ${found.state}: there is nothing to respond to; ${there}`,
    );
  }
  return found;
}

/** Who has heard of it already, and who will not. */
function toldAndSpared({ escalations }: AlarmView): { told: string[]; spared: string[] } {
  return {
    told: escalations.filter(({ told }) => told).map(({ step }) => step),
    spared: escalations.filter(({ told }) => !told).map(({ step }) => step),
  };
}

function describe(view: AlarmView, { by }: Acknowledgement): string {
  const names = (steps: readonly AlarmView["escalations"][number][]): string =>
    steps.map(({ step }) => stepName(step)).join(", ");
  const spared = view.escalations.filter(({ told }) => !told);
  const told = view.escalations.filter((one) => one.told);
  return [
    `${view.name} is acknowledged by ${by}${view.acknowledged === null ? "" : ` (before: by ${view.acknowledged.by})`}.`,
    spared.length > 0
      ? `Not paged any more until it is OK again: ${names(spared)}.`
      : "The whole chain has been paged already: nobody is left to spare.",
    ...(told.length > 0 ? [`Paged before, and told when it is over: ${names(told)}.`] : []),
  ].join("\n");
}
