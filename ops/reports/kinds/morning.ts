import { MANUAL } from "../../../manual";
import { METRICS } from "../../../metricNames";
import { showWallClock } from "../../../wallClock";
import type { MakeParts, ReportContext } from "../context";
import type { Fact } from "../model";
import { overall } from "../sources/metrics";
import { above, amount, hourly, requestFacts } from "./common";

const { thresholds, backup } = MANUAL;
const NEWEST = 5;

/** The manual's morning checklist (M9): services, errors of the night, the five newest backups, resources. */
export const morning: MakeParts = (context) => [
  { title: "Services", make: () => services(context) },
  { title: "Open alarms", make: () => alarms(context) },
  {
    title: "Errors since yesterday",
    make: async () => ({
      facts: await requestFacts(context, thresholds["error-rate"].above),
    }),
  },
  { title: "Backups", make: () => backups(context) },
  { title: "Resources", make: () => resources(context) },
];

async function services({ checks }: ReportContext) {
  const facts: Fact[] = (await checks()).map(({ name, reason, milliseconds }) => ({
    label: name,
    value: reason === null ? "healthy" : `not healthy: ${reason}`,
    tone: reason === null ? "good" : "bad",
    ...(reason === null && { note: `answered in ${Math.round(milliseconds)} ms` }),
  }));
  return { facts };
}

async function alarms({ metrics, timeZone }: ReportContext) {
  const open = await metrics.openAlarms();
  return {
    facts: [
      {
        label: "Alarms that are on",
        value: amount(open.length, "count", "open-alarms"),
        tone: open.length > 0 ? ("bad" as const) : ("good" as const),
      },
    ],
    tables: [
      {
        columns: ["Alarm", "Since", "Reason"],
        rows: open.map(({ name, since, reason }) => [
          name,
          since === undefined ? "unknown" : showWallClock(timeZone, since),
          reason,
        ]),
        empty: "None.",
      },
    ],
  };
}

async function backups(context: ReportContext) {
  const all = await context.backups();
  const newest = all.find(({ verifiedAt }) => verifiedAt !== null);
  const age = newest === undefined ? null : (context.now.getTime() - Date.parse(newest.createdAt)) / 1000;
  const facts: Fact[] = [
    {
      label: "Newest verified dump",
      value: amount(age, "seconds"),
      tone: age === null || age > backup.dumpAgeHours * 3600 ? "bad" : "good",
      note: `objective: ${backup.recoveryPointObjectiveHours} h, one dump a day`,
    },
    { label: "Backups in the list", value: amount(all.length, "count", "backups") },
    {
      label: "Size of the newest",
      value: amount(newest?.bytes ?? null, "bytes", "backup-bytes"),
    },
  ];
  return {
    facts,
    tables: [
      {
        columns: ["Made", "Backup", "Size", "Verified"],
        rows: all
          .slice(0, NEWEST)
          .map(({ createdAt, id, label, bytes, verifiedAt, s3 }) => [
            showWallClock(context.timeZone, new Date(createdAt)),
            label === null ? id : `${id} (${label})`,
            amount(bytes, "bytes"),
            verifiedAt !== null ? "yes" : s3 ? "not read back yet" : "no copy in S3",
          ]),
        empty: "There is no backup.",
      },
    ],
  };
}

async function resources(context: ReportContext) {
  const rows: Fact[] = [];
  for (const key of ["cpu", "memory", "disk"] as const) {
    const points = await hourly(context, METRICS[key], "Maximum");
    const most = overall(points, "most");
    const last = points.at(-1)?.value ?? null;
    const { above: limit, title } = thresholds[key];
    rows.push({
      label: title,
      value: amount(most, "percent", key, above(most, limit)),
      note: `highest of the day; ${last === null ? "no value" : `${last.toFixed(0)} %`} in the last hour, the alarm is at ${limit} %`,
    });
  }
  const connections = overall(await hourly(context, METRICS.connections, "Maximum"), "most");
  const limit = thresholds["database-connections"].above;
  rows.push({
    label: thresholds["database-connections"].title,
    value: amount(connections, "count", "connections", above(connections, limit)),
    note: `highest of the day; the alarm is at ${limit}`,
  });
  const cpu = await context.metrics.series({
    name: METRICS.cpu,
    statistic: "Maximum",
    from: context.from,
    until: context.now,
    periodSeconds: 4 * 3600,
  });
  return {
    facts: rows,
    bars: [
      {
        title: "CPU, highest of four hours",
        unit: "percent" as const,
        items: cpu.map(({ at, value }) => ({
          label: showWallClock(context.timeZone, at).slice(-5),
          value,
        })),
      },
    ].filter(({ items }) => items.length > 0),
  };
}
