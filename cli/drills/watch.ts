import { setTimeout as sleep } from "node:timers/promises";
import { alarmDefinitions, alarmName } from "../../alarmCatalogue";
import { publicUrlOf } from "../../config";
import { alarmsOfStack } from "../../stackAlarms";
import { messageOf, UserError } from "../errors";
import { fromAws } from "../monitoring/aws";
import type { Drill } from "./catalogue";
import type { DrillStage, Watched } from "./stage";

const POLL_MS = 1000;

/** What an alarm is in AWS at this moment. */
export interface AlarmNow {
  readonly state: string;
  readonly reason: string;
  readonly pages: boolean;
}

/** @throws UserError when the catalogue has no such alarm for the stack. */
export function watchedOf({ stack, config }: Pick<DrillStage, "stack" | "config">, drill: Drill): Watched {
  const { alarms, aws, contacts, http } = config;
  const definition = alarmDefinitions({ stack, alarms, contacts, aws, publicUrl: publicUrlOf(http) }).find(
    ({ name }) => name === drill.alarm,
  );
  if (definition === undefined) {
    throw new UserError(`stack ${stack} has no alarm ${drill.alarm}`, 2);
  }
  const { name, severity, periods, periodSeconds } = definition;
  return { name, fullName: alarmName(stack, name), severity, evaluationSeconds: periods * periodSeconds };
}

/** @throws UserError when there is no such alarm in AWS. */
export async function alarmNow({ stack, cloudwatch }: DrillStage, watched: Watched): Promise<AlarmNow> {
  const alarms = await fromAws(`alarms of stack ${stack}`, () => alarmsOfStack(cloudwatch, stack));
  const found = alarms.find(({ AlarmName }) => AlarmName === watched.fullName);
  if (found === undefined) {
    throw new UserError(`alarm ${watched.fullName} does not exist: run ./fitnesscrm up --stack ${stack}`);
  }
  const { StateValue = "", StateReason = "", ActionsEnabled = true } = found;
  return { state: StateValue, reason: StateReason, pages: ActionsEnabled };
}

/**
 * Looks again and again until there is something to return.
 *
 * @param look Its errors are taken for "not yet": mailbox and emulator may be away for a moment.
 * @param seen What was seen last, for the reason why it did not come.
 * @throws UserError after the limit; the signal's reason when it is aborted.
 */
export async function until<T>(
  what: string,
  limitSeconds: number,
  signal: AbortSignal,
  look: () => Promise<T | undefined>,
  seen: () => string,
): Promise<T> {
  const deadline = Date.now() + limitSeconds * 1000;
  let trouble = "";
  for (;;) {
    try {
      const value = await look();
      if (value !== undefined) {
        return value;
      }
      trouble = "";
    } catch (error) {
      trouble = `; ${messageOf(error)}`;
    }
    if (Date.now() > deadline) {
      throw new UserError(`${what} not within ${limitSeconds} s: ${seen()}${trouble}`);
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}
