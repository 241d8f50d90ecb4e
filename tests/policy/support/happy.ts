import { ESCALATION_STEPS, KEY_METRICS, MANUAL, SEVERITIES, type Severity } from "../../../manual";
import type { Props } from "../../../policies/lib/types";
import { type Declared, declare } from "./harness";

/** A stack that keeps every rule at exactly the manual's numbers. Each call makes a new one. */
export function happyStack(): Declared[] {
  return [
    ...services(),
    ...gates(),
    ...foundation(),
    ...files(),
    ...database(),
    ...backup(),
    ...onCall(),
    ...alarms(),
    ...backupAlarms(),
    ...mutes(),
  ];
}

type Service = Props<"docker:index/service:Service">;
type Mount = NonNullable<Service["taskSpec"]["containerSpec"]["mounts"]>[number];

interface ServiceSpec {
  args?: string[];
  env?: Record<string, string>;
  mounts?: Mount[];
  capAdds?: string[];
  ports?: NonNullable<Service["endpointSpec"]>["ports"];
  replicas?: number | "global";
  stateful?: boolean;
  readOnly?: boolean;
  files?: string[];
}

const BEFORE = "command:local:Command::gate-before";

const IMAGE = `sha256:${"0123456789abcdef".repeat(4)}`;

export function service(name: string, spec: ServiceSpec = {}): Declared {
  const order = spec.stateful ? "stop-first" : "start-first";
  const declared: Service = {
    name: `fitnesscrm-local-${name}`,
    labels: [
      { label: "fitnesscrm.stack", value: "local" },
      { label: "fitnesscrm.service", value: name },
    ],
    taskSpec: {
      containerSpec: {
        image: IMAGE,
        args: spec.args,
        env: spec.env,
        mounts: spec.mounts,
        healthcheck: {
          tests: ["CMD", "/usr/local/bin/healthcheck"],
          interval: "5s",
          timeout: "5s",
          retries: 3,
          startPeriod: "30s",
        },
        capDrops: ["ALL"],
        capAdds: spec.capAdds,
        readOnly: spec.readOnly ?? true,
        stopGracePeriod: name === "db" ? "1m" : "30s",
      },
      placement: { constraints: ["node.labels.fitnesscrm.data==true"] },
      resources: { limits: { memoryBytes: 512 * 1024 * 1024, nanoCpus: 1e9 } },
      restartPolicy: { condition: "any", delay: "2s", maxAttempts: 0, window: "0s" },
      logDriver: { name: "json-file", options: { "max-size": "100m", "max-file": "5" } },
    },
    mode: spec.replicas === "global" ? { global: true } : { replicated: { replicas: spec.replicas ?? 1 } },
    endpointSpec: { mode: "dnsrr", ports: spec.ports },
    updateConfig: { order, failureAction: "rollback", parallelism: 1, monitor: "5s", maxFailureRatio: "0.0" },
    rollbackConfig: { order, failureAction: "pause", parallelism: 1 },
    ...(spec.replicas !== "global" && { convergeConfig: { delay: "1s", timeout: "3m" } }),
  };
  return declare("docker:index/service:Service", name, declared, {
    dependsOn: [BEFORE, ...(name === "backend" ? ["command:local:Command::gate-migrate"] : [])],
    references: spec.files === undefined ? {} : { taskSpec: spec.files.map(configKey) },
  });
}

function configKey(name: string): string {
  return `docker:index/serviceConfig:ServiceConfig::${name}`;
}

function services(): Declared[] {
  const volume = (name: string, target: string): Mount => ({
    type: "volume",
    source: `fitnesscrm-local-${name}`,
    target,
    readOnly: false,
  });
  return [
    service("db", {
      stateful: true,
      args: [
        ...["-c", "max_connections=130", "-c", "superuser_reserved_connections=5"],
        ...["-c", "shared_preload_libraries=pg_stat_statements"],
        ...["-c", `log_min_duration_statement=${MANUAL.slowStatementMilliseconds}ms`],
        ...["-c", "log_statement=ddl", "-c", "log_line_prefix=%m %u "],
        ...["-c", "archive_mode=on", "-c", "archive_command=push %p", "-c", "archive_timeout=300s"],
      ],
      env: { POSTGRES_DB: "fitnesscrm", POSTGRES_PASSWORD_FILE: "/run/secrets/postgres_password" },
      mounts: [volume("postgres", "/var/lib/postgresql/data")],
      capAdds: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"],
    }),
    service("redis", {
      stateful: true,
      env: { REDIS_MAXMEMORY: "256mb", REDIS_MAXMEMORY_POLICY: "allkeys-lru" },
      mounts: [volume("redis", "/data")],
    }),
    service("backend", {
      replicas: 2,
      readOnly: false,
      env: { LOG_LEVEL: "INFO", DATABASE_URL_FILE: "/run/secrets/database_url" },
      mounts: [volume("uploads", "/app/uploads")],
    }),
    service("frontend", { readOnly: false }),
    service("nginx", {
      ports: [{ publishMode: "host", publishedPort: 80, targetPort: 80, protocol: "tcp" }],
      capAdds: ["NET_BIND_SERVICE"],
      mounts: [
        { type: "tmpfs", target: "/tmp", tmpfsOptions: { sizeBytes: 64 * 1024 * 1024 } },
        { ...volume("pages", "/pages"), readOnly: true },
      ],
    }),
    service("ops", {
      stateful: true,
      mounts: [
        volume("backups", "/backups"),
        { ...volume("uploads", "/uploads"), readOnly: true },
        volume("pages", "/pages"),
        { ...volume("engine-logs", "/run/engine-logs"), readOnly: true },
      ],
      files: ["tasks", "backup"],
    }),
    service("restore", {
      stateful: true,
      mounts: [volume("restore", "/var/lib/restore"), { ...volume("backups", "/backups"), readOnly: true }],
      files: ["tasks", "backup"],
    }),
    service("engine", {
      replicas: "global",
      mounts: [
        { type: "bind", source: "/var/run/docker.sock", target: "/var/run/docker.sock", readOnly: true },
        volume("engine", "/run/engine"),
        volume("engine-logs", "/run/engine-logs"),
      ],
    }),
    service("agent", {
      replicas: "global",
      mounts: [
        { type: "bind", source: "/proc", target: "/hostfs/proc", readOnly: true },
        { ...volume("engine", "/run/engine"), readOnly: true },
      ],
    }),
  ];
}

const SERVICES = [
  "db",
  "redis",
  "backend",
  "frontend",
  "nginx",
  "ops",
  "restore",
  "engine",
  "agent",
] as const;

function gates(): Declared[] {
  const gate = (stage: string, dependsOn: string[]) =>
    declare(
      "command:local:Command",
      `gate-${stage}`,
      { create: `./fitnesscrm gate ${stage}`, triggers: ["20260301t120000z-0a1b"] },
      { dependsOn },
    );
  const images = ["backend", "frontend", "db", "redis", "nginx", "ops", "engine", "agent"];
  return [
    gate("before", []),
    gate("migrate", [BEFORE]),
    gate(
      "after",
      SERVICES.map((name) => `docker:index/service:Service::${name}`),
    ),
    declare("pulumi:pulumi:Stack", "fitnesscrm-local", {
      release: {
        attempt: "20260301t120000z-0a1b",
        startedAt: "2026-03-01T12:00:00.000Z",
        by: "ada@workstation",
        backup: null,
        commit: null,
        dirty: false,
        app: { source: null, version: null, environment: {}, logLevel: "INFO", allowedOrigins: [] },
        images: Object.fromEntries(images.map((name) => [name, IMAGE])),
      },
    }),
  ];
}

function foundation(): Declared[] {
  const labels = [{ label: "fitnesscrm.stack", value: "local" }];
  return [
    declare(
      "docker:index/network:Network",
      "foundation",
      { name: "fitnesscrm-local", driver: "overlay", labels },
      { protect: true },
    ),
    ...[
      "postgres",
      "redis",
      "uploads",
      "backups",
      "restore",
      "edge-log",
      "engine",
      "engine-logs",
      "pages",
    ].map((name) =>
      declare(
        "docker:index/volume:Volume",
        name,
        { name: `fitnesscrm-local-${name}`, labels },
        { protect: true },
      ),
    ),
  ];
}

/** The calendar, in the form of its file. */
export function calendar(): { timeZone: string; tasks: Record<string, unknown>[] } {
  return {
    timeZone: MANUAL.timeZone,
    tasks: [
      {
        name: "backup",
        service: "ops",
        cron: "0 2 * * *",
        limitMinutes: 120,
        missed: "run",
        failure: "P1: look",
      },
      {
        name: "restore-drill",
        service: "restore",
        cron: "30 4 1 * *",
        limitMinutes: 61,
        missed: "skip",
        failure: "P0: look",
      },
      {
        name: "maintenance-window",
        service: "ops",
        cron: "0 2 * * SUN#1",
        limitMinutes: 180,
        missed: "run",
        failure: "P2: look",
      },
      {
        name: "maintenance-notice",
        service: "ops",
        cron: "0 2 * * SUN#1",
        hoursBefore: 48,
        limitMinutes: 720,
        missed: "run",
        failure: "P3: look",
      },
      {
        name: "log-archive",
        service: "ops",
        cron: "20 0 * * *",
        limitMinutes: 90,
        missed: "run",
        failure: "P3: look",
      },
    ],
  };
}

/** What makes the backups, in the form of its file. */
export function backupSettings(): Record<string, unknown> {
  return {
    stack: "local",
    timeZone: MANUAL.timeZone,
    bucket: "fitnesscrm-local-backups",
    prefix: "backups/",
    recipients: [`age1${"q".repeat(58)}`],
    retentionDaysLocal: MANUAL.backup.retentionDaysLocal,
    metricNamespace: "FitnessCRM",
    wal: { stanza: "main", prefix: "wal/" },
  };
}

export function file(name: string, content: unknown): Declared {
  return declare("docker:index/serviceConfig:ServiceConfig", name, {
    data: Buffer.from(JSON.stringify(content)).toString("base64"),
  });
}

function files(): Declared[] {
  return [file("tasks", calendar()), file("backup", backupSettings())];
}

function database(): Declared[] {
  const role = (name: string, connectionLimit: number, roles: string[], statementTimeout = 0) =>
    declare("postgresql:index/role:Role", name, {
      name: `fitnesscrm_${name}`,
      login: true,
      superuser: false,
      createRole: false,
      createDatabase: false,
      connectionLimit,
      roles,
      statementTimeout,
      idleInTransactionSessionTimeout: 600_000,
    });
  const grant = (name: string, roleName: string, objectType: string, privileges: string[]) =>
    declare("postgresql:index/grant:Grant", name, {
      role: roleName,
      database: "fitnesscrm",
      objectType,
      privileges,
      ...(objectType === "schema" && { schema: "public" }),
    });
  return [
    role("app", MANUAL.thresholds["database-connections"].above + 1, []),
    role("readonly", 5, [], 60_000),
    role("backup", 4, ["pg_read_all_data"]),
    role("monitoring", 5, ["pg_monitor"], 60_000),
    role("maintenance", 2, ["pg_maintain"]),
    grant("everyone", "public", "database", []),
    grant("app-schema", "fitnesscrm_app", "schema", ["CREATE", "USAGE"]),
    grant("readonly-schema", "fitnesscrm_readonly", "schema", ["USAGE"]),
    declare("postgresql:index/defaultPrivileges:DefaultPrivileges", "readonly-tables", {
      role: "fitnesscrm_readonly",
      owner: "fitnesscrm_app",
      database: "fitnesscrm",
      schema: "public",
      objectType: "table",
      privileges: ["SELECT"],
    }),
    declare("postgresql:index/extension:Extension", "statistics", {
      name: "pg_stat_statements",
      database: "fitnesscrm",
    }),
  ];
}

const BUCKET = "aws:s3/bucket:Bucket::backups";
const ARN = "arn:aws:s3:::fitnesscrm-local-backups";

/** Deny what did not come by TLS. */
export function tlsOnlyPolicy(): Record<string, unknown> {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: [ARN, `${ARN}/*`],
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ],
  };
}

function backup(): Declared[] {
  const references = { bucket: [BUCKET] };
  // Known only once the bucket is there: the reference says whose it is.
  const bucket = "";
  return [
    declare(
      "aws:s3/bucket:Bucket",
      "backups",
      { bucket: "fitnesscrm-local-backups", forceDestroy: false },
      { protect: true },
    ),
    declare(
      "aws:s3/bucketVersioning:BucketVersioning",
      "backups",
      { bucket, versioningConfiguration: { status: "Enabled" } },
      { references },
    ),
    declare(
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      "backups",
      { bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
      { references },
    ),
    declare(
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      "backups",
      {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      { references },
    ),
    declare(
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
      "backups",
      { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
      { references },
    ),
    declare(
      "aws:s3/bucketPolicy:BucketPolicy",
      "backups",
      { bucket, policy: JSON.stringify(tlsOnlyPolicy()) },
      { references },
    ),
    declare(
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "backups",
      {
        bucket,
        rules: [
          {
            id: "expire-backups",
            status: "Enabled",
            filter: { prefix: "backups/" },
            expiration: { days: MANUAL.backup.retentionDaysS3 },
          },
          {
            id: "expire-deployments",
            status: "Enabled",
            filter: { prefix: "deployments/" },
            expiration: { days: 366 },
          },
          {
            id: "expire-old-versions",
            status: "Enabled",
            filter: { prefix: "" },
            noncurrentVersionExpiration: { noncurrentDays: 30 },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
          },
          {
            id: "expire-incidents",
            status: "Enabled",
            filter: { prefix: "incidents/" },
            expiration: { days: 366 },
          },
          {
            id: "expire-logs",
            status: "Enabled",
            filter: { prefix: "logs/" },
            expiration: { days: MANUAL.backup.retentionDaysS3 },
          },
        ],
      },
      { references },
    ),
    credentials("writer", ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObjectAttributes"]),
    credentials("reader", ["s3:GetObject", "s3:GetObjectVersion"]),
  ];
}

function credentials(name: string, actions: string[]): Declared {
  return declare("aws:iam/userPolicy:UserPolicy", name, {
    name,
    user: `fitnesscrm-local-backup-${name}`,
    policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Action: actions, Resource: `${ARN}/*` },
        { Effect: "Allow", Action: ["s3:ListBucket", "s3:GetBucketLocation"], Resource: ARN },
      ],
    }),
  });
}

/** Of two engineers one has the shifts up to the new year, the other the next one; from then on both are told. */
export const ROTA = {
  ada: ["2026", "2028", "2029", ...decades()],
  ben: ["2027", "2028", "2029", ...decades()],
};

function decades(): string[] {
  return ["203", "204", "205", "206", "207", "208", "209"];
}

export function filterPolicy(prefixes: readonly string[]): string {
  return JSON.stringify({ StateChangeTime: prefixes.map((prefix) => ({ prefix })) });
}

function subscription(name: string, topic: string, more: Record<string, unknown> = {}): Declared {
  return declare(
    "aws:sns/topicSubscription:TopicSubscription",
    name,
    { topic: "", protocol: "email", endpoint: `${name}@example.com`, ...more },
    { references: { topic: [`aws:sns/topic:Topic::${topic}`] } },
  );
}

function onCall(): Declared[] {
  const severities = SEVERITIES.flatMap((severity) => {
    const name = severity.toLowerCase();
    return [
      declare("aws:sns/topic:Topic", name, {
        name: `fitnesscrm-local-${name}`,
        displayName: `FitnessCRM ${severity}`,
        tags: { "fitnesscrm:severity": severity },
      }),
      ...Object.entries(ROTA).map(([engineer, prefixes]) =>
        subscription(`${name}-${engineer}`, name, {
          filterPolicy: filterPolicy(prefixes),
          filterPolicyScope: "MessageBody",
        }),
      ),
    ];
  });
  const steps = ESCALATION_STEPS.flatMap((step) => [
    declare("aws:sns/topic:Topic", step, {
      name: `fitnesscrm-local-${step}`,
      tags: { "fitnesscrm:step": step },
    }),
    subscription(step, step),
  ]);
  return [...severities, ...steps];
}

function alarms(): Declared[] {
  const outages = [
    ["service-down", "P0", { statistic: "Minimum", treatMissingData: "missing" }],
    ["silence", "P0", { statistic: "Maximum", treatMissingData: "breaching" }],
    ["oom", "P2", { statistic: "Maximum", treatMissingData: "notBreaching" }],
  ] as const;
  return [
    ...KEY_METRICS.flatMap((metric) => {
      const { above, severity } = MANUAL.thresholds[metric];
      return withChain(metric, severity, above, { statistic: "Average", treatMissingData: "missing" });
    }),
    ...outages.flatMap(([name, severity, more]) => withChain(name, severity, 0, more)),
  ];
}

function backupAlarms(): Declared[] {
  const { recoveryPointObjectiveHours, recoveryTimeObjectiveHours, dumpAgeHours } = MANUAL.backup;
  const watched = [
    ["backup-age", "P0", recoveryPointObjectiveHours * 3600, "breaching"],
    ["dump-age", "P1", dumpAgeHours * 3600, "notBreaching"],
    ["drill-failed", "P0", 0, "notBreaching"],
    ["drill-duration", "P1", recoveryTimeObjectiveHours * 3600, "notBreaching"],
  ] as const;
  return watched.flatMap(([name, severity, above, treatMissingData]) =>
    withChain(name, severity, above, { statistic: "Maximum", treatMissingData }),
  );
}

/** The window of December, and an alarm that it explains with its twins. */
function mutes(): Declared[] {
  return [
    declare("aws:cloudwatch/alarmMuteRule:AlarmMuteRule", "window", {
      name: "fitnesscrm-local-maintenance-2026-12",
      rule: {
        schedule: { expression: "at(2026-12-06T02:00)", timezone: MANUAL.timeZone, duration: "PT2H" },
      },
      muteTargets: {
        alarmNames: ["memory", "memory-engineering-manager", "memory-cto"].map(
          (name) => `fitnesscrm-local-${name}`,
        ),
      },
    }),
  ];
}

interface Rule {
  readonly statistic: string;
  readonly treatMissingData: string;
}

/** An alarm, and behind it a twin for each step of the chain, one time to respond after the other. */
function withChain(name: string, severity: Severity, threshold: number, rule: Rule): Declared[] {
  const critical = severity === "P0" || severity === "P1";
  const minutes = MANUAL.onCall.respondWithinMinutes[critical ? "critical" : "nonCritical"];
  const steps = ESCALATION_STEPS.filter((step) => step !== "ceo" || severity === "P0");
  return [
    alarm(name, name, threshold, rule, severity.toLowerCase(), 5, {
      "fitnesscrm:alarm": name,
      "fitnesscrm:severity": severity,
    }),
    ...steps.map((step, index) =>
      alarm(`${name}-${step}`, name, threshold, rule, step, 5 + (index + 1) * minutes, {
        "fitnesscrm:escalates": name,
        "fitnesscrm:step": step,
        "fitnesscrm:severity": severity,
      }),
    ),
  ];
}

function alarm(
  name: string,
  metricName: string,
  threshold: number,
  more: Rule,
  tells: string,
  periods: number,
  tags: Record<string, string>,
): Declared {
  const topic = [`aws:sns/topic:Topic::${tells}`];
  const arns = ["arn:aws:sns:us-east-1:000000000000:topic"];
  return declare(
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    name,
    {
      name: `fitnesscrm-local-${name}`,
      alarmDescription: "what to do",
      namespace: "FitnessCRM",
      metricName,
      dimensions: { Stack: "local" },
      comparisonOperator: "GreaterThanThreshold",
      threshold,
      period: 60,
      evaluationPeriods: periods,
      datapointsToAlarm: periods,
      actionsEnabled: true,
      alarmActions: arns,
      okActions: arns,
      tags,
      ...more,
    },
    { references: { alarmActions: topic, okActions: topic } },
  );
}
