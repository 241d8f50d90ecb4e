import { MANUAL, SEVERITIES, type Severity } from "../manual";
import { ALARM, STEP_TAG, watched } from "./lib/alarms";
import { type Basis, known, type Rule, resourceRule, stackRule } from "./lib/rule";

/** Tag of an alarm or a topic: its severity. */
export const SEVERITY_TAG = "fitnesscrm:severity";

export const TOPIC = "aws:sns/topic:Topic";
export const SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription";

const LEVELS = { P0: "Critical", P1: "High", P2: "Medium", P3: "Low" } as const satisfies Record<
  Severity,
  string
>;

function sentence(severity: Severity): Basis {
  return { row: "M60", says: `${severity} (${LEVELS[severity]}): ${MANUAL.severities[severity]}` };
}

const ALERT_SEVERITY: Basis = { row: "M60", says: `Alert Severity: ${SEVERITIES.join(", ")}` };

export function severityOf(tags: Readonly<Record<string, string>> | undefined): Severity | undefined {
  return SEVERITIES.find((severity) => severity === tags?.[SEVERITY_TAG]);
}

const severity = resourceRule(
  {
    name: "alarm-severity",
    section: "On-Call Procedures",
    basis: ALERT_SEVERITY,
    demands: "Every alarm has a severity, and one on a key metric or on backups none below the manual's.",
    types: [ALARM],
  },
  ({ props }, judge) => {
    judge.must(
      () => severityOf(props.tags) !== undefined,
      () => `has ${props.tags?.[SEVERITY_TAG] ?? "no"} severity`,
      `the tag ${SEVERITY_TAG} with one of ${SEVERITIES.join(", ")}`,
    );
    const alarm = known(() => watched(props));
    if (alarm === undefined) {
      return;
    }
    const demanded = alarm.severity;
    judge.must(
      () => {
        const own = severityOf(props.tags);
        return own === undefined || SEVERITIES.indexOf(own) <= SEVERITIES.indexOf(demanded);
      },
      () => `is only ${severityOf(props.tags)}`,
      `${demanded} or more urgent for ${alarm.what}`,
      sentence(demanded),
    );
  },
);

const actions = resourceRule(
  {
    name: "alarm-actions",
    section: "On-Call Procedures",
    basis: ALERT_SEVERITY,
    demands: "Every alarm does something when it goes off, and when it is over.",
    types: [ALARM],
  },
  ({ props, opts }, judge) => {
    judge.must(
      // What `ack` and `down` switch off is seen here after a refresh, although it is not what is declared.
      () => props.actionsEnabled !== false || opts.ignoreChanges.includes("actionsEnabled"),
      "has its actions switched off",
      "actionsEnabled true, or not set",
    );
    judge.must(
      () => (props.alarmActions ?? []).length > 0,
      "tells nobody when it goes off",
      "alarmActions with the topic of its severity",
    );
    judge.must(
      () => (props.okActions ?? []).length > 0,
      "tells nobody when it is over",
      "okActions with the topic of its severity",
    );
  },
);

const topics = stackRule(
  {
    name: "severity-topics",
    section: "On-Call Procedures",
    basis: ALERT_SEVERITY,
    demands: "Each severity has a topic with a subscriber, and each alarm tells the topic of its own.",
  },
  ({ complete, of, judge }) => {
    const all = of(TOPIC);
    const subscriptions = of(SUBSCRIPTION);
    for (const level of SEVERITIES) {
      const own = () => all.filter(({ props }) => severityOf(props.tags) === level);
      judge.must(
        () => !complete || own().length > 0,
        `has no topic for ${level}`,
        `an aws.sns.Topic with the tag ${SEVERITY_TAG} = ${level}`,
        sentence(level),
      );
      for (const topic of known(own) ?? []) {
        topic.judge.must(
          () => subscriptions.some((subscription) => subscription.refersTo("topic", topic)),
          "has no subscriber",
          "at least one aws.sns.TopicSubscription",
          sentence(level),
        );
      }
      for (const alarm of of(ALARM).filter(({ props }) => known(() => severityOf(props.tags)) === level)) {
        alarm.judge.must(
          () =>
            // A delayed twin tells its step instead, see the policies on the chain.
            alarm.props.tags?.[STEP_TAG] !== undefined ||
            own().some((topic) => alarm.refersTo("alarmActions", topic)) ||
            (alarm.props.alarmActions ?? []).length === 0,
          `is ${level} and does not tell that severity's topic`,
          `alarmActions with the topic tagged ${level}`,
          sentence(level),
        );
      }
    }
  },
);

export const ON_CALL: readonly Rule[] = [severity, actions, topics];
