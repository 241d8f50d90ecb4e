import type { BackupEntry } from "../backup/list";
import type { DeploymentRecord } from "../deployments/record";
import type { SentryIssue } from "./outside/sentry";
import type { Part } from "./parts";
import type { ReportSettings } from "./settings";
import type { ErrorGroup } from "./sources/edgeLog";
import type { Metrics } from "./sources/metrics";
import type { Ask } from "./sources/postgres";
import type { CacheFacts } from "./sources/redis";
import type { Remembered } from "./store";
import type { TicketOutcome } from "./tickets/file";

/** What one look at a service found. */
export interface Checked {
  readonly name: string;
  /** Null when it is well, else why not. */
  readonly reason: string | null;
  readonly milliseconds: number;
}

/** Where recurring errors are filed. */
export interface Tickets {
  readonly repository: string;
  /** Files them; undefined for a report that is only looked at. */
  readonly file?: (errors: readonly ErrorGroup[], until: Date, signal: AbortSignal) => Promise<TicketOutcome>;
}

/** Everything that a report's parts may ask. Each question goes out when it is asked, and may fail. */
export interface ReportContext {
  readonly stack: string;
  readonly now: Date;
  /** Beginning of what the report covers. */
  readonly from: Date;
  readonly timeZone: string;
  /** The report of the kind before this one. */
  readonly before: Remembered | undefined;
  /** Statements above this are slow, milliseconds. */
  readonly slowMilliseconds: number;
  /** How often the agent sends, seconds. */
  readonly agentSeconds: number;
  readonly secretAges: ReportSettings["secretAges"];
  /** Statistics, no data. */
  readonly monitoring: Ask;
  /** Reads every table. */
  readonly data: Ask;
  /** VACUUM and ANALYZE, no data. */
  readonly maintenance: Ask;
  readonly metrics: Metrics;
  checks(): Promise<Checked[]>;
  backups(): Promise<BackupEntry[]>;
  cache(): Promise<CacheFacts>;
  edgeErrors(from: Date): Promise<{ groups: ErrorGroup[]; oldest: string | undefined }>;
  /** Undefined where none are filed. */
  readonly tickets?: Tickets;
  /** Unresolved issues of the last days; undefined where nobody uses Sentry. */
  readonly sentry?: (days: number, signal: AbortSignal) => Promise<SentryIssue[]>;
  /** Records of deployments that ended since a time, newest first. */
  deployments(from: Date): Promise<DeploymentRecord[]>;
  /** Keeps a list for the next report of the kind, sorted. */
  remember(name: string, list: readonly string[]): void;
}

export type MakeParts = (context: ReportContext) => Part[];

const HOUR_MS = 3_600_000;

export function hoursBefore(now: Date, hours: number): Date {
  return new Date(now.getTime() - hours * HOUR_MS);
}
