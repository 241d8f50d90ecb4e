import { alarmDefinitions, escalationsOf } from "../../alarmCatalogue";
import { type Config, publicUrlOf } from "../../config";
import { ESCALATION_STEPS, type EscalationStep, MANUAL, SEVERITIES, type Severity } from "../../manual";
import { onCallAt } from "../../rota";
import { wallClock } from "../../wallClock";
import { UserError } from "../errors";
import { openSession } from "../session";
import { columns, duration } from "../table";
import { stepName } from "./alarmViews";

/** Somebody behind the engineer, and how long after a page that nobody acknowledged they hear of it. */
export interface ChainLink {
  step: EscalationStep;
  name: string;
  email: string;
  /** Seconds after the first page, by severity; a severity of which they do not hear is left out. */
  afterSeconds: Partial<Record<Severity, number>>;
}

export interface OnCall {
  engineer: { name: string; email: string };
  from: string;
  until: string;
  /** Somebody else than the one whose shift it is. */
  override: boolean;
  chain: ChainLink[];
}

type RotaConfig = Pick<Config, "contacts" | "timeZone" | "alarms" | "aws" | "http">;

/** `./fitnesscrm oncall` (M57 to M61). Asks nobody: what is declared to AWS is made from the same settings. */
export async function showOnCall({
  stack,
  at,
  json,
}: {
  stack: string;
  at?: string;
  json?: boolean;
}): Promise<void> {
  const { config } = openSession(stack);
  const who = onCallOf(config, parseMoment(at));
  process.stdout.write(`${json ? JSON.stringify(who, null, 2) : formatOnCall(who, config.timeZone)}\n`);
}

/** @throws UserError for what is no moment. Without a zone, a text would mean another one on each machine. */
export function parseMoment(text: string | undefined): Date {
  if (text === undefined) {
    return new Date();
  }
  const at = new Date(text);
  if (
    !/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?$/.test(text) ||
    Number.isNaN(at.getTime())
  ) {
    throw new UserError(
      `--at ${JSON.stringify(text)} is not a moment: must be such as 2026-12-24T17:00Z, 2026-12-24T17:00-05:00 or 2026-12-24`,
      2,
    );
  }
  return at;
}

export function onCallOf(config: RotaConfig, at: Date): OnCall {
  const { engineer, from, until, override } = onCallAt(at, config);
  return {
    engineer: { name: engineer.name, email: engineer.email },
    from: from.toISOString(),
    until: until.toISOString(),
    override,
    chain: chainOf(config),
  };
}

function chainOf({ contacts, alarms, aws, http }: RotaConfig): ChainLink[] {
  const { engineeringManager, cto, ceo } = contacts.escalation;
  const people = { "engineering-manager": engineeringManager, cto, ceo };
  const definitions = alarmDefinitions({ stack: "", alarms, publicUrl: publicUrlOf(http), contacts, aws });
  const links = definitions.flatMap((alarm) => escalationsOf(alarm, alarms));
  return ESCALATION_STEPS.map((step) => ({
    step,
    name: people[step].name,
    email: people[step].email,
    afterSeconds: Object.fromEntries(
      SEVERITIES.flatMap((severity) => {
        const link = links.find((one) => one.step === step && one.alarm.severity === severity);
        return link === undefined ? [] : [[severity, link.delaySeconds]];
      }),
    ),
  }));
}

export function formatOnCall({ engineer, from, until, override, chain }: OnCall, timeZone: string): string {
  const rows = chain.map(({ step, name, email, afterSeconds }) => [
    stepName(step),
    name,
    email,
    Object.entries(afterSeconds)
      .map(([severity, seconds]) => `${severity} after ${duration(seconds)}`)
      .join(", "),
  ]);
  return [
    `On call: ${engineer.name} <${engineer.email}>${override ? ", in place of whose shift it is" : ""}`,
    `From ${wall(from, timeZone)} until ${wall(until, timeZone)} (${timeZone})`,
    "",
    `When nobody acknowledges a page (./fitnesscrm ack ALARM), ${MANUAL.onCall.escalation.slice(1).length} more hear of it:`,
    ...columns(["STEP", "NAME", "ADDRESS", "HEARS OF"], rows).map((line) => `  ${line}`),
  ].join("\n");
}

/** What the wall clock shows, with its weekday. */
function wall(iso: string, timeZone: string): string {
  const shown = new Date(wallClock(timeZone, Date.parse(iso)));
  const weekday = shown.toLocaleDateString("en-US", { weekday: "long", timeZone: "UTC" });
  return `${weekday} ${shown.toISOString().slice(0, 16).replace("T", " ")}`;
}
