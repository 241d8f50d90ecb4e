import { identify } from "../../acknowledgement";
import type { Severity } from "../../manual";
import { alarmsOfStack } from "../../stackAlarms";
import { openSession } from "../session";
import { type AlarmView, alarmViews, formatAlarms } from "./alarmViews";
import { type AwsClients, awsClients, fromAws, tagsOf } from "./aws";

export interface AlarmsOptions {
  stack: string;
  severity?: Severity;
  json?: boolean;
}

/** `./fitnesscrm alarms`. */
export async function listAlarms({ stack, severity, json }: AlarmsOptions): Promise<void> {
  const { config } = openSession(stack);
  const views = (await readAlarms(awsClients(config.aws), stack)).filter(
    (view) => severity === undefined || view.severity === severity,
  );
  process.stdout.write(`${json ? JSON.stringify(views, null, 2) : formatAlarms(views, new Date())}\n`);
}

/** The alarms of a stack as they are now. @throws UserError when AWS does not say. */
export function readAlarms(
  { cloudwatch }: Pick<AwsClients, "cloudwatch">,
  stack: string,
): Promise<AlarmView[]> {
  const read = async (): Promise<AlarmView[]> => {
    const found = await alarmsOfStack(cloudwatch, stack);
    const own = found.filter(({ AlarmName = "" }) => identify(stack, AlarmName).step === undefined);
    const tags = await Promise.all(
      own.map(
        async ({ AlarmName = "", AlarmArn = "" }) => [AlarmName, await tagsOf(cloudwatch, AlarmArn)] as const,
      ),
    );
    return alarmViews(stack, found, new Map(tags));
  };
  return fromAws(`alarms of stack ${stack}`, read);
}
