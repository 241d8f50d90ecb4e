import { mkdir, readFile, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { AcknowledgementKeeper } from "./acknowledgements";
import { listBackups } from "./backup/backup";
import { localBackups } from "./backup/folder";
import { firstCertificate } from "./certificates/first";
import { certificateWanted } from "./certificates/work";
import { databaseCheck, httpCheck, redisCheck, secret } from "./checks";
import { dispatch } from "./commands";
import { firstBackup } from "./firstBackup";
import { HealthMonitor, reasonOf } from "./health";
import {
  backupMeasures,
  drillMeasures,
  loginMeasures,
  type Measure,
  MetricsPublisher,
  muteMeasures,
  rotaMeasures,
  windowMeasures,
} from "./metrics";
import { type OnCallSettings, readOnCallSettings, rotaSettings } from "./onCallSettings";
import { pageKeeper } from "./pages/sources";
import { type Program, program } from "./program";
import { restorablePoint } from "./restore/archiveAge";
import { countFailedLogins, type FailedLogins } from "./security/failedLogins";
import { healthServer } from "./server";
import { readLastRun } from "./window/journal";

const TIMEOUT_MS = 5_000;
const secrets = process.env.OPS_SECRETS_DIR ?? "/run/secrets";

function fail(message: string): never {
  process.stderr.write(`ops: ${message}\n`);
  process.exit(78);
}

/** A whole number from the environment, between `lowest` and `highest`. */
function setting(name: string, fallback: number, lowest: number, highest: number): number {
  const text = process.env[name] ?? String(fallback);
  const value = Number(text);
  return Number.isInteger(value) && value >= lowest && value <= highest
    ? value
    : fail(`${name} is "${text}": a whole number from ${lowest} to ${highest} is allowed`);
}

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}

function healthMonitor(role: Program["role"], intervalMs: number): HealthMonitor {
  return new HealthMonitor({
    checks:
      role === "ops"
        ? {
            database: databaseCheck(`${secrets}/ops_database_url`, TIMEOUT_MS),
            redis: redisCheck(`${secrets}/redis_url`, TIMEOUT_MS),
            backend: httpCheck(process.env.OPS_BACKEND_URL ?? "http://backend:5000/api/health", TIMEOUT_MS),
          }
        : {},
    intervalMs,
    timeoutMs: TIMEOUT_MS + 500,
  });
}

/** A key of AWS, read anew each time: it may have been replaced. */
function awsKey(name: string): () => Promise<{ accessKeyId: string; secretAccessKey: string }> {
  return async () =>
    JSON.parse(await readFile(`${secrets}/${name}`, "utf8")) as {
      accessKeyId: string;
      secretAccessKey: string;
    };
}

function metricsPublisher(
  { role, settings, scheduler, places, windows, windowSettings: window }: Program,
  since: Date,
  onCall: OnCallSettings | undefined,
): MetricsPublisher {
  const collect = async (): Promise<Measure[]> => {
    if (role === "restore") {
      const drillStatus = (await scheduler.status()).find(({ name }) => name === "restore-drill");
      return drillMeasures(drillStatus?.last ?? null);
    }
    const verified = (await localBackups(places.backups, () => undefined)).filter(
      ({ status }) => status.verifiedAt !== null,
    );
    const now = new Date();
    return [
      ...backupMeasures({
        now,
        since,
        verifiedDumps: verified.map(({ manifest }) => new Date(manifest.createdAt)),
        archivedAt: await archivedAt(),
      }),
      ...loginMeasures(await failedLogins()),
      ...(onCall === undefined ? [] : rotaMeasures(now, rotaSettings(onCall))),
      ...windowMeasures(now, await readLastRun(windows)),
      ...(window?.mutes ? muteMeasures(now, { timeZone: window.timeZone, maintenance: window.mutes }) : []),
    ];
  };
  return new MetricsPublisher({
    stack: settings.stack,
    namespace: settings.metricNamespace,
    region: settings.region,
    endpoint: settings.endpoint,
    credentials: awsKey("metrics_writer"),
    collect,
    log,
  });
}

/** Only ops looks after acknowledged alarms: two would get in each other's way. */
function acknowledgementKeeper(
  { settings }: Program,
  onCall: OnCallSettings | undefined,
): AcknowledgementKeeper | undefined {
  return onCall === undefined
    ? undefined
    : new AcknowledgementKeeper({
        stack: settings.stack,
        region: settings.region,
        endpoint: settings.endpoint,
        credentials: awsKey("acknowledger"),
        everySeconds: onCall.everySeconds,
        log,
      });
}

/** When the server last sent its log to S3. Null when it cannot be asked: the dumps alone count then. */
async function archivedAt(): Promise<Date | null> {
  const client = new Client({
    connectionString: await secret(`${secrets}/ops_database_url`),
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    application_name: "fitnesscrm-ops-metrics",
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await restorablePoint(client)).lastArchivedAt;
  } catch {
    return null;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Failed logins of the last minutes; null when they cannot be counted. The backup role alone reads the application's tables. */
async function failedLogins(): Promise<FailedLogins | null> {
  try {
    return await countFailedLogins({
      url: await secret(`${secrets}/backup_database_url`),
      minutes: setting("OPS_FAILED_LOGIN_MINUTES", 10, 1, 60),
      timeoutMs: TIMEOUT_MS,
    });
  } catch {
    return null;
  }
}

/** When this stack's records began, which a new container does not change. */
async function beginning(folder: string): Promise<Date> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return (await stat(folder)).birthtime;
}

function makeFirstBackup({ settings, scheduler }: Program, signal: AbortSignal): Promise<void> {
  return firstBackup({
    anyVerified: async () => (await listBackups(settings)).some(({ verifiedAt }) => verifiedAt !== null),
    make: () => scheduler.runNow("backup", { by: "start", label: "first" }),
    wait: (milliseconds) => delay(milliseconds, true, { signal }).catch(() => false),
    log,
  });
}

async function getFirstCertificate({ certificates, scheduler }: Program, signal: AbortSignal): Promise<void> {
  if (certificates !== undefined) {
    await firstCertificate({
      wanted: () => certificateWanted(certificates),
      make: () => scheduler.runNow("certificates", { by: "start" }),
      wait: (milliseconds) => delay(milliseconds, true, { signal }).catch(() => false),
      log,
    });
  }
}

async function serve(): Promise<void> {
  const port = setting("OPS_PORT", 8080, 1, 65_535);
  const intervalMs = setting("OPS_INTERVAL_SECONDS", 10, 1, 3600) * 1000;
  const parts = await program();
  const stopping = new AbortController();
  const monitor = healthMonitor(parts.role, intervalMs);
  const server = healthServer(monitor, () => parts.scheduler.status());
  const files = process.env.OPS_FILES ?? "/fitnesscrm";
  const records = process.env.OPS_RECORDS ?? "";
  const isOps = parts.role === "ops";
  const onCall = isOps ? await readOnCallSettings(`${files}/on-call.json`) : undefined;
  const metrics = metricsPublisher(parts, await beginning(records), onCall);
  const keeper = acknowledgementKeeper(parts, onCall);
  const pages =
    onCall &&
    pageKeeper({
      program: parts,
      monitor,
      onCall,
      // It may list alarms, and this container has it.
      credentials: awsKey("acknowledger"),
      archivedAt,
      restoreUrl: process.env.OPS_RESTORE_URL ?? "http://restore:8080",
      records,
      log,
    });

  server.on("error", (error) => fail(`port ${port} cannot be used: ${error.message}`));
  server.listen(port, () => {
    log(`ops: listening on ${port}`);
    monitor.start();
    metrics.start();
    keeper?.start();
    pages?.start();
    parts.scheduler
      .start()
      .then(() =>
        Promise.all([
          parts.role === "ops" ? makeFirstBackup(parts, stopping.signal) : undefined,
          getFirstCertificate(parts, stopping.signal),
        ]),
      )
      .catch((error: unknown) => log(`ops: ${reasonOf(error)}`));
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      stopping.abort();
      monitor.stop();
      metrics.stop();
      keeper?.stop();
      pages?.stop();
      server.closeIdleConnections();
      server.close();
      void parts.scheduler.stop().finally(() => process.exit(0));
    });
  }
}

const [, , ...argv] = process.argv;
if (argv.length > 0) {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)));
  }
  // Connections that S3 keeps open are nobody's reason to wait; what was written to a pipe has arrived.
  void dispatch(argv, process, stop.signal).then((code) => process.exit(code));
} else {
  serve().catch((error: unknown) => fail(reasonOf(error)));
}
