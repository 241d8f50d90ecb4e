import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import {
  ALARM_TAGS,
  type AlarmDefinition,
  type AlarmName,
  type AlarmSettings,
  alarmDefinitions,
  alarmName,
  type Escalation,
  escalationName,
  escalationsOf,
  runbookOf,
} from "../../alarmCatalogue";
import { type EscalationStep, KEY_METRICS, type Severity } from "../../manual";
import { METRIC_NAMESPACE } from "../../metricNames";

export interface AlarmsArgs extends AlarmSettings {
  /** Topics of the severities, which alarms tell. */
  topicArns: Record<Severity, pulumi.Input<string>>;
  /** Topics of the chain's steps, which delayed twins tell. */
  stepArns: Record<EscalationStep, pulumi.Input<string>>;
  /** What has seen that the stack serves and that metrics arrive: one that only comes into being is neither down nor silent. */
  measured?: pulumi.Resource;
}

/**
 * What `ack`, `down` and `up` change from outside of the program: whether an alarm tells anybody, and the note that it was
 * acknowledged. `tagsAll` follows from the tags and is no input of the program: of an element of it the engine says in every preview
 * that it cannot be ignored.
 */
const CHANGED_OUTSIDE = ["actionsEnabled", `tags["${ALARM_TAGS.acknowledged}"]`, "tagsAll"];

const WHO: Readonly<Record<EscalationStep, string>> = {
  "engineering-manager": "engineering manager",
  cto: "CTO",
  ceo: "CEO",
};

/**
 * Every alarm of the catalogue, each on the topic of its severity (M22 to M27, M60), and behind each the chain: a twin for each
 * step, which goes off when the alarm has been on for the time in which somebody had to respond (M59, M61).
 */
export class Alarms extends pulumi.ComponentResource {
  /** Names of the alarms in AWS, by their name in the catalogue. */
  readonly names: Partial<Record<AlarmName, pulumi.Output<string>>>;
  /** ARNs of the same ones, in the catalogue's order. */
  readonly arns: pulumi.Output<string>[];
  /** Names in AWS of each alarm and of its twins, by the alarm's name in the catalogue. */
  readonly chains: Partial<Record<AlarmName, pulumi.Output<string>[]>>;

  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:monitoring:Alarms", name, {}, opts);

    const definitions = alarmDefinitions(args);
    const alarms = definitions.map((alarm) => [alarm.name, this.createAlarm(name, alarm, args)] as const);
    this.names = Object.fromEntries(alarms.map(([key, alarm]) => [key, alarm.name]));
    this.arns = alarms.map(([, { arn }]) => arn);
    this.chains = Object.fromEntries(
      definitions.map((alarm, index) => [
        alarm.name,
        [
          ...alarms.slice(index, index + 1).map(([, made]) => made.name),
          ...escalationsOf(alarm, args.alarms).map((twin) => this.createTwin(name, twin, args).name),
        ],
      ]),
    );
    this.registerOutputs({ names: this.names, arns: this.arns });
  }

  private optionsOf({ measured }: AlarmsArgs): pulumi.CustomResourceOptions {
    return {
      parent: this,
      ignoreChanges: CHANGED_OUTSIDE,
      ...(measured !== undefined && { dependsOn: [measured] }),
    };
  }

  private createAlarm(name: string, alarm: AlarmDefinition, args: AlarmsArgs): aws.cloudwatch.MetricAlarm {
    const topic = args.topicArns[alarm.severity];
    return new aws.cloudwatch.MetricAlarm(
      `${name}-${alarm.name}`,
      {
        name: alarmName(args.stack, alarm.name),
        alarmDescription: `${alarm.text} ${runbookOf(alarm.name, args.alarms.runbookBaseUrl)}`,
        ...ruleOf(args.stack, alarm, alarm.periods),
        alarmActions: [topic],
        okActions: [topic],
        tags: { [ALARM_TAGS.alarm]: alarm.name, [ALARM_TAGS.severity]: alarm.severity },
      },
      { ...this.optionsOf(args), aliases: formerUrns(alarm.name) },
    );
  }

  private createTwin(
    name: string,
    { alarm, step, delaySeconds, periods }: Escalation,
    args: AlarmsArgs,
  ): aws.cloudwatch.MetricAlarm {
    const topic = args.stepArns[step];
    return new aws.cloudwatch.MetricAlarm(
      `${name}-${alarm.name}-${step}`,
      {
        name: escalationName(args.stack, alarm.name, step),
        alarmDescription: `For the ${WHO[step]}: nobody has responded for ${duration(delaySeconds)} (M59). ${alarm.text} ${runbookOf(alarm.name, args.alarms.runbookBaseUrl)}`,
        ...ruleOf(args.stack, alarm, periods),
        alarmActions: [topic],
        okActions: [topic],
        tags: {
          [ALARM_TAGS.escalates]: alarm.name,
          [ALARM_TAGS.step]: step,
          [ALARM_TAGS.severity]: alarm.severity,
        },
      },
      this.optionsOf(args),
    );
  }
}

/** What an alarm and its twins have in common; they differ in how long it must last. */
function ruleOf(stack: string, alarm: AlarmDefinition, periods: number) {
  return {
    namespace: METRIC_NAMESPACE,
    metricName: alarm.metric,
    dimensions: { Stack: stack },
    statistic: alarm.statistic,
    comparisonOperator: alarm.comparison,
    threshold: alarm.threshold,
    period: alarm.periodSeconds,
    evaluationPeriods: periods,
    datapointsToAlarm: periods,
    treatMissingData: alarm.missingData,
    actionsEnabled: true,
  } satisfies Partial<aws.cloudwatch.MetricAlarmArgs>;
}

/** As `30 min`, `4 h` or `30 s`. */
function duration(seconds: number): string {
  const [size, unit] =
    seconds % 3600 === 0 ? [3600, "h"] : seconds % 60 === 0 ? [60, "min"] : ([1, "s"] as const);
  return `${seconds / size} ${unit}`;
}

/** Where an alarm stood before there was one component for all of them. */
function formerUrns(alarm: AlarmName): string[] {
  const keyMetrics: readonly string[] = KEY_METRICS;
  const [component, name] = keyMetrics.includes(alarm)
    ? ["fitnesscrm:monitoring:ThresholdAlarms", "thresholds"]
    : ["fitnesscrm:backup:Alarms", "backups"];
  const type = `${component}$aws:cloudwatch/metricAlarm:MetricAlarm`;
  return [`urn:pulumi:${pulumi.getStack()}::${pulumi.getProject()}::${type}::${name}-${alarm}`];
}
