/** What stands on the dashboard, in the form that CloudWatch takes. Pure, and the same each time. */
import { type AlarmDefinition, type AlarmSettings, alarmDefinitions, UNITS } from "../../alarmCatalogue";
import { KEY_METRICS, MANUAL } from "../../manual";
import { METRIC_NAMESPACE, REPORT_METRICS } from "../../metricNames";

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Widget extends Place {
  readonly type: "text" | "alarm" | "metric";
  readonly properties: Readonly<Record<string, unknown>>;
}

/** CloudWatch's grid is 24 columns wide. */
const COLUMNS = 3;
const SIZE = { width: 8, height: 6 } as const;
const TOP = { table: { x: 0, y: 0, width: 12, height: 8 }, states: { x: 12, y: 0, width: 12, height: 8 } };

/** Graphs of what no alarm watches: name, metrics, statistic. Never the sum, since the agent sends again what it got no answer for. */
const REPORTS = [
  ["Requests and errors in a period", [REPORT_METRICS.requests, REPORT_METRICS.errors], "Maximum"],
  [
    "Response time, median and 99th percentile",
    [REPORT_METRICS.responseMedian, REPORT_METRICS.responseP99],
    "Average",
  ],
  ["Answered from memory, percent", [REPORT_METRICS.databaseHits, REPORT_METRICS.redisHits], "Average"],
] as const;

export function dashboardBody(
  args: AlarmSettings & { readonly region: string; readonly alarmArns: readonly string[] },
): { widgets: Widget[] } {
  const { stack, region } = args;
  const graphs = [
    ...alarmDefinitions(args).map((alarm) => alarmGraph(alarm, stack, region)),
    ...REPORTS.map(([title, metrics, stat]) => ({
      title,
      region,
      view: "timeSeries",
      stat,
      period: args.alarms.periodSeconds,
      metrics: metrics.map((metric) => [METRIC_NAMESPACE, metric, "Stack", stack]),
      yAxis: { left: { min: 0 } },
    })),
  ];
  return {
    widgets: [
      { type: "text", ...TOP.table, properties: { markdown: keyMetricsTable(args) } },
      { type: "alarm", ...TOP.states, properties: { title: "Alarms", alarms: args.alarmArns } },
      ...graphs.map(
        (properties, index): Widget => ({
          type: "metric",
          x: (index % COLUMNS) * SIZE.width,
          y: TOP.table.height + Math.floor(index / COLUMNS) * SIZE.height,
          ...SIZE,
          properties,
        }),
      ),
    ],
  };
}

/** The manual's "Key Metrics" table, with the thresholds of this stack. */
function keyMetricsTable({ stack, alarms }: AlarmSettings): string {
  const rows = KEY_METRICS.map((metric) => {
    const { title, unit, action, severity, row } = MANUAL.thresholds[metric];
    return `${title} | above ${alarms.thresholds[metric]}${UNITS[unit]} | ${severity} | ${action} | ${row}`;
  });
  return [
    `# FitnessCRM, stack ${stack}`,
    "",
    "Metric | Alarm | Severity | Action | Row",
    "--- | --- | --- | --- | ---",
    ...rows,
  ].join("\n");
}

function alarmGraph(alarm: AlarmDefinition, stack: string, region: string): Widget["properties"] {
  return {
    title: `${alarm.severity} ${alarm.name}`,
    region,
    view: "timeSeries",
    stat: alarm.statistic,
    period: alarm.periodSeconds,
    metrics: [[METRIC_NAMESPACE, alarm.metric, "Stack", stack]],
    annotations: {
      horizontal: [
        {
          label: alarm.name,
          value: alarm.threshold,
          fill: alarm.comparison === "GreaterThanThreshold" ? "above" : "below",
        },
      ],
    },
    yAxis: { left: { min: 0 } },
  };
}
