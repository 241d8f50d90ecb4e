import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../../config";
import type { Rollout } from "../deploy/rollout";
import type { Image } from "../images/image";
import type { ScheduledTasks } from "../operations/scheduledTasks";
import { innerEdgeUrl } from "./edge";
import { swarmConfig, swarmSecret } from "./files";
import type { StackFoundation } from "./foundation";
import { type ConfigFile, StackService, type StackServiceArgs } from "./service";

export interface OperationsArgs {
  stack: string;
  rollout: Rollout;
  foundation: StackFoundation;
  images: { ops: Image; engine: Image; agent: Image };
  config: Pick<Config, "resources" | "alarms" | "aws" | "drills" | "http">;
  /** What people type; its certificate is watched where it has one. */
  publicUrl: string;
  tasks: ScheduledTasks;
  /** What the containers know of backups: see `ops/backup/settings.ts`. */
  backupSettings: pulumi.Input<string>;
  /** What ops knows of on-call: see `ops/onCallSettings.ts`. */
  onCallSettings: pulumi.Input<string>;
  /** What ops knows of mail: see `ops/mail/settings.ts`. */
  mailSettings: pulumi.Input<string>;
  /** What ops knows of the maintenance window: see `ops/window/settings.ts`. */
  windowSettings: pulumi.Input<string>;
  /** What ops knows of reports: see `ops/reports/settings.ts`. */
  reportSettings: pulumi.Input<string>;
  /** What ops knows of the edge's certificate: see `ops/certificates/settings.ts`. Undefined where TLS does not end at the edge. */
  certificateSettings: pulumi.Input<string> | undefined;
  /** Connections as the monitoring role: statistics, no data. */
  monitoringDatabaseUrl: pulumi.Input<string>;
  /** Connections as the backup role: reads everything. */
  backupDatabaseUrl: pulumi.Input<string>;
  /** Connections as the maintenance role: vacuums, builds indexes anew, archives. */
  maintenanceDatabaseUrl: pulumi.Input<string>;
  redisUrl: pulumi.Input<string>;
  credentials: {
    writer: aws.iam.AccessKey;
    reader: aws.iam.AccessKey;
    metrics: aws.iam.AccessKey;
    acknowledger: aws.iam.AccessKey;
    mailer: aws.iam.AccessKey;
    metricsReader: aws.iam.AccessKey;
  };
  /** What services outside the stack are entered with, where reports work with them. */
  tokens: { github?: pulumi.Input<string>; sentry?: pulumi.Input<string> };
  /** Private key of age that opens the backups. */
  backupIdentity: pulumi.Input<string>;
  /** pgBackRest's configuration. */
  archiveConfig: pulumi.Input<string>;
  dependsOn: pulumi.Input<pulumi.Resource>[];
}

interface SharedFiles {
  configs: ConfigFile[];
  secrets: NonNullable<StackServiceArgs["secrets"]>;
}

/** Where a task's runs are recorded, on the volume of its service. */
const RECORDS = { ops: "/backups/.records", restore: "/var/lib/restore/.records" } as const;
/** A dump or a restore that is under way is ended and cleaned up after. */
const STOP_SECONDS = 60;

/**
 * What runs beside the application: ops, which checks the stack from inside and makes the backups; restore, which alone can
 * open them, for drills and restores; and the metrics agent, one on every node. None of these has the Docker socket or runs as
 * root: of the engine the agent sees what its reader, the service engine, lets through, and ops the logs of the stack's services.
 */
export class Operations extends pulumi.ComponentResource {
  readonly ops: StackService;
  readonly restore: StackService;
  readonly engine: StackService;
  readonly agent: StackService;

  constructor(name: string, args: OperationsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:stack:Operations", name, {}, opts);

    const shared = this.sharedFiles(args);
    this.ops = this.createOps(args, shared);
    this.restore = this.createRestore(args, shared);
    this.engine = this.createEngineReader(args);
    this.agent = this.createAgent(args);
    this.registerOutputs({
      ops: this.ops.serviceName,
      restore: this.restore.serviceName,
      engine: this.engine.serviceName,
      agent: this.agent.serviceName,
    });
  }

  private sharedFiles({ stack, tasks, backupSettings, credentials }: OperationsArgs): SharedFiles {
    return {
      configs: [
        { config: tasks.file, path: "/fitnesscrm/tasks.json" },
        { config: swarmConfig(stack, "backup", backupSettings, this), path: "/fitnesscrm/backup.json" },
      ],
      secrets: {
        backup_reader: swarmSecret(stack, "backup-reader", keyFile(credentials.reader), this),
        metrics_writer: swarmSecret(stack, "metrics-writer", keyFile(credentials.metrics), this),
      },
    };
  }

  private createOps(args: OperationsArgs, shared: SharedFiles): StackService {
    const { stack, foundation } = args;
    const { certificates } = foundation;
    const edgeUrl = innerEdgeUrl(args.config.http);
    const onCall = {
      config: swarmConfig(stack, "on-call", args.onCallSettings, this),
      path: "/fitnesscrm/on-call.json",
    };
    const mail = {
      config: swarmConfig(stack, "mail", args.mailSettings, this),
      path: "/fitnesscrm/mail.json",
    };
    const maintenance = {
      config: swarmConfig(stack, "maintenance", args.windowSettings, this),
      path: "/fitnesscrm/maintenance.json",
    };
    const reports = {
      config: swarmConfig(stack, "reports", args.reportSettings, this),
      path: "/fitnesscrm/reports.json",
    };
    const certificate =
      args.certificateSettings === undefined
        ? []
        : [
            {
              config: swarmConfig(stack, "certificates", args.certificateSettings, this),
              path: "/fitnesscrm/certificates.json",
            },
          ];
    return this.createWorker(
      "ops",
      args,
      { ...shared, configs: [...shared.configs, onCall, mail, maintenance, reports, ...certificate] },
      {
        secrets: {
          acknowledger: swarmSecret(stack, "acknowledger", keyFile(args.credentials.acknowledger), this),
          mailer: swarmSecret(stack, "mailer", keyFile(args.credentials.mailer), this),
          maintenance_database_url: swarmSecret(
            stack,
            "maintenance-database-url",
            args.maintenanceDatabaseUrl,
            this,
          ),
          metrics_reader: swarmSecret(stack, "metrics-reader", keyFile(args.credentials.metricsReader), this),
          ops_database_url: swarmSecret(stack, "ops-database-url", args.monitoringDatabaseUrl, this),
          redis_url: swarmSecret(stack, "ops-redis-url", args.redisUrl, this),
          backup_database_url: swarmSecret(stack, "backup-database-url", args.backupDatabaseUrl, this),
          backup_writer: swarmSecret(stack, "backup-writer", keyFile(args.credentials.writer), this),
          ...this.tokenFiles(args),
        },
        volumes: {
          "/backups": foundation.volumes.backups.name,
          "/pages": foundation.volumes.pages.name,
          ...(certificates !== undefined && { "/certificates": certificates.name }),
        },
        readOnlyVolumes: {
          "/uploads": foundation.volumes.uploads.name,
          "/var/log/edge": foundation.volumes["edge-log"].name,
          "/run/engine-logs": foundation.volumes["engine-logs"].name,
        },
        scratchMiB: { "/tmp": 64 },
        environment: {
          OPS_FAILED_LOGIN_MINUTES: String(args.config.alarms.failedLogins.minutes),
          ...(edgeUrl !== undefined && { OPS_EDGE_URL: edgeUrl }),
        },
      },
    );
  }

  private tokenFiles({ stack, tokens: { github, sentry } }: OperationsArgs): SharedFiles["secrets"] {
    return {
      ...(github !== undefined && { github_token: swarmSecret(stack, "github-token", github, this) }),
      ...(sentry !== undefined && { sentry_token: swarmSecret(stack, "sentry-token", sentry, this) }),
    };
  }

  private createRestore(args: OperationsArgs, shared: SharedFiles): StackService {
    const { stack, foundation } = args;
    return this.createWorker("restore", args, shared, {
      secrets: {
        backup_identity: swarmSecret(stack, "backup-identity", args.backupIdentity, this),
        pgbackrest_conf: swarmSecret(stack, "restore-archive", args.archiveConfig, this),
      },
      volumes: { "/var/lib/restore": foundation.volumes.restore.name },
      readOnlyVolumes: { "/backups": foundation.volumes.backups.name },
      // Parallel index builds of the temporary server share memory in /dev/shm.
      scratchMiB: { "/dev/shm": 256, "/tmp": 64 },
    });
  }

  /** One of the two services that run what the calendar says, of one image. */
  private createWorker(
    service: keyof typeof RECORDS,
    { stack, rollout, foundation, images, config, dependsOn }: OperationsArgs,
    shared: SharedFiles,
    own: Pick<StackServiceArgs, "environment" | "volumes" | "readOnlyVolumes" | "scratchMiB"> &
      Required<Pick<StackServiceArgs, "secrets">>,
  ): StackService {
    return new StackService(
      service,
      {
        stack,
        rollout,
        service,
        network: foundation.network,
        image: images.ops.reference,
        configs: shared.configs,
        ...own,
        environment: { OPS_ROLE: service, OPS_RECORDS: RECORDS[service], ...own.environment },
        secrets: { ...own.secrets, ...shared.secrets },
        readOnlyRoot: true,
        probe: { command: ["/usr/local/bin/healthcheck"] },
        limits: config.resources[service],
        replicas: 1,
        // Two of them would run every task twice.
        update: "replace",
        pinned: true,
        stopGraceSeconds: STOP_SECONDS,
        dependsOn,
      },
      { parent: this },
    );
  }

  private createEngineReader({ stack, rollout, foundation, images, config }: OperationsArgs): StackService {
    return new StackService(
      "engine",
      {
        stack,
        rollout,
        service: "engine",
        network: foundation.network,
        image: images.engine.reference,
        readOnlyRoot: true,
        hostFolders: { "/var/run/docker.sock": "/var/run/docker.sock" },
        // A socket for the metrics and one for the logs: who has one cannot ask for what the other one gives.
        volumes: {
          "/run/engine": foundation.volumes.engine.name,
          "/run/engine-logs": foundation.volumes["engine-logs"].name,
        },
        scratchMiB: { "/tmp": 8 },
        probe: { command: ["/usr/local/bin/healthcheck"] },
        limits: config.resources.engine,
        replicas: "global",
        // Two would take each other's socket away.
        update: "replace",
      },
      { parent: this },
    );
  }

  private createAgent(args: OperationsArgs): StackService {
    const { stack, rollout, foundation, images, config } = args;
    const { drillDisk } = foundation;
    return new StackService(
      "agent",
      {
        stack,
        rollout,
        service: "agent",
        network: foundation.network,
        image: images.agent.reference,
        environment: agentEnvironment(args),
        readOnlyRoot: true,
        secrets: {
          monitoring_database_url: swarmSecret(
            stack,
            "monitoring-database-url",
            args.monitoringDatabaseUrl,
            this,
          ),
          redis_url: swarmSecret(stack, "agent-redis-url", args.redisUrl, this),
          agent_aws_credentials: swarmSecret(
            stack,
            "agent-aws-credentials",
            profileFile(args.credentials.metrics),
            this,
          ),
        },
        // Not the whole of /, where the engine's socket lies. The second one stands for the file system that it lies on.
        hostFolders: { "/hostfs/proc": "/proc", "/hostfs/root": "/etc/os-release" },
        readOnlyVolumes: {
          "/var/log/edge": foundation.volumes["edge-log"].name,
          "/run/engine": foundation.volumes.engine.name,
          ...(drillDisk !== undefined && { "/drill/disk": drillDisk.name }),
        },
        probe: { command: ["/usr/local/bin/healthcheck"] },
        limits: config.resources.agent,
        replicas: "global",
        update: "roll",
        dependsOn: args.dependsOn,
      },
      { parent: this },
    );
  }
}

function agentEnvironment({ stack, config, publicUrl }: OperationsArgs): Record<string, string> {
  const endpoint = config.aws.emulator?.containerEndpoint;
  const edgeUrl = innerEdgeUrl(config.http);
  return {
    AGENT_STACK: stack,
    AGENT_INTERVAL: `${config.alarms.periodSeconds}s`,
    AGENT_MIN_REQUESTS: String(config.alarms.minRequests),
    AGENT_DRILLS: String(config.drills),
    AWS_REGION: config.aws.region,
    ...(endpoint !== undefined && { AWS_ENDPOINT_URL: endpoint }),
    ...(edgeUrl !== undefined && { AGENT_EDGE_URL: edgeUrl }),
    ...(publicUrl.startsWith("https:") && { AGENT_CERTIFICATE_URL: publicUrl }),
    HOST_PROC: "/hostfs/proc",
  };
}

/** A key as AWS's own libraries read it from a file. */
function profileFile(key: aws.iam.AccessKey): pulumi.Output<string> {
  return pulumi.secret(
    pulumi.interpolate`[default]\naws_access_key_id = ${key.id}\naws_secret_access_key = ${key.secret}\n`,
  );
}

/** A key as the containers read it: one JSON file, so that its two halves never come from two different keys. */
function keyFile(key: aws.iam.AccessKey): pulumi.Output<string> {
  return pulumi.secret(
    pulumi
      .all([key.id, key.secret])
      .apply(([accessKeyId, secretAccessKey]) => JSON.stringify({ accessKeyId, secretAccessKey })),
  );
}
