import type { CloudWatch, MetricAlarm, StateValue } from "@aws-sdk/client-cloudwatch";
import { alarmPrefix, isOfStack } from "./acknowledgement";

/** As many as CloudWatch describes in one answer. */
const PAGE = 100;

/**
 * Every alarm of a stack, with the twins by which the chain hears of them.
 *
 * @param state Only those in this state.
 * @throws What the SDK throws when AWS does not answer.
 */
export async function alarmsOfStack(
  client: Pick<CloudWatch, "describeAlarms">,
  stack: string,
  state?: StateValue,
): Promise<MetricAlarm[]> {
  const found: MetricAlarm[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.describeAlarms({
      AlarmNamePrefix: alarmPrefix(stack),
      AlarmTypes: ["MetricAlarm"],
      MaxRecords: PAGE,
      ...(state !== undefined && { StateValue: state }),
      ...(NextToken !== undefined && { NextToken }),
    });
    found.push(...(page.MetricAlarms ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  // Asked for one state, an emulator may tell of all.
  return found.filter(
    (alarm) => isOfStack(stack, alarm) && (state === undefined || alarm.StateValue === state),
  );
}
