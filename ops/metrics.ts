import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { BACKUP_METRICS } from "../metricNames";

/** One value of one metric. */
export interface Measure {
  readonly name: string;
  readonly value: number;
  readonly unit: "Seconds" | "Count";
}

/** What is known of backups at one moment. */
export interface BackupState {
  readonly now: Date;
  /** When the stack's first backup was due at the latest: before that there is nothing to be late with. */
  readonly since: Date;
  /** When each dump was taken whose copy in S3 was read back. */
  readonly verifiedDumps: readonly Date[];
  /** When the server last sent its log to S3; null when it never did. */
  readonly archivedAt: Date | null;
}

/**
 * How old the newest restorable point is, dump or log, and how old the newest dump (M42, M46).
 *
 * The log alone restores nothing: it counts from the first verified dump on.
 */
export function backupMeasures({ now, since, verifiedDumps, archivedAt }: BackupState): Measure[] {
  const newestDump = newest(verifiedDumps);
  const point = newestDump === undefined ? since : (newest([newestDump, archivedAt ?? newestDump]) ?? since);
  const age = (from: Date) => Math.max(0, (now.getTime() - from.getTime()) / 1000);
  return [
    { name: BACKUP_METRICS["backup-age"], value: age(point), unit: "Seconds" },
    { name: BACKUP_METRICS["dump-age"], value: age(newestDump ?? since), unit: "Seconds" },
  ];
}

/** How the last drill ended, and how long the last good one took (M14, M45); nothing before the first. */
export function drillMeasures(
  last: { readonly result: string; readonly startedAt: string; readonly endedAt: string } | null,
): Measure[] {
  if (last === null) {
    return [];
  }
  const failed = last.result === "ok" ? 0 : 1;
  const seconds = (Date.parse(last.endedAt) - Date.parse(last.startedAt)) / 1000;
  return [
    { name: BACKUP_METRICS["drill-failed"], value: failed, unit: "Count" },
    ...(failed === 0
      ? [{ name: BACKUP_METRICS["drill-duration"], value: seconds, unit: "Seconds" as const }]
      : []),
  ];
}

function newest(dates: readonly Date[]): Date | undefined {
  return dates.reduce<Date | undefined>(
    (best, date) => (best === undefined || date > best ? date : best),
    undefined,
  );
}

export interface PublisherOptions {
  readonly stack: string;
  readonly namespace: string;
  readonly region: string;
  /** Of an emulator; AWS's own when absent. */
  readonly endpoint?: string;
  readonly credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string }>;
  readonly collect: () => Promise<Measure[]>;
  readonly log: (line: string) => void;
}

const EVERY_MS = 60_000;

/** Sends what `collect` finds once a minute. A failure is logged once, until it ends; silence is what the alarm sees. */
export class MetricsPublisher {
  private timer: NodeJS.Timeout | undefined;
  private failing = false;

  constructor(private readonly options: PublisherOptions) {}

  start(): void {
    void this.publish();
    this.timer = setInterval(() => void this.publish(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async publish(): Promise<void> {
    const { stack, namespace, region, endpoint, credentials, collect, log } = this.options;
    try {
      const measures = await collect();
      if (measures.length > 0) {
        const client = new CloudWatch({ region, endpoint, credentials, maxAttempts: 2 });
        await client.putMetricData({
          Namespace: namespace,
          MetricData: measures.map(({ name, value, unit }) => ({
            MetricName: name,
            Value: value,
            Unit: unit,
            Dimensions: [{ Name: "Stack", Value: stack }],
          })),
        });
      }
      if (this.failing) {
        log("metrics are sent again");
      }
      this.failing = false;
    } catch (error) {
      if (!this.failing) {
        log(`metrics are not sent: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
      }
      this.failing = true;
    }
  }
}
