/** `aws:cloudwatch`: alarms on metrics and dashboards. */

import type {
  CloudWatch,
  ComparisonOperator,
  Dimension,
  MetricAlarm,
  MetricDataQuery,
  PutMetricAlarmInput,
  StandardUnit,
  Statistic,
} from "@aws-sdk/client-cloudwatch";
import type { DashboardArgs, DashboardState } from "@pulumi/aws/cloudwatch/dashboard";
import type { MetricAlarmArgs, MetricAlarmState } from "@pulumi/aws/cloudwatch/metricAlarm";
import { type ResourceHandler, UNKNOWN } from "../lib/types";
import { type Aws, isGone } from "./clients";
import {
  oneOf,
  type Resolved,
  resource,
  type Session,
  type Tags,
  tagChanges,
  tagList,
  tagsFromList,
} from "./resource";

type Actions = {
  alarmActions?: string[];
  insufficientDataActions?: string[];
  okActions?: string[];
};
type AlarmInputs = Resolved<MetricAlarmArgs, Actions & { tagsAll?: Tags }>;
type AlarmOutputs = Resolved<MetricAlarmState, Actions>;
type Query = NonNullable<AlarmInputs["metricQueries"]>[number];

const COMPARISONS = [
  "GreaterThanOrEqualToThreshold",
  "GreaterThanThreshold",
  "LessThanThreshold",
  "LessThanOrEqualToThreshold",
  "LessThanLowerOrGreaterThanUpperThreshold",
  "LessThanLowerThreshold",
  "GreaterThanUpperThreshold",
];
const STATISTICS = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
const MISSING_DATA = ["breaching", "notBreaching", "ignore", "missing"];

const metricAlarm = (session: Session) =>
  resource<AlarmInputs, AlarmOutputs>(session, {
    token: "aws:cloudwatch/metricAlarm:MetricAlarm",
    noun: "CloudWatch alarm",
    args: [
      "actionsEnabled",
      "alarmActions",
      "alarmDescription",
      "comparisonOperator",
      "datapointsToAlarm",
      "dimensions",
      "evaluateLowSampleCountPercentiles",
      "evaluationPeriods",
      "extendedStatistic",
      "insufficientDataActions",
      "metricName",
      "metricQueries",
      "name",
      "namespace",
      "okActions",
      "period",
      "region",
      "statistic",
      "tags",
      "threshold",
      "thresholdMetricId",
      "treatMissingData",
      "unit",
    ],
    required: ["comparisonOperator", "evaluationPeriods"],
    optional: ["evaluateLowSampleCountPercentiles"],
    defaults: { actionsEnabled: true, treatMissingData: "missing" },
    outputs: ["arn"],
    replaceOn: ["name"],
    sets: ["alarmActions", "insufficientDataActions", "metricQueries", "okActions"],
    autoName: "name",
    tagged: true,
    check: checkAlarm,
    async create(aws, inputs) {
      const cloudwatch = aws.cloudwatch(inputs.region);
      await cloudwatch.putMetricAlarm({ ...toApi(inputs), Tags: tagList(inputs.tagsAll) });
      return { id: String(inputs.name) };
    },
    async finish(aws, id, inputs) {
      const cloudwatch = aws.cloudwatch(inputs.region);
      const ResourceARN = (await find(cloudwatch, id))?.AlarmArn;
      // Not every implementation takes tags together with an alarm.
      const { Tags } = await cloudwatch.listTagsForResource({ ResourceARN });
      const { put } = tagChanges(tagsFromList(Tags), inputs.tagsAll);
      if (put.length > 0) await cloudwatch.tagResource({ ResourceARN, Tags: put });
    },
    async read(aws, id, known) {
      const cloudwatch = aws.cloudwatch(known.region);
      const alarm = await find(cloudwatch, id);
      if (alarm === undefined) return undefined;
      const { Tags } = await cloudwatch.listTagsForResource({ ResourceARN: alarm.AlarmArn });
      return { ...fromApi(alarm), tagsAll: tagsFromList(Tags) };
    },
    async update(aws, _id, old, news) {
      const cloudwatch = aws.cloudwatch(news.region);
      await cloudwatch.putMetricAlarm(toApi(news));
      const { remove, put } = tagChanges(old.tagsAll, news.tagsAll);
      if (remove.length > 0) await cloudwatch.untagResource({ ResourceARN: old.arn, TagKeys: remove });
      if (put.length > 0) await cloudwatch.tagResource({ ResourceARN: old.arn, Tags: put });
    },
    async delete(aws, id, state) {
      try {
        await aws.cloudwatch(state.region).deleteAlarms({ AlarmNames: [id] });
      } catch (error) {
        if (!isGone(error, "ResourceNotFound", "ResourceNotFoundException")) throw error;
      }
    },
  });

function checkAlarm(
  inputs: Partial<AlarmInputs>,
  fail: (property: keyof AlarmInputs & string, reason: string) => void,
) {
  oneOf(fail, "comparisonOperator", inputs.comparisonOperator, COMPARISONS);
  oneOf(fail, "statistic", inputs.statistic, STATISTICS);
  oneOf(fail, "treatMissingData", inputs.treatMissingData, MISSING_DATA);
  oneOf(fail, "evaluateLowSampleCountPercentiles", inputs.evaluateLowSampleCountPercentiles, [
    "evaluate",
    "ignore",
  ]);
  if (isSet(inputs.metricName) && isSet(inputs.statistic) === isSet(inputs.extendedStatistic)) {
    fail("statistic", "or extendedStatistic must be set, one of them");
  }
  if (isSet(inputs.threshold) && isSet(inputs.thresholdMetricId))
    fail("threshold", "and thresholdMetricId exclude each other");
  if (!Array.isArray(inputs.metricQueries) || inputs.metricQueries.length === 0) return;
  const alone = [
    "dimensions",
    "extendedStatistic",
    "metricName",
    "namespace",
    "period",
    "statistic",
  ] as const;
  for (const key of alone) if (isSet(inputs[key])) fail(key, "cannot be set beside metricQueries");
  for (const query of inputs.metricQueries) {
    if (query.expression && query.metric)
      fail("metricQueries", `of "${query.id}" have an expression and a metric; set one`);
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== UNKNOWN && value !== "";
}

async function find(cloudwatch: CloudWatch, name: string): Promise<MetricAlarm | undefined> {
  const { MetricAlarms } = await cloudwatch.describeAlarms({
    AlarmNames: [name],
    AlarmTypes: ["MetricAlarm"],
  });
  return MetricAlarms?.[0];
}

function toApi(inputs: AlarmInputs): PutMetricAlarmInput {
  return {
    ActionsEnabled: inputs.actionsEnabled,
    AlarmActions: inputs.alarmActions ?? [],
    AlarmDescription: inputs.alarmDescription,
    AlarmName: inputs.name,
    ComparisonOperator: inputs.comparisonOperator as ComparisonOperator,
    DatapointsToAlarm: inputs.datapointsToAlarm,
    Dimensions: inputs.dimensions && dimensionList(inputs.dimensions),
    EvaluateLowSampleCountPercentile: inputs.evaluateLowSampleCountPercentiles,
    EvaluationPeriods: inputs.evaluationPeriods,
    ExtendedStatistic: inputs.extendedStatistic,
    InsufficientDataActions: inputs.insufficientDataActions ?? [],
    MetricName: inputs.metricName,
    Metrics: inputs.metricQueries?.map(queryToApi),
    Namespace: inputs.namespace,
    OKActions: inputs.okActions ?? [],
    Period: inputs.period,
    Statistic: inputs.statistic as Statistic | undefined,
    // CloudWatch wants one of the two; without either, the threshold is zero.
    Threshold: inputs.thresholdMetricId === undefined ? (inputs.threshold ?? 0) : undefined,
    ThresholdMetricId: inputs.thresholdMetricId,
    TreatMissingData: inputs.treatMissingData,
    Unit: inputs.unit as StandardUnit | undefined,
  };
}

function queryToApi(query: Query): MetricDataQuery {
  const { metric } = query;
  return {
    AccountId: query.accountId,
    Expression: query.expression,
    Id: query.id,
    Label: query.label,
    Period: query.period,
    ReturnData: query.returnData ?? false,
    MetricStat: metric && {
      Metric: {
        Dimensions: metric.dimensions && dimensionList(metric.dimensions),
        MetricName: metric.metricName,
        Namespace: metric.namespace,
      },
      Period: metric.period,
      Stat: metric.stat,
      Unit: metric.unit as StandardUnit | undefined,
    },
  };
}

function dimensionList(dimensions: Record<string, string>): Dimension[] {
  return Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
}

function dimensionBag(list: readonly Dimension[] | undefined): Record<string, string> | undefined {
  if (list === undefined || list.length === 0) return undefined;
  return Object.fromEntries(list.map(({ Name, Value }) => [Name ?? "", Value ?? ""]));
}

function fromApi(alarm: MetricAlarm): Partial<AlarmOutputs> {
  return {
    actionsEnabled: alarm.ActionsEnabled,
    alarmActions: alarm.AlarmActions ?? [],
    alarmDescription: alarm.AlarmDescription,
    arn: alarm.AlarmArn,
    comparisonOperator: alarm.ComparisonOperator,
    datapointsToAlarm: alarm.DatapointsToAlarm,
    dimensions: dimensionBag(alarm.Dimensions),
    evaluateLowSampleCountPercentiles: alarm.EvaluateLowSampleCountPercentile,
    evaluationPeriods: alarm.EvaluationPeriods,
    extendedStatistic: alarm.ExtendedStatistic,
    insufficientDataActions: alarm.InsufficientDataActions ?? [],
    metricName: alarm.MetricName,
    metricQueries: alarm.Metrics?.map(queryFromApi),
    name: alarm.AlarmName,
    namespace: alarm.Namespace,
    okActions: alarm.OKActions ?? [],
    period: alarm.Period,
    statistic: alarm.Statistic,
    threshold: alarm.Threshold,
    thresholdMetricId: alarm.ThresholdMetricId,
    treatMissingData: alarm.TreatMissingData ?? "missing",
    unit: alarm.Unit,
  };
}

function queryFromApi(query: MetricDataQuery): Query {
  const stat = query.MetricStat;
  return {
    accountId: query.AccountId,
    expression: query.Expression,
    id: query.Id ?? "",
    label: query.Label,
    metric: stat && {
      dimensions: dimensionBag(stat.Metric?.Dimensions),
      metricName: stat.Metric?.MetricName ?? "",
      namespace: stat.Metric?.Namespace,
      period: stat.Period ?? 0,
      stat: stat.Stat ?? "",
      unit: stat.Unit,
    },
    period: query.Period,
    returnData: query.ReturnData ?? false,
  };
}

type DashboardInputs = Resolved<DashboardArgs>;
type DashboardOutputs = Resolved<DashboardState>;

const dashboard = (session: Session) =>
  resource<DashboardInputs, DashboardOutputs>(session, {
    token: "aws:cloudwatch/dashboard:Dashboard",
    noun: "CloudWatch dashboard",
    args: ["dashboardBody", "dashboardName", "region"],
    required: ["dashboardBody", "dashboardName"],
    outputs: ["dashboardArn"],
    json: { dashboardBody: "document" },
    replaceOn: ["dashboardName"],
    async create(aws, inputs) {
      await putDashboard(aws, inputs);
      return { id: inputs.dashboardName };
    },
    async read(aws, id, known) {
      try {
        const answer = await aws.cloudwatch(known.region).getDashboard({ DashboardName: id });
        return { dashboardArn: answer.DashboardArn, dashboardBody: answer.DashboardBody, dashboardName: id };
      } catch (error) {
        if (isGoneDashboard(error)) return undefined;
        throw error;
      }
    },
    async update(aws, _id, _old, news) {
      await putDashboard(aws, news);
    },
    async delete(aws, id, state) {
      try {
        await aws.cloudwatch(state.region).deleteDashboards({ DashboardNames: [id] });
      } catch (error) {
        if (!isGoneDashboard(error)) throw error;
      }
    },
  });

/** AWS has a code of its own for it; the emulator only says so in words. */
function isGoneDashboard(error: unknown): boolean {
  return (
    isGone(error, "ResourceNotFound", "DashboardNotFoundError") ||
    /does not exist/.test((error as Error).message)
  );
}

async function putDashboard(aws: Aws, inputs: DashboardInputs): Promise<void> {
  const { dashboardBody, dashboardName, region } = inputs;
  await aws.cloudwatch(region).putDashboard({ DashboardBody: dashboardBody, DashboardName: dashboardName });
}

// biome-ignore lint/suspicious/noExplicitAny: a plugin's handlers differ in their inputs and state, as in its type.
export const cloudwatchResources = (session: Session): ResourceHandler<Aws, any, any>[] => [
  metricAlarm(session),
  dashboard(session),
];
