import { identify } from "../../acknowledgement";
import { alarmsOfStack } from "../../stackAlarms";
import type { ComponentHealth } from "../health";
import { type AwsClients, awsReason } from "./aws";
import { type FoundSubscription, subscriptionsOf } from "./subscriptions";

/** What of AWS belongs to a stack's health. */
export interface MonitoringTargets {
  clients: AwsClients;
  /** Names of the alarms that the settings call for. */
  expected: readonly string[];
}

/** Whether somebody would be paged. Never throws: that AWS does not say is what it reports. */
export function checkMonitoring(
  { clients, expected }: MonitoringTargets,
  stack: string,
  isRunning: boolean,
): Promise<ComponentHealth[]> {
  return Promise.all([
    reported("alarms", async () =>
      judgeAlarms(stack, expected, await alarmsOfStack(clients.cloudwatch, stack), isRunning),
    ),
    reported("subscriptions", async () => judgeSubscriptions(await subscriptionsOf(clients.sns, stack))),
  ]);
}

type Judgement = Omit<ComponentHealth, "name">;

async function reported(name: string, judge: () => Promise<Judgement>): Promise<ComponentHealth> {
  try {
    return { name, ...(await judge()) };
  } catch (error) {
    return { name, healthy: false, reason: `not known: ${awsReason(error)}` };
  }
}

/** Judges whether the alarms are there and may tell. What they tell is not the question here: `./fitnesscrm alarms` shows it. */
export function judgeAlarms(
  stack: string,
  expected: readonly string[],
  found: readonly { AlarmName?: string; ActionsEnabled?: boolean; StateValue?: string }[],
  isRunning: boolean,
): Judgement {
  const own = found
    .map((alarm) => ({ ...alarm, ...identify(stack, alarm.AlarmName ?? "") }))
    .filter(({ step }) => step === undefined);
  const missing = expected.filter((name) => !own.some((alarm) => alarm.name === name));
  if (missing.length > 0) {
    return {
      healthy: false,
      reason: `${missing.length} of ${expected.length} are missing (${missing.join(", ")}): run ./fitnesscrm up`,
    };
  }
  const off = own.filter(({ ActionsEnabled }) => ActionsEnabled === false).map(({ name }) => name);
  if (off.length > 0 && isRunning) {
    return {
      healthy: false,
      reason: `${off.length} of ${own.length} page nobody while services run (${off.join(", ")}): run ./fitnesscrm up`,
    };
  }
  const on = own.filter(({ StateValue }) => StateValue === "ALARM").map(({ name }) => name);
  return {
    healthy: true,
    reason:
      off.length > 0
        ? "the stack is stopped, and they page nobody"
        : `${own.length} are in place, ${on.length === 0 ? "none is on" : `on: ${on.join(", ")}`}`,
  };
}

export function judgeSubscriptions(found: readonly FoundSubscription[]): Judgement {
  const open = found.filter(({ confirmed }) => !confirmed);
  if (found.length === 0) {
    return { healthy: false, reason: "nobody is subscribed to any topic: run ./fitnesscrm up" };
  }
  return open.length === 0
    ? { healthy: true, reason: `all ${found.length} are confirmed` }
    : {
        healthy: false,
        reason: `${open.length} of ${found.length} are not confirmed, and get no page: ${open
          .map(({ endpoint, topic }) => `${endpoint} to ${topic}`)
          .join(", ")}: the link in AWS's mail to the address confirms it`,
      };
}
