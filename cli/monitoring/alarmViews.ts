import { type Acknowledgement, identify, parseAcknowledgement } from "../../acknowledgement";
import { ALARM_TAGS } from "../../alarmCatalogue";
import { ESCALATION_STEPS, type EscalationStep, SEVERITIES, type Severity } from "../../manual";
import { ago, columns } from "../table";

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

/** An alarm as AWS describes it; what is used of it. */
export interface FoundAlarm {
  readonly AlarmName?: string;
  readonly StateValue?: string;
  readonly StateUpdatedTimestamp?: Date;
  readonly StateTransitionedTimestamp?: Date;
  readonly StateReason?: string;
  readonly MetricName?: string;
  readonly Statistic?: string;
  readonly Threshold?: number;
  readonly ComparisonOperator?: string;
  readonly Period?: number;
  readonly EvaluationPeriods?: number;
  readonly ActionsEnabled?: boolean;
}

/** When a step of the chain hears of an alarm that goes on. */
export interface EscalationView {
  step: EscalationStep;
  /** ISO time; null while the alarm is not in ALARM. */
  at: string | null;
  /** It has been told. */
  told: boolean;
  /** False when somebody acknowledged the alarm, or the stack is down. */
  enabled: boolean;
}

/** One line of `./fitnesscrm alarms`. */
export interface AlarmView {
  name: string;
  severity: Severity | null;
  metric: string;
  threshold: number;
  state: AlarmState;
  /** ISO time of the last change of the state. */
  since: string;
  /** What it watches, in words. */
  rule: string;
  periodSeconds: number;
  periods: number;
  reason: string;
  /** False while the stack is down: it tells nobody then. */
  enabled: boolean;
  acknowledged: Acknowledgement | null;
  escalations: EscalationView[];
}

/**
 * Alarms with the twins of each folded in: those in ALARM first, the most severe of them first.
 *
 * @param tags Of the alarms that are no twins, by full name.
 */
export function alarmViews(
  stack: string,
  found: readonly FoundAlarm[],
  tags: ReadonlyMap<string, Record<string, string>>,
): AlarmView[] {
  const alarms = found.map((alarm) => ({ alarm, ...identify(stack, alarm.AlarmName ?? "") }));
  return alarms
    .filter(({ step }) => step === undefined)
    .map(({ name, alarm }) => {
      const twins = ESCALATION_STEPS.flatMap((step) =>
        alarms
          .filter((one) => one.name === name && one.step === step)
          .map((twin) => escalationView(alarm, twin.alarm, step)),
      );
      return view(name, alarm, tags.get(alarm.AlarmName ?? "") ?? {}, twins);
    })
    .sort(byUrgency);
}

function view(
  name: string,
  alarm: FoundAlarm,
  tags: Record<string, string>,
  escalations: EscalationView[],
): AlarmView {
  const state = stateOf(alarm);
  return {
    name,
    severity: SEVERITIES.find((severity) => severity === tags[ALARM_TAGS.severity]) ?? null,
    metric: alarm.MetricName ?? "",
    threshold: alarm.Threshold ?? Number.NaN,
    state,
    since: since(alarm).toISOString(),
    rule: ruleOf(alarm),
    periodSeconds: alarm.Period ?? 0,
    periods: alarm.EvaluationPeriods ?? 0,
    reason: alarm.StateReason ?? "",
    enabled: alarm.ActionsEnabled ?? true,
    acknowledged: (state === "ALARM" && parseAcknowledgement(tags[ALARM_TAGS.acknowledged])) || null,
    escalations,
  };
}

function stateOf({ StateValue }: FoundAlarm): AlarmState {
  return StateValue === "OK" || StateValue === "ALARM" ? StateValue : "INSUFFICIENT_DATA";
}

function since({ StateTransitionedTimestamp, StateUpdatedTimestamp }: FoundAlarm): Date {
  return StateTransitionedTimestamp ?? StateUpdatedTimestamp ?? new Date(0);
}

const SIGNS: Readonly<Record<string, string>> = {
  GreaterThanThreshold: ">",
  GreaterThanOrEqualToThreshold: ">=",
  LessThanThreshold: "<",
  LessThanOrEqualToThreshold: "<=",
};

/** As `Maximum of database_connections > 80 for 5 x 60 s`. */
function ruleOf(alarm: FoundAlarm): string {
  const sign = SIGNS[alarm.ComparisonOperator ?? ""] ?? "?";
  return `${alarm.Statistic} of ${alarm.MetricName} ${sign} ${alarm.Threshold} for ${alarm.EvaluationPeriods} x ${alarm.Period} s`;
}

/** The twin goes off as many periods after the alarm as it waits for more of them. */
function escalationView(alarm: FoundAlarm, twin: FoundAlarm, step: EscalationStep): EscalationView {
  const later = (twin.EvaluationPeriods ?? 0) - (alarm.EvaluationPeriods ?? 0);
  const told = stateOf(twin) === "ALARM";
  const at = told ? since(twin) : new Date(since(alarm).getTime() + later * (twin.Period ?? 0) * 1000);
  return {
    step,
    at: stateOf(alarm) === "ALARM" ? at.toISOString() : null,
    told,
    enabled: twin.ActionsEnabled ?? true,
  };
}

const STATES: readonly AlarmState[] = ["ALARM", "INSUFFICIENT_DATA", "OK"];

function byUrgency(a: AlarmView, b: AlarmView): number {
  const rank = ({ state, severity, name }: AlarmView): [number, number, string] => [
    STATES.indexOf(state),
    severity === null ? SEVERITIES.length : SEVERITIES.indexOf(severity),
    name,
  ];
  const [one, other] = [rank(a), rank(b)];
  return one[0] - other[0] || one[1] - other[1] || one[2].localeCompare(other[2]);
}

const SHOWN: Readonly<Record<AlarmState, string>> = {
  ALARM: "ALARM",
  OK: "ok",
  INSUFFICIENT_DATA: "no data",
};

/** For a person: a line an alarm, and under one in ALARM who hears of it next. */
export function formatAlarms(views: readonly AlarmView[], now: Date): string {
  if (views.length === 0) {
    return "There is no such alarm.";
  }
  const rows = views.map(({ state, since, severity, name, rule }) => [
    SHOWN[state],
    ago(new Date(since), now),
    severity ?? "-",
    name,
    rule,
  ]);
  const lines = columns(["STATE", "FOR", "SEVERITY", "ALARM", "WATCHES"], rows);
  return [lines[0], ...views.flatMap((view, index) => [lines[index + 1], ...notes(view)])]
    .map((line) => line ?? "")
    .join("\n");
}

function notes({ state, acknowledged, escalations, enabled }: AlarmView): string[] {
  const indent = "        ";
  const off = enabled ? [] : [`${indent}pages nobody: its actions are disabled while the stack is down`];
  if (state !== "ALARM") {
    return off;
  }
  return [
    ...off,
    ...(acknowledged === null ? [] : [`${indent}acknowledged by ${acknowledged.by} at ${acknowledged.at}`]),
    ...escalations.flatMap(({ step, at, told, enabled: pages }) =>
      told
        ? [`${indent}escalated to ${stepName(step)} at ${at}`]
        : pages && enabled
          ? [`${indent}escalates to ${stepName(step)} at ${at}`]
          : [],
    ),
  ];
}

/** As `engineering manager` or `CTO`. */
export function stepName(step: EscalationStep): string {
  return step === "engineering-manager" ? "engineering manager" : step.toUpperCase();
}
