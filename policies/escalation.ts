import { ESCALATION_STEPS, type EscalationStep, MANUAL, type Severity } from "../manual";
import { ALARM, ALARM_TAG, type Alarm, ESCALATES_TAG, STEP_TAG } from "./lib/alarms";
import { type Basis, known, type Member, type Rule, stackRule } from "./lib/rule";
import { SUBSCRIPTION, severityOf, TOPIC } from "./onCall";

const { critical: CRITICAL, nonCritical: OTHER } = MANUAL.onCall.respondWithinMinutes;

const RESPONSE: Basis = {
  row: "M59",
  says: `Response Time: ${CRITICAL} minutes for critical, ${OTHER / 60} hours for non-critical`,
};
const CHAIN: Basis = {
  row: "M61",
  says: "Escalation: On-call engineer, Engineering Manager, CTO, CEO (critical only)",
};

const CRITICAL_SEVERITIES: readonly Severity[] = MANUAL.onCall.critical;
const CEO_HEARS_OF: readonly Severity[] = MANUAL.onCall.ceoHearsOf;

type AlarmMember = Member<typeof ALARM>;

/** Seconds in which somebody must respond to a severity. */
function respondSeconds(severity: Severity): number {
  return 60 * (CRITICAL_SEVERITIES.includes(severity) ? CRITICAL : OTHER);
}

function stepsOf(severity: Severity): EscalationStep[] {
  return ESCALATION_STEPS.filter((step) => step !== "ceo" || CEO_HEARS_OF.includes(severity));
}

function seconds({ period, evaluationPeriods }: Partial<Alarm>): number {
  return (period ?? Number.NaN) * (evaluationPeriods ?? Number.NaN);
}

/** What a twin must have in common with its alarm, so that it goes off for the same cause. */
const SAME = [
  "namespace",
  "metricName",
  "statistic",
  "comparisonOperator",
  "threshold",
  "treatMissingData",
] as const;

const topics = stackRule(
  {
    name: "escalation-topics",
    section: "On-Call Procedures",
    basis: CHAIN,
    demands: "Each step of the chain behind on-call has a topic with a subscriber.",
  },
  ({ complete, of, judge }) => {
    const subscriptions = of(SUBSCRIPTION);
    for (const step of ESCALATION_STEPS) {
      const own = () => of(TOPIC).filter(({ props }) => props.tags?.[STEP_TAG] === step);
      judge.must(
        () => !complete || own().length > 0,
        `has no topic for the step ${step}`,
        `an aws.sns.Topic with the tag ${STEP_TAG} = ${step}`,
      );
      for (const topic of known(own) ?? []) {
        topic.judge.must(
          () => subscriptions.some((subscription) => subscription.refersTo("topic", topic)),
          "has no subscriber",
          "at least one aws.sns.TopicSubscription",
        );
        for (const subscription of subscriptions.filter((one) => one.refersTo("topic", topic))) {
          subscription.judge.must(
            () => hearsAlarms(subscription.props),
            () => `lets ${subscription.props.endpoint} miss alarms`,
            'no filterPolicy, or one with {"NewStateValue": ["ALARM"]} as a branch of "$or" and filterPolicyScope MessageBody',
          );
        }
      }
    }
  },
);

/** True where a filter lets every message through that says ALARM, whatever was before. */
function hearsAlarms({ filterPolicy, filterPolicyScope }: Member<typeof SUBSCRIPTION>["props"]): boolean {
  if (filterPolicy === undefined) {
    return true;
  }
  const branches = branchesOf(filterPolicy);
  return (
    filterPolicyScope === "MessageBody" &&
    branches.some(
      (branch) =>
        Object.keys(branch).join() === "NewStateValue" &&
        Array.isArray(branch.NewStateValue) &&
        branch.NewStateValue.includes("ALARM"),
    )
  );
}

/** What of a filter is enough; nothing where more is asked for, or it is no filter. */
function branchesOf(filterPolicy: string): Record<string, unknown>[] {
  try {
    const filter = JSON.parse(filterPolicy) as Record<string, unknown>;
    return Object.keys(filter).join() === "$or" && Array.isArray(filter.$or) ? filter.$or : [];
  } catch {
    return [];
  }
}

const chain = stackRule(
  {
    name: "escalation-chain",
    section: "On-Call Procedures",
    basis: RESPONSE,
    demands:
      "Behind each alarm stands the chain: a twin for each step, which goes off when nobody had to respond in time; the CEO hears of P0 and of nothing else.",
  },
  ({ of }) => {
    const all = of(ALARM);
    const isTwin = ({ props }: AlarmMember) => known(() => props.tags?.[ESCALATES_TAG]) !== undefined;
    const alarms = all.filter((alarm) => known(() => alarm.props.tags?.[ALARM_TAG]) !== undefined);
    for (const alarm of alarms) {
      const name = known(() => alarm.props.tags?.[ALARM_TAG]);
      const severity = known(() => severityOf(alarm.props.tags));
      if (severity === undefined) {
        continue;
      }
      const twins = all.filter(({ props }) => known(() => props.tags?.[ESCALATES_TAG]) === name);
      stepsOf(severity).forEach((step, index) => {
        const limit = (index + 1) * respondSeconds(severity);
        alarm.judge.must(
          // Of all of them: one whose tags are not known yet may be it.
          () =>
            all.some(({ props }) => props.tags?.[ESCALATES_TAG] === name && props.tags?.[STEP_TAG] === step),
          `has no twin for the step ${step}`,
          `an aws.cloudwatch.MetricAlarm with the tags ${ESCALATES_TAG} = ${name} and ${STEP_TAG} = ${step}`,
          CHAIN,
        );
        for (const twin of twins.filter(({ props }) => known(() => props.tags?.[STEP_TAG]) === step)) {
          const delay = () => seconds(twin.props) - seconds(alarm.props);
          twin.judge.must(
            // Counted in whole periods.
            () => delay() > 0 && delay() < limit + (twin.props.period ?? 0),
            () => `goes off ${delay()} s after ${alarm.name}`,
            `period and evaluationPeriods that come to more than its alarm's, by ${limit} s or less`,
          );
        }
      });
      for (const twin of twins) {
        judgeTwin(twin, alarm, severity);
      }
    }
    for (const twin of all.filter(isTwin)) {
      twin.judge.must(
        () => all.some(({ props }) => props.tags?.[ALARM_TAG] === twin.props.tags?.[ESCALATES_TAG]),
        () => `repeats ${twin.props.tags?.[ESCALATES_TAG]}, which is no alarm of the stack`,
        `the tag ${ESCALATES_TAG} with the ${ALARM_TAG} of an alarm`,
      );
      judgeActions(twin, of(TOPIC));
    }
  },
);

function judgeTwin(twin: AlarmMember, alarm: AlarmMember, severity: Severity): void {
  const { props, judge } = twin;
  judge.must(
    () => stepsOf(severity).some((step) => step === props.tags?.[STEP_TAG]),
    () => `tells ${props.tags?.[STEP_TAG] ?? "no step"} of a ${severity}`,
    `the tag ${STEP_TAG} with one of ${stepsOf(severity).join(", ")}`,
    CHAIN,
  );
  judge.must(
    () => severityOf(props.tags) === severityOf(alarm.props.tags),
    () => `is ${severityOf(props.tags) ?? "of no severity"}, and its alarm ${severity}`,
    `the severity of ${alarm.name}`,
  );
  for (const property of SAME) {
    judge.must(
      () => props[property] === alarm.props[property],
      () => `has the ${property} ${props[property] ?? "of nothing"}, unlike ${alarm.name}`,
      `${property} ${known(() => alarm.props[property]) ?? "of its alarm"}`,
    );
  }
  judge.must(
    () => props.dimensions?.Stack === alarm.props.dimensions?.Stack,
    () => `watches the metrics of ${props.dimensions?.Stack ?? "every stack"}`,
    `dimensions.Stack ${known(() => alarm.props.dimensions?.Stack) ?? "of its alarm"}`,
  );
  judge.must(
    () => props.datapointsToAlarm === undefined || props.datapointsToAlarm <= (props.evaluationPeriods ?? 0),
    () => `needs ${props.datapointsToAlarm} of ${props.evaluationPeriods} periods, which never happens`,
    "datapointsToAlarm of evaluationPeriods or less",
  );
}

/** A twin tells its step and nobody else: the severity's topic has heard of it from the alarm. */
function judgeActions(twin: AlarmMember, all: readonly Member<typeof TOPIC>[]): void {
  const step = () => twin.props.tags?.[STEP_TAG];
  twin.judge.must(
    () =>
      (twin.props.alarmActions ?? []).length === 0 ||
      all.some((topic) => topic.props.tags?.[STEP_TAG] === step() && twin.refersTo("alarmActions", topic)),
    () => `does not tell the step ${step() ?? "of any topic"}`,
    `alarmActions with the topic that has the same tag ${STEP_TAG}`,
    CHAIN,
  );
  twin.judge.must(
    () =>
      !all.some(
        (topic) => severityOf(topic.props.tags) !== undefined && twin.refersTo("alarmActions", topic),
      ),
    "tells the topic of a severity once more",
    "alarmActions with the topic of its step alone",
    CHAIN,
  );
}

export const ESCALATION: readonly Rule[] = [topics, chain];
