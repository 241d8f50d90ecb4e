import { KEY_METRICS, type KeyMetric, MANUAL } from "../manual";
import {
  ALARM,
  ALARM_TAG,
  OUTAGE_ALARM_NAMES,
  OUTAGE_ALARMS,
  sentence,
  watched,
  watchedMetric,
  watchedOutage,
} from "./lib/alarms";
import { type Basis, known, type Rule, resourceRule, stackRule } from "./lib/rule";
import { atMost } from "./lib/settings";

/** Half of the time in which somebody must respond to a critical alert is left to find out. */
const DETECTION_MINUTES = MANUAL.onCall.respondWithinMinutes.critical / 2;

const KEY_METRICS_TABLE: Basis = {
  row: "M22 to M27",
  says: KEY_METRICS.map((metric) => sentence(MANUAL.thresholds[metric]).says.replace(/:.*/, "")).join(", "),
};

const thresholds = resourceRule(
  {
    name: "alarm-thresholds",
    section: "Monitoring",
    basis: KEY_METRICS_TABLE,
    demands:
      "An alarm on a key metric goes off above the manual's threshold or below it, never above a higher value.",
    types: [ALARM],
    settings: {
      cpu: threshold("cpu"),
      memory: threshold("memory"),
      disk: threshold("disk"),
      "response-time": threshold("response-time"),
      "error-rate": threshold("error-rate"),
      "database-connections": threshold("database-connections"),
    },
  },
  ({ props }, judge, limits) => {
    for (const metric of KEY_METRICS) {
      const basis = sentence(MANUAL.thresholds[metric]);
      const { unit } = MANUAL.thresholds[metric];
      const watches = () => watchedMetric(props) === metric;
      judge.must(
        () => !watches() || (props.threshold !== undefined && props.threshold <= limits[metric]),
        () => `goes off above ${props.threshold ?? "nothing"}, which is looser than ${limits[metric]}`,
        `threshold ${limits[metric]} ${unit} or lower`,
        basis,
      );
      judge.must(
        () => !watches() || props.comparisonOperator === "GreaterThanThreshold",
        () => `compares by ${props.comparisonOperator}`,
        "comparisonOperator GreaterThanThreshold",
        basis,
      );
      judge.must(
        () => !watches() || props.unit === undefined || props.unit === unit,
        () => `counts in ${props.unit}, which makes the threshold another one`,
        `unit ${unit}, or none`,
        basis,
      );
    }
  },
);

function threshold(metric: KeyMetric) {
  const { above, unit, title } = MANUAL.thresholds[metric];
  return atMost(above, `${title} above which the alarm goes off, ${unit}.`);
}

const detection = resourceRule(
  {
    name: "alarm-detection",
    section: "Monitoring",
    basis: KEY_METRICS_TABLE,
    demands:
      "An alarm on a key metric, on the service or on backups looks at the average, the maximum or a high percentile, and goes off in time.",
    types: [ALARM],
    settings: {
      detectWithinMinutes: atMost(DETECTION_MINUTES, "Longest time above the threshold before the alarm."),
    },
  },
  ({ props }, judge, { detectWithinMinutes }) => {
    const basis =
      known(() => watchedMetric(props)) === undefined
        ? (known(() => watched(props)?.basis) ?? KEY_METRICS_TABLE)
        : KEY_METRICS_TABLE;
    judge.must(
      () =>
        watched(props) === undefined ||
        props.statistic === "Average" ||
        // A flag: its least value is up where every node sees it so.
        (props.statistic === "Minimum" && watchedOutage(props) === "service-down") ||
        props.statistic === "Maximum" ||
        (props.statistic === undefined && /^p(9\d(\.\d+)?|100)$/.test(props.extendedStatistic ?? "")),
      () => `looks at ${props.statistic ?? props.extendedStatistic ?? "no statistic"}, which hides peaks`,
      "statistic Average or Maximum, or an extendedStatistic of p90 or higher",
      basis,
    );
    judge.must(
      () =>
        watched(props) === undefined || ((props.metricName ?? "") !== "" && (props.namespace ?? "") !== ""),
      "watches no metric",
      "a plain metric by namespace and metricName",
      basis,
    );
    const minutes = () => ((props.period ?? Number.NaN) * (props.evaluationPeriods ?? Number.NaN)) / 60;
    judge.must(
      () => watched(props) === undefined || minutes() <= detectWithinMinutes,
      () => `needs ${minutes()} minutes above its threshold to go off`,
      `period and evaluationPeriods that come to ${detectWithinMinutes} minutes or less`,
      basis,
    );
    judge.must(
      () =>
        props.datapointsToAlarm === undefined || props.datapointsToAlarm <= (props.evaluationPeriods ?? 0),
      () => `needs ${props.datapointsToAlarm} of ${props.evaluationPeriods} periods, which never happens`,
      "datapointsToAlarm of evaluationPeriods or less",
      basis,
    );
    judge.must(
      () =>
        watched(props) === undefined ||
        ["breaching", "notBreaching", "ignore", "missing"].includes(props.treatMissingData ?? ""),
      "does not say what missing data means",
      "treatMissingData breaching, notBreaching, ignore or missing, written out",
      basis,
    );
  },
);

const present = stackRule(
  {
    name: "alarms-present",
    section: "Monitoring",
    basis: KEY_METRICS_TABLE,
    demands: "Each of the six key metrics has an alarm.",
  },
  ({ complete, of, judge }) => {
    const alarms = of(ALARM);
    for (const metric of KEY_METRICS) {
      judge.must(
        () => !complete || alarms.some(({ props }) => watchedMetric(props) === metric),
        `has no alarm for ${metric}`,
        `an aws.cloudwatch.MetricAlarm with the tag ${ALARM_TAG} = ${metric}`,
        sentence(MANUAL.thresholds[metric]),
      );
    }
  },
);

const outages = stackRule(
  {
    name: "outage-alarms",
    section: "Monitoring",
    basis: OUTAGE_ALARMS["service-down"].basis,
    demands:
      "There is an alarm on a service that is down, on metrics that stop, and on processes that are killed for want of memory, each at the first sign.",
  },
  ({ complete, of, judge }) => {
    const alarms = of(ALARM);
    for (const name of OUTAGE_ALARM_NAMES) {
      const { basis, above, silence } = OUTAGE_ALARMS[name];
      const meanings: readonly string[] = silence;
      judge.must(
        () => !complete || alarms.some(({ props }) => watchedOutage(props) === name),
        `has no alarm for ${name}`,
        `an aws.cloudwatch.MetricAlarm with the tag ${ALARM_TAG} = ${name}`,
        basis,
      );
      for (const { props, judge: own } of alarms) {
        const watches = () => watchedOutage(props) === name;
        own.must(
          () => !watches() || (props.threshold !== undefined && props.threshold <= above),
          () => `goes off above ${props.threshold ?? "nothing"}, which is looser than ${above}`,
          `threshold ${above} or lower`,
          basis,
        );
        own.must(
          () => !watches() || props.comparisonOperator === "GreaterThanThreshold",
          () => `compares by ${props.comparisonOperator}`,
          "comparisonOperator GreaterThanThreshold",
          basis,
        );
        own.must(
          () => !watches() || meanings.includes(props.treatMissingData ?? "missing"),
          () => `counts silence as ${props.treatMissingData ?? "missing"}`,
          `treatMissingData ${meanings.join(", ")}`,
          basis,
        );
      }
    }
  },
);

const source = stackRule(
  {
    name: "alarm-source",
    section: "Monitoring",
    basis: KEY_METRICS_TABLE,
    demands: "An alarm of the manual's watches what this stack sends, not what another one does.",
  },
  ({ name, of }) => {
    for (const { props, judge } of of(ALARM)) {
      judge.must(
        () => watched(props) === undefined || props.dimensions?.Stack === name,
        () => `watches the metrics of ${props.dimensions?.Stack ?? "every stack"}`,
        `dimensions.Stack ${name}`,
        known(() => watched(props)?.basis),
      );
    }
  },
);

export const MONITORING: readonly Rule[] = [thresholds, detection, source, present, outages];
