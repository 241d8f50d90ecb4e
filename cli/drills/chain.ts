import { escalationName } from "../../alarmCatalogue";
import type { Config } from "../../config";
import { ESCALATION_STEPS, type EscalationStep } from "../../manual";
import { columns } from "../restore/report";
import type { Page } from "./pages";
import type { Watched } from "./stage";

/** The three alarms of an escalation drill. */
export interface ChainAlarms {
  /** Everybody hears of it. */
  readonly critical: Watched;
  /** Everybody but the CEO does. */
  readonly lesser: Watched;
  /** Somebody responded: nobody hears of it. */
  readonly acknowledged: Watched;
}

export interface ChainSettings {
  readonly stack: string;
  readonly respondSeconds: Config["alarms"]["respondSeconds"];
  readonly contacts: Pick<Config["contacts"], "escalation">;
  readonly alarms: ChainAlarms;
}

/** One page of one alarm to one step of the chain. */
export interface ChainPage {
  alarm: string;
  step: EscalationStep;
  to: string;
  /** After the alarm's first page, seconds. */
  afterSeconds: number;
}

export interface ChainResult {
  pages: ChainPage[];
  acknowledged: string;
  faults: string[];
}

/** Judges who of the chain heard of what, and in which order (M59, M61). */
export function judgeChain(settings: ChainSettings, pages: readonly Page[]): ChainResult {
  const { critical, lesser, acknowledged } = settings.alarms;
  const all = [critical, lesser, acknowledged].flatMap((watched) => pagesUp(watched, settings, pages));
  const heard = ({ name }: Watched): EscalationStep[] =>
    all.filter(({ alarm }) => alarm === name).map(({ step }) => step);
  const expectSteps = (watched: Watched, steps: readonly EscalationStep[]): string[] =>
    heard(watched).join() === steps.join()
      ? []
      : [
          `of ${watched.name} (${watched.severity}) heard, in this order: ${heard(watched).join(", ") || "nobody"}; ` +
            `it must be ${steps.join(", ") || "nobody"}`,
        ];
  const faults = [
    ...expectSteps(critical, ESCALATION_STEPS),
    ...expectSteps(
      lesser,
      ESCALATION_STEPS.filter((step) => step !== "ceo"),
    ),
    ...expectSteps(acknowledged, []),
    ...all.flatMap((page) => wrongAddress(page, settings)),
    ...all.flatMap((page) => tooSoon(page, settings)),
  ];
  return { pages: all, acknowledged: acknowledged.name, faults };
}

/** An alarm's pages to the chain, in the order of their moments. */
function pagesUp(watched: Watched, { stack }: ChainSettings, pages: readonly Page[]): ChainPage[] {
  const on = pages
    .filter(({ state }) => state === "ALARM")
    .sort((a, b) => a.changedAt.getTime() - b.changedAt.getTime());
  const first = on.find(({ alarm }) => alarm === watched.fullName)?.changedAt;
  return on.flatMap(({ alarm, to, changedAt }) => {
    const step = ESCALATION_STEPS.find((one) => alarm === escalationName(stack, watched.name, one));
    return step === undefined
      ? []
      : [
          {
            alarm: watched.name,
            step,
            to,
            afterSeconds: (changedAt.getTime() - (first ?? changedAt).getTime()) / 1000,
          },
        ];
  });
}

function wrongAddress({ alarm, step, to }: ChainPage, { contacts }: ChainSettings): string[] {
  const { engineeringManager, cto, ceo } = contacts.escalation;
  const right = { "engineering-manager": engineeringManager, cto, ceo }[step].email.toLowerCase();
  return to === right ? [] : [`the page of ${alarm} for the ${step} went to ${to}, not to ${right}`];
}

/** Whoever hears early was given no time to respond. What an evaluation's own moment may be off by is one period. */
function tooSoon(
  { alarm, step, afterSeconds }: ChainPage,
  { respondSeconds, alarms }: ChainSettings,
): string[] {
  const isCritical = alarm === alarms.critical.name;
  const wait =
    (ESCALATION_STEPS.indexOf(step) + 1) * (isCritical ? respondSeconds.critical : respondSeconds.other);
  return afterSeconds >= wait - SLACK_SECONDS
    ? []
    : [`the ${step} heard of ${alarm} after ${afterSeconds.toFixed(1)} s, before ${wait} s were over`];
}

const SLACK_SECONDS = 10;

export function formatChain({ pages, acknowledged }: ChainResult): string {
  const rows = pages.map(({ alarm, step, to, afterSeconds }) => [
    alarm,
    step,
    to,
    `${afterSeconds.toFixed(1)} s`,
  ]);
  return [
    ...columns([["ALARM", "STEP", "PAGED", "AFTER THE FIRST PAGE"], ...rows], [false, false, false, true]),
    `Nobody more heard of ${acknowledged} once it was acknowledged.`,
  ].join("\n");
}
