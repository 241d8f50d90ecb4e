import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { listBackups } from "../backup/backup";
import type { BucketPlace } from "../backup/kept";
import type { BackupSettings } from "../backup/settings";
import { databaseCheck, httpCheck, redisCheck, secret } from "../checks";
import { getDeployment, listDeployments } from "../deployments/store";
import { type Check, reasonOf } from "../health";
import { openMailer } from "../mail/mailer";
import type { TaskWork } from "../tasks/runner";
import { type Asked, deliverReport, type MadeReport, makeReport } from "./make";
import type { ReportKind } from "./model";
import { readToken } from "./outside/ask";
import { sentryIssues } from "./outside/sentry";
import { type ReportSettings, readReportSettings } from "./settings";
import { edgeErrors } from "./sources/edgeLog";
import { cloudWatchMetrics } from "./sources/metrics";
import { askAs } from "./sources/postgres";
import { cacheFacts, RedisConnection } from "./sources/redis";
import { keepReport, lastReport } from "./store";
import { fileTickets } from "./tickets/file";
import { gitHubIssues } from "./tickets/github";

const TIMEOUT_MS = 5_000;
const STATEMENT_MS = 60_000;
/** A vacuum reads every table. */
const VACUUM_MS = 3 * 3_600_000;

/** What the container of ops has for reports. */
export interface ReportPlaces {
  /** Folder of the configuration's files. */
  readonly files: string;
  readonly secrets: string;
  /** Folder of the edge's log. */
  readonly edgeLog: string;
  /** The backend's health check. */
  readonly backendUrl: string;
}

export function reportPlaces(environment: NodeJS.ProcessEnv = process.env): ReportPlaces {
  return {
    files: environment.OPS_FILES ?? "/fitnesscrm",
    secrets: environment.OPS_SECRETS_DIR ?? "/run/secrets",
    edgeLog: environment.OPS_EDGE_LOG ?? "/var/log/edge",
    backendUrl: environment.OPS_BACKEND_URL ?? "http://backend:5000/api/health",
  };
}

/** The work of the task that makes, sends and keeps a report. */
export function reportTask(kind: ReportKind, settings: BackupSettings, places: ReportPlaces): TaskWork {
  return async ({ signal, log }) => {
    const { recipients, ...settled } = await readReportSettings(join(places.files, "reports.json"));
    const mailer = await openMailer(settings, places);
    const place: BucketPlace = { settings, secrets: places.secrets, options: { signal } };
    return deliverReport(
      kind,
      askedOf(settings, places, settled, { signal, files: true }),
      recipients[kind],
      {
        last: () => lastReport(place, kind),
        send: (mail) => mailer.send(mail, signal),
        keep: ({ html, remembered }) => keepReport(place, kind, html, remembered),
      },
      { signal, log },
    );
  };
}

/** A report made now, to be looked at: nothing is sent, and nothing kept. */
export async function showReport(
  kind: ReportKind,
  settings: BackupSettings,
  places: ReportPlaces,
  { signal, log }: { signal: AbortSignal; log(line: string): void },
): Promise<MadeReport> {
  const { recipients: _, ...settled } = await readReportSettings(join(places.files, "reports.json"));
  const before = await lastReport({ settings, secrets: places.secrets, options: { signal } }, kind).catch(
    (error: unknown) => {
      log(`nothing to compare with: ${reasonOf(error)}`);
      return undefined;
    },
  );
  return makeReport(kind, askedOf(settings, places, settled, { signal, files: false }), before, signal);
}

function askedOf(
  settings: BackupSettings,
  { secrets, edgeLog, backendUrl }: ReportPlaces,
  { slowMilliseconds, agentSeconds, secretAges, ...outside }: Omit<ReportSettings, "recipients">,
  { signal, files }: { signal: AbortSignal; files: boolean },
): Asked {
  const { stack, timeZone, region, endpoint, metricNamespace } = settings;
  const place = { settings, secrets, options: { signal } };
  const checks: Record<string, Check> = {
    database: databaseCheck(`${secrets}/ops_database_url`, TIMEOUT_MS),
    cache: redisCheck(`${secrets}/redis_url`, TIMEOUT_MS),
    backend: httpCheck(backendUrl, TIMEOUT_MS),
  };
  return {
    stack,
    timeZone,
    slowMilliseconds,
    agentSeconds,
    secretAges,
    monitoring: askAs(`${secrets}/ops_database_url`, STATEMENT_MS, signal),
    data: askAs(`${secrets}/backup_database_url`, STATEMENT_MS, signal),
    maintenance: askAs(`${secrets}/maintenance_database_url`, VACUUM_MS, signal),
    metrics: cloudWatchMetrics({
      stack,
      namespace: metricNamespace,
      region,
      ...(endpoint !== undefined && { endpoint }),
      credentials: async () => JSON.parse(await readFile(join(secrets, "metrics_reader"), "utf8")),
      signal,
    }),
    async checks() {
      return Promise.all(
        Object.entries(checks).map(async ([name, check]) => {
          const began = performance.now();
          const reason = await check().then(
            () => null,
            (error: unknown) => reasonOf(error),
          );
          return { name, reason, milliseconds: performance.now() - began };
        }),
      );
    },
    backups: () => listBackups(settings),
    async cache() {
      const connection = await RedisConnection.open(await secret(`${secrets}/redis_url`), TIMEOUT_MS);
      try {
        return await cacheFacts(connection);
      } finally {
        connection.close();
      }
    },
    ...outsideOf(outside, { stack, timeZone }, secrets, files),
    edgeErrors: (from) => edgeErrors(edgeLog, from, signal),
    async deployments(from) {
      const stored = await listDeployments(place);
      const recent = stored.filter(({ storedAt }) => Date.parse(storedAt) >= from.getTime());
      const records = await Promise.all(recent.map(({ attempt }) => getDeployment(place, attempt)));
      return records.filter((record) => record !== null).sort((a, b) => (a.endedAt < b.endedAt ? 1 : -1));
    },
  };
}

/** What services outside the stack are asked for, where they are set. Their tokens are read anew each time: they may have been replaced. */
export function outsideOf(
  { tickets, sentry }: Pick<ReportSettings, "tickets" | "sentry">,
  place: Pick<BackupSettings, "stack" | "timeZone">,
  secrets: string,
  files: boolean,
): Pick<Asked, "tickets" | "sentry"> {
  return {
    ...(tickets !== undefined && {
      tickets: {
        repository: tickets.repository,
        ...(files && {
          file: async (errors, until, signal) => {
            const token = await readToken(`${secrets}/github_token`);
            return fileTickets(gitHubIssues({ ...tickets, token }), { ...place, until, errors }, signal);
          },
        }),
      },
    }),
    ...(sentry !== undefined && {
      sentry: async (days, signal) =>
        sentryIssues({ ...sentry, token: await readToken(`${secrets}/sentry_token`) }, days, signal),
    }),
  };
}
