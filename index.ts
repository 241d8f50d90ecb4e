/**
 * FitnessCRM's operations manual as a Pulumi program. Reads like the manual's table of contents; the numbers are in
 * `manual.ts`, each part in `components/`.
 */
import * as aws from "@pulumi/aws";
import * as docker from "@pulumi/docker";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { recipientOf } from "./ageKey";
import { awsProviderArgs } from "./components/aws";
import { pgbackrestConf, STANZA } from "./components/backup/archive";
import { BackupBucket, PREFIXES } from "./components/backup/bucket";
import { Database, databaseUrl, roleName } from "./components/database/database";
import { ensureTunnel } from "./components/database/tunnel";
import { readRecord } from "./components/deploy/record";
import { describeRelease } from "./components/deploy/release";
import { Rollout } from "./components/deploy/rollout";
import { AlarmMutes } from "./components/maintenance/alarmMutes";
import { Acknowledger } from "./components/monitoring/acknowledger";
import { Alarms } from "./components/monitoring/alarms";
import { Dashboard } from "./components/monitoring/dashboard";
import { EscalationTopics } from "./components/monitoring/escalationTopics";
import { MetricsReader } from "./components/monitoring/metricsReader";
import { MetricsSender } from "./components/monitoring/metricsSender";
import { SeverityTopics } from "./components/monitoring/topics";
import { MailSender } from "./components/operations/mailSender";
import { ScheduledTasks } from "./components/operations/scheduledTasks";
import { Application } from "./components/stack/application";
import { StackFoundation } from "./components/stack/foundation";
import { StackImages } from "./components/stack/images";
import { Operations, type OperationsArgs } from "./components/stack/operations";
import { StatefulServices } from "./components/stack/stateful";
import {
  type Config,
  ConfigError,
  certificateNames,
  isStackName,
  PROJECT,
  parseConfig,
  publicUrlOf,
  type SecretName,
  STACK_NAME_RULE,
} from "./config";
import { METRIC_NAMESPACE } from "./metricNames";
import type { BackupSettings } from "./ops/backup/settings";
import type { CertificateSettings } from "./ops/certificates/settings";
import type { MailSettings } from "./ops/mail/settings";
import type { OnCallSettings } from "./ops/onCallSettings";
import type { ReportSettings } from "./ops/reports/settings";
import type { WindowSettings } from "./ops/window/settings";
import { AGING_SECRETS } from "./securitySettings";
import { spareRoleName } from "./spareRole";
import { taskDefinitions } from "./tasks";
import { TELEGRAF_VERSION } from "./versions";

const stack = pulumi.getStack();
const config = readConfig();
/** What the application runs with: as declared, or as in the release that a rollback holds. */
const app = { ...config.app, ...config.pin?.app };
const publicUrl = publicUrlOf(config.http);
const secret = (name: SecretName): pulumi.Output<string> => pulumi.secret(config.secrets[name]);

// First, since it takes a moment to start and everything around the database waits for it.
const tunnelPort = openTunnel(config);
const dockerProvider = new docker.Provider("docker", config.host === "" ? {} : { host: config.host });
const awsProvider = new aws.Provider("aws", awsProviderArgs(config.aws, { project: PROJECT, stack }));
const onDocker: pulumi.ComponentResourceOptions = { providers: { docker: dockerProvider } };
const onAws: pulumi.ComponentResourceOptions = { providers: { aws: awsProvider } };

// Where backups go.

const backups = new BackupBucket(
  "backups",
  { stack, bucketName: config.backup.bucket, retentionDays: config.backup.retentionDaysS3 },
  onAws,
);
const archiveConfig = pulumi.secret(
  pulumi
    .all([backups.bucketName, backups.archiver.id, backups.archiver.secret])
    .apply(([bucketName, key, keySecret]) =>
      pgbackrestConf({
        bucket: bucketName,
        prefix: PREFIXES.wal,
        region: config.aws.region,
        endpoint: config.aws.emulator?.containerEndpoint,
        key,
        keySecret,
        cipherPass: config.secrets.archivePassphrase,
      }),
    ),
);

// The container stack.

const images = new StackImages("images", {
  stack,
  app: config.app,
  dockerHost: config.host,
  pinned: config.pin?.images,
  publicUrl,
  agentVersion: TELEGRAF_VERSION,
  packagesOf: config.images.packagesOf,
});

const rollout = new Rollout("rollout", {
  stack,
  record: readRecord(config.host, stack),
  pin: config.pin,
});

const foundation = new StackFoundation(
  "foundation",
  { stack, drills: config.drills, certificates: config.http.tls !== undefined },
  onDocker,
);

const stateful = new StatefulServices(
  "stateful",
  {
    stack,
    rollout,
    foundation,
    images: images.own,
    config,
    passwords: { postgres: secret("postgresPassword"), redis: secret("redisPassword") },
    archiveConfig,
  },
  onDocker,
);

const databaseServer = new postgresql.Provider(
  "postgresql",
  {
    host: "127.0.0.1",
    port: tunnelPort,
    database: "postgres",
    username: "postgres",
    password: secret("postgresPassword"),
    sslmode: "disable",
    connectTimeout: 180,
    superuser: true,
  },
  { dependsOn: [stateful.db.service] },
);

const database = new Database("database", {
  name: config.database.name,
  provider: databaseServer,
  volume: foundation.volumes.postgres,
  appConnections: config.database.appConnections,
  archives: config.maintenance.archive.length > 0,
  passwords: {
    app: secret("appPassword"),
    readonly: secret("readonlyPassword"),
    backup: secret("backupPassword"),
    monitoring: secret("monitoringPassword"),
    maintenance: secret("maintenancePassword"),
  },
});

const redisUrl = pulumi.interpolate`redis://:${secret("redisPassword").apply(encodeURIComponent)}@redis:6379/0`;

const application = new Application(
  "application",
  {
    stack,
    rollout,
    foundation,
    images: { backend: images.backend, frontend: images.frontend, nginx: images.own.nginx },
    config: { ...config, app },
    publicUrl,
    secrets: {
      DATABASE_URL: applicationDatabaseUrl(),
      REDIS_URL: redisUrl,
      SECRET_KEY: secret("secretKey"),
    },
    adminPassword: secret("adminPassword"),
    operatorsPassword: secret("operatorsPassword"),
    dependsOn: [...database.ready, stateful.redis.service],
  },
  onDocker,
);

// Backup and recovery, and what else runs by the calendar.

const metricsSender = new MetricsSender("metrics", { stack }, onAws);

const acknowledger = new Acknowledger("acknowledger", { stack }, onAws);

const metricsReader = new MetricsReader("metrics-reader", { stack }, onAws);

const mailSender = new MailSender("mail", { stack, from: config.mail.from }, onAws);

const tasks = new ScheduledTasks(
  "tasks",
  {
    stack,
    timeZone: config.timeZone,
    tasks: taskDefinitions({ certificates: config.http.tls !== undefined }),
  },
  onDocker,
);

new Operations(
  "operations",
  {
    stack,
    rollout,
    foundation,
    images: images.own,
    config,
    publicUrl,
    tasks,
    backupSettings: backups.bucketName.apply((bucketName) =>
      JSON.stringify(backupSettings(bucketName), null, 2),
    ),
    onCallSettings: JSON.stringify(onCallSettings(), null, 2),
    mailSettings: JSON.stringify({ from: config.mail.from } satisfies MailSettings, null, 2),
    windowSettings: JSON.stringify(windowSettings(), null, 2),
    reportSettings: JSON.stringify(reportSettings(), null, 2),
    certificateSettings: certificateSettings(),
    monitoringDatabaseUrl: databaseUrlOf("monitoring"),
    maintenanceDatabaseUrl: databaseUrlOf("maintenance"),
    backupDatabaseUrl: databaseUrlOf("backup"),
    redisUrl,
    credentials: {
      writer: backups.writer,
      reader: backups.reader,
      metrics: metricsSender.key,
      acknowledger: acknowledger.key,
      mailer: mailSender.key,
      metricsReader: metricsReader.key,
    },
    tokens: outsideTokens(),
    backupIdentity: secret("backupIdentity"),
    archiveConfig,
    dependsOn: [...database.ready, stateful.redis.service],
  },
  onDocker,
);

const verification = rollout.finish(images.references);

// Monitoring and on-call.

const topics = new SeverityTopics(
  "topics",
  { stack, contacts: config.contacts, timeZone: config.timeZone },
  onAws,
);

const chain = new EscalationTopics("chain", { stack, escalation: config.contacts.escalation }, onAws);

const watched = { stack, alarms: config.alarms, publicUrl, contacts: config.contacts, aws: config.aws };

const watch = new Alarms(
  "alarms",
  { ...watched, topicArns: topics.arns, stepArns: chain.arns, measured: verification.command },
  onAws,
);

if (config.aws.emulator === undefined) {
  const { timeZone, maintenance } = config;
  new AlarmMutes("mutes", { stack, timeZone, maintenance, alarms: watch.chains }, onAws);
}

const overview = new Dashboard(
  "dashboard",
  { ...watched, region: config.aws.region, alarmArns: watch.arns },
  onAws,
);

// What operators and the launcher read.

/** Where the application is. */
export const url = publicUrl;
/** What the manual's health check asks (M18). */
export const apiHealthUrl = `${publicUrl}/api/health`;
/** Where the local stack's mail arrives; null on stacks with real mail. */
export const mailboxUrl = config.local === undefined ? null : `http://127.0.0.1:${config.local.mailboxPort}`;
/** The backup bucket (M43). */
export const bucket = backups.bucketName;
/** Alarm names by what they watch (M22 to M27, M45, M46, M60). */
export const alarms = pulumi.output(watch.names);
/** Name of the dashboard with the manual's table on it. */
export const dashboard = overview.dashboardName;
/** What runs: images by digest, the commit that declared it, who deployed it when, and the backup made before (M19). */
export const release = describeRelease({
  before: rollout.before.report,
  after: verification.report,
  source: config.app.source,
  app,
  images: images.references,
  pin: config.pin,
});
/** Swarm services of the application, for scripts. */
export const services = {
  backend: application.backend.serviceName,
  frontend: application.frontend.serviceName,
  nginx: application.nginx.serviceName,
};

/**
 * By the role's name and not by the role itself: what a service is declared with must not wait for the database, whose change
 * waits for every declaration.
 */
function databaseUrlOf(role: "app" | "backup" | "maintenance" | "monitoring"): pulumi.Output<string> {
  const { name } = config.database;
  return databaseUrl(roleName(name, role), secret(`${role}Password`), name);
}

/** While the password of the application's role is replaced, the application logs in as the spare one. */
function applicationDatabaseUrl(): pulumi.Output<string> {
  const { name } = config.database;
  const { nextAppPassword } = config.secrets;
  return nextAppPassword === undefined
    ? databaseUrlOf("app")
    : databaseUrl(spareRoleName(name), pulumi.secret(nextAppPassword), name);
}

/** What ops reads, see `ops/onCallSettings.ts`. */
function onCallSettings(): OnCallSettings {
  const { contacts, timeZone, alarms: settings } = config;
  return {
    everySeconds: Math.min(60, settings.periodSeconds),
    timeZone,
    engineers: contacts.onCall.map(({ name }) => name),
    rota: contacts.rota,
  };
}

/** What ops reads, see `ops/window/settings.ts`. */
function windowSettings(): WindowSettings {
  const { timeZone, maintenance, deploy, aws: account } = config;
  const { plannedFrom, archive, noticeMail } = maintenance;
  return {
    timeZone,
    publicUrl,
    endpoints: deploy.endpoints,
    archive,
    noticeMail,
    mutes: account.emulator === undefined ? { ...(plannedFrom !== undefined && { plannedFrom }) } : null,
  };
}

/** What ops reads where TLS ends at the edge, see `ops/certificates/settings.ts`. */
function certificateSettings(): string | undefined {
  const { tls } = config.http;
  if (tls === undefined) {
    return undefined;
  }
  const settings: CertificateSettings = { names: certificateNames(config.http), ...tls };
  return JSON.stringify(settings, null, 2);
}

/** Tokens of those services outside that reports work with; one whose section is gone is handed to nobody. */
function outsideTokens(): OperationsArgs["tokens"] {
  const { tickets, sentry, secrets } = config;
  return {
    ...(tickets !== undefined &&
      secrets.githubToken !== undefined && { github: pulumi.secret(secrets.githubToken) }),
    ...(sentry !== undefined &&
      secrets.sentryToken !== undefined && { sentry: pulumi.secret(secrets.sentryToken) }),
  };
}

/** Who reads what, see `ops/reports/settings.ts`. */
function reportSettings(): ReportSettings {
  const { onCall, databaseAdmin, securityTeam } = config.contacts;
  const engineers = onCall.map(({ email }) => email);
  const unique = (...addresses: string[]): string[] => [...new Set(addresses)];
  return {
    recipients: {
      morning: unique(...engineers),
      errors: unique(...engineers),
      tables: unique(databaseAdmin.email),
      performance: unique(databaseAdmin.email, ...engineers),
      security: unique(securityTeam.email),
    },
    slowMilliseconds: config.database.slowStatementMilliseconds,
    agentSeconds: config.alarms.periodSeconds,
    secretAges: AGING_SECRETS.map((name) => ({
      name,
      since: config.secretDates[name] ?? null,
      limitDays: config.security.secretAgeDays[name],
    })),
    ...(config.tickets !== undefined && { tickets: config.tickets }),
    ...(config.sentry !== undefined && { sentry: config.sentry }),
  };
}

/**
 * What the containers of ops and restore read, see `ops/backup/settings.ts`. Nothing of the application's release: each deployment would
 * replace both, and end the backup or the drill that is under way.
 */
function backupSettings(bucketName: string): BackupSettings {
  const endpoint = config.aws.emulator?.containerEndpoint;
  return {
    stack,
    database: { host: "db", port: 5432, name: config.database.name },
    timeZone: config.timeZone,
    bucket: bucketName,
    prefix: PREFIXES.backups,
    region: config.aws.region,
    ...(endpoint !== undefined && { endpoint }),
    recipients: [recipientOf(config.secrets.backupIdentity), ...config.backup.recipients],
    retentionDaysLocal: config.backup.retentionDaysLocal,
    metricNamespace: METRIC_NAMESPACE,
    wal: { stanza: STANZA, prefix: PREFIXES.wal },
  };
}

function readConfig(): Config {
  if (!isStackName(stack)) {
    throw new pulumi.RunError(`stack ${JSON.stringify(stack)} is not a name: ${STACK_NAME_RULE}`);
  }
  try {
    return parseConfig(pulumi.runtime.allConfig(), process.cwd());
  } catch (error) {
    // A RunError is shown as its message; anything else with a stack trace, which helps nobody who mistyped a key.
    throw error instanceof ConfigError ? new pulumi.RunError(error.message) : error;
  }
}

/** The provider reaches the server through a loopback listener that lives as long as the engine does. */
function openTunnel({ host, database: { tunnelPort: port } }: Config): pulumi.Output<number> {
  const opened = ensureTunnel({
    dockerHost: host,
    stack,
    port,
    enginePid: process.ppid,
    project: __dirname,
  }).catch((error: Error) => {
    throw new pulumi.RunError(error.message);
  });
  return pulumi.output(opened.then(() => port));
}
