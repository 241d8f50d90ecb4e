/** What the launcher and ops agree on about the alarms that they find in AWS: whose they are, and how one is acknowledged. Pure. */
import { ESCALATION_STEPS, type EscalationStep } from "./manual";

/** What of an alarm's full name is the alarm and what the step of the chain that hears of it late. */
export interface AlarmIdentity {
  readonly name: string;
  readonly step: EscalationStep | undefined;
}

const TWIN = new RegExp(`^(.+)-escalation-(${ESCALATION_STEPS.join("|")})$`);

/** What every alarm's name of a stack begins with. A longer stack's names do as well: its dimension tells them apart. */
export function alarmPrefix(stack: string): string {
  return `fitnesscrm-${stack}-`;
}

export function identify(stack: string, fullName: string): AlarmIdentity {
  const short = fullName.startsWith(alarmPrefix(stack))
    ? fullName.slice(alarmPrefix(stack).length)
    : fullName;
  const [, name = short, step] = TWIN.exec(short) ?? [];
  return { name, step: ESCALATION_STEPS.find((one) => one === step) };
}

/** Whether an alarm watches this stack: the dimension `Stack` stands alone on each. */
export function isOfStack(
  stack: string,
  alarm: { readonly Dimensions?: readonly { readonly Name?: string; readonly Value?: string }[] },
): boolean {
  return (alarm.Dimensions ?? []).some(({ Name, Value }) => Name === "Stack" && Value === stack);
}

/** Who took an alarm on, and when. */
export interface Acknowledgement {
  readonly at: string;
  readonly by: string;
}

const MOST_OF_A_TAG = 256;

/** The tag's value. AWS takes letters, digits, spaces and `_.:/=+-@`. */
export function acknowledgementTag({ at, by }: Acknowledgement): string {
  return `${at} by ${by.replace(/[^\p{L}\p{N} _.:/=+\-@]/gu, "_")}`.slice(0, MOST_OF_A_TAG);
}

/** @returns Undefined for a value that is none. */
export function parseAcknowledgement(tag: string | undefined): Acknowledgement | undefined {
  const [, at, by] = /^(\S+) by (.+)$/u.exec(tag ?? "") ?? [];
  return at === undefined || by === undefined || Number.isNaN(Date.parse(at)) ? undefined : { at, by };
}
