import { KEY_METRICS, MANUAL, SEVERITIES } from "../../../manual";
import type { Props } from "../../../policies/lib/types";
import { type Declared, declare } from "./harness";

/** A stack that keeps every rule at exactly the manual's numbers. Each call makes a new one. */
export function happyStack(): Declared[] {
  return [...services(), ...volumes(), ...database(), ...backup(), ...onCall(), ...alarms()];
}

type Service = Props<"docker:index/service:Service">;
type Mount = NonNullable<Service["taskSpec"]["containerSpec"]["mounts"]>[number];

interface ServiceSpec {
  args?: string[];
  env?: Record<string, string>;
  mounts?: Mount[];
  capAdds?: string[];
  ports?: NonNullable<Service["endpointSpec"]>["ports"];
  replicas?: number;
  stateful?: boolean;
}

const IMAGE = `sha256:${"0123456789abcdef".repeat(4)}`;

export function service(name: string, spec: ServiceSpec = {}): Declared {
  const order = spec.stateful ? "stop-first" : "start-first";
  return declare("docker:index/service:Service", name, {
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
      },
      resources: { limits: { memoryBytes: 512 * 1024 * 1024, nanoCpus: 1e9 } },
      restartPolicy: { condition: "any", delay: "2s", maxAttempts: 0, window: "0s" },
      logDriver: { name: "json-file", options: { "max-size": "100m", "max-file": "5" } },
    },
    mode: { replicated: { replicas: spec.replicas ?? 1 } },
    endpointSpec: { mode: "dnsrr", ports: spec.ports },
    updateConfig: { order, failureAction: "rollback" },
    rollbackConfig: { order, failureAction: "pause" },
  });
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
      ],
      env: { POSTGRES_DB: "fitnesscrm", POSTGRES_PASSWORD_FILE: "/run/secrets/postgres_password" },
      mounts: [volume("postgres", "/var/lib/postgresql/data")],
      capAdds: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"],
    }),
    service("redis", { stateful: true, mounts: [volume("redis", "/data")] }),
    service("backend", {
      replicas: 2,
      env: { LOG_LEVEL: "INFO", DATABASE_URL_FILE: "/run/secrets/database_url" },
      mounts: [volume("uploads", "/app/uploads")],
    }),
    service("frontend"),
    service("nginx", {
      ports: [{ publishMode: "host", publishedPort: 80, targetPort: 80, protocol: "tcp" }],
      capAdds: ["NET_BIND_SERVICE"],
    }),
    service("ops", { stateful: true, mounts: [volume("backups", "/backups")] }),
    service("restore", { stateful: true, mounts: [volume("restore", "/var/lib/restore")] }),
    service("agent", {
      mounts: [{ type: "bind", source: "/var/lib/docker-stats", target: "/stats", readOnly: true }],
    }),
  ];
}

function volumes(): Declared[] {
  return ["postgres", "redis", "uploads", "backups", "restore"].map((name) =>
    declare(
      "docker:index/volume:Volume",
      name,
      { name: `fitnesscrm-local-${name}`, labels: [{ label: "fitnesscrm.stack", value: "local" }] },
      { protect: true },
    ),
  );
}

function database(): Declared[] {
  const role = (name: string, connectionLimit: number, roles: string[]) =>
    declare("postgresql:index/role:Role", name, {
      name: `fitnesscrm_${name}`,
      login: true,
      superuser: false,
      createRole: false,
      createDatabase: false,
      connectionLimit,
      roles,
    });
  return [
    role("app", MANUAL.thresholds["database-connections"].above + 1, []),
    role("readonly", 5, []),
    role("backup", 4, ["pg_read_all_data"]),
    role("monitoring", 5, ["pg_monitor"]),
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
      { bucketPrefix: "fitnesscrm-local-backups-", forceDestroy: false },
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
            filter: { prefix: "" },
            expiration: { days: MANUAL.backup.retentionDaysS3 },
            noncurrentVersionExpiration: { noncurrentDays: 30 },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
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

function onCall(): Declared[] {
  return SEVERITIES.flatMap((severity) => {
    const name = severity.toLowerCase();
    return [
      declare("aws:sns/topic:Topic", name, {
        name: `fitnesscrm-local-${name}`,
        displayName: `FitnessCRM ${severity}`,
        tags: { "fitnesscrm:severity": severity },
      }),
      declare(
        "aws:sns/topicSubscription:TopicSubscription",
        name,
        { topic: "", protocol: "email", endpoint: "oncall@example.com" },
        { references: { topic: [`aws:sns/topic:Topic::${name}`] } },
      ),
    ];
  });
}

function alarms(): Declared[] {
  return KEY_METRICS.map((metric) => {
    const { above, severity } = MANUAL.thresholds[metric];
    return declare(
      "aws:cloudwatch/metricAlarm:MetricAlarm",
      metric,
      {
        name: `fitnesscrm-local-${metric}`,
        alarmDescription: "what to do",
        namespace: "FitnessCRM",
        metricName: metric,
        dimensions: { stack: "local" },
        statistic: "Average",
        comparisonOperator: "GreaterThanThreshold",
        threshold: above,
        period: 60,
        evaluationPeriods: 5,
        datapointsToAlarm: 5,
        treatMissingData: "missing",
        actionsEnabled: true,
        alarmActions: ["arn:aws:sns:us-east-1:000000000000:topic"],
        tags: { "fitnesscrm:alarm": metric, "fitnesscrm:severity": severity },
      },
      { references: { alarmActions: [`aws:sns/topic:Topic::${severity.toLowerCase()}`] } },
    );
  });
}
