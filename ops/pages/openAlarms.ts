import type { CloudWatch, MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { identify, isOfStack } from "../../acknowledgement";
import { SEVERITIES } from "../../manual";
import { alarmsOfStack } from "../../stackAlarms";
import { type OpenAlarm, sentence } from "./statusPage";

export type ToldAlarm = OpenAlarm & { readonly text: string };

/** A stack's alarms that are in ALARM now, the most severe first. @throws Error when AWS does not answer. */
export async function openAlarms(
  client: Pick<CloudWatch, "describeAlarms">,
  stack: string,
): Promise<ToldAlarm[]> {
  return toldAlarms(stack, await alarmsOfStack(client, stack, "ALARM"));
}

/** What of alarms is shown; those of other stacks, and the twins that tell the chain of the same thing, are left out. */
export function toldAlarms(stack: string, found: readonly MetricAlarm[]): ToldAlarm[] {
  const rank = ({ severity }: OpenAlarm) =>
    severity === null ? SEVERITIES.length : SEVERITIES.indexOf(severity);
  return found
    .filter((alarm) => isOfStack(stack, alarm) && alarm.StateValue === "ALARM")
    .map((alarm) => ({ ...identify(stack, alarm.AlarmName ?? ""), alarm }))
    .filter(({ step }) => step === undefined)
    .map(({ name, alarm }) => ({
      title: sentence(name),
      // Each description begins with it (see alarmCatalogue.ts).
      severity: SEVERITIES.find((severity) => alarm.AlarmDescription?.startsWith(`${severity} `)) ?? null,
      since: alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp ?? new Date(0),
      text: alarm.AlarmDescription ?? "",
    }))
    .sort((a, b) => rank(a) - rank(b) || a.since.getTime() - b.since.getTime());
}
