import { daysMuted, type MuteSettings } from "../maintenanceMutes";
import { BACKUP_METRICS, LOGIN_METRICS, MUTE_METRIC, ROTA_METRIC, WINDOW_METRIC } from "../metricNames";
import { daysDeclared, type RotaSettings } from "../rota";
import { cloudWatch } from "./cloudWatch";
import type { FailedLogins } from "./security/failedLogins";
import type { WindowJournal } from "./window/journal";

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

/** For how many days shifts are declared to AWS (M57). Nothing for one engineer, who needs no rota. */
export function rotaMeasures(now: Date, settings: RotaSettings): Measure[] {
  return settings.contacts.onCall.length < 2
    ? []
    : [{ name: ROTA_METRIC, value: daysDeclared(now, settings), unit: "Count" }];
}

/** For how many days AWS knows the windows in which it keeps alarms quiet (M37). */
export function muteMeasures(now: Date, settings: MuteSettings): Measure[] {
  return [{ name: MUTE_METRIC, value: daysMuted(now, settings), unit: "Count" }];
}

/** Failed logins (M48, M49). Nothing while they cannot be counted: a 0 would say that nobody tries. */
export function loginMeasures(failed: FailedLogins | null): Measure[] {
  return failed === null
    ? []
    : [
        { name: LOGIN_METRICS.failed, value: failed.total, unit: "Count" },
        { name: LOGIN_METRICS.worstAccount, value: failed.worstAccount, unit: "Count" },
        { name: LOGIN_METRICS.worstAddress, value: failed.worstAddress, unit: "Count" },
      ];
}

/** Whether the last window did all that it is for, in its time (M39 to M41); nothing before the first. */
export function windowMeasures(now: Date, last: WindowJournal | null): Measure[] {
  if (last === null || last.state === "announced") {
    return [];
  }
  const isOver = last.state === "running" && now > new Date(last.window.to);
  const isGood =
    ["running", "done"].includes(last.state) && last.steps.every(({ result }) => result !== "failed");
  return [{ name: WINDOW_METRIC, value: isGood && !isOver ? 0 : 1, unit: "Count" }];
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
    const { stack, namespace, collect, log } = this.options;
    try {
      const measures = await collect();
      if (measures.length > 0) {
        const client = cloudWatch(this.options);
        try {
          await client.putMetricData({
            Namespace: namespace,
            MetricData: measures.map(({ name, value, unit }) => ({
              MetricName: name,
              Value: value,
              Unit: unit,
              Dimensions: [{ Name: "Stack", Value: stack }],
            })),
          });
        } finally {
          client.destroy();
        }
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
