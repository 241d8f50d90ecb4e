import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../../config";
import type { Rollout } from "../deploy/rollout";
import type { Image } from "../images/image";
import type { ScheduledTasks } from "../operations/scheduledTasks";
import { swarmConfig, swarmSecret } from "./files";
import type { StackFoundation } from "./foundation";
import { type ConfigFile, StackService, type StackServiceArgs } from "./service";

export interface OperationsArgs {
  stack: string;
  rollout: Rollout;
  foundation: StackFoundation;
  images: { ops: Image; agent: Image };
  config: Pick<Config, "resources">;
  tasks: ScheduledTasks;
  /** What the containers know of backups: see `ops/backup/settings.ts`. */
  backupSettings: pulumi.Input<string>;
  /** Connections as the monitoring role: statistics, no data. */
  monitoringDatabaseUrl: pulumi.Input<string>;
  /** Connections as the backup role: reads everything. */
  backupDatabaseUrl: pulumi.Input<string>;
  redisUrl: pulumi.Input<string>;
  credentials: { writer: aws.iam.AccessKey; reader: aws.iam.AccessKey; metrics: aws.iam.AccessKey };
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
 * open them, for drills and restores; and the metrics agent, one on every node. None has the Docker socket, none runs as root.
 */
export class Operations extends pulumi.ComponentResource {
  readonly ops: StackService;
  readonly restore: StackService;
  readonly agent: StackService;

  constructor(name: string, args: OperationsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:stack:Operations", name, {}, opts);

    const shared = this.sharedFiles(args);
    this.ops = this.createOps(args, shared);
    this.restore = this.createRestore(args, shared);
    this.agent = this.createAgent(args);
    this.registerOutputs({
      ops: this.ops.serviceName,
      restore: this.restore.serviceName,
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
    return this.createWorker("ops", args, shared, {
      secrets: {
        ops_database_url: swarmSecret(stack, "ops-database-url", args.monitoringDatabaseUrl, this),
        redis_url: swarmSecret(stack, "ops-redis-url", args.redisUrl, this),
        backup_database_url: swarmSecret(stack, "backup-database-url", args.backupDatabaseUrl, this),
        backup_writer: swarmSecret(stack, "backup-writer", keyFile(args.credentials.writer), this),
      },
      volumes: { "/backups": foundation.volumes.backups.name },
      readOnlyVolumes: { "/uploads": foundation.volumes.uploads.name },
      scratchMiB: { "/tmp": 64 },
    });
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
    own: Pick<StackServiceArgs, "volumes" | "readOnlyVolumes" | "scratchMiB"> &
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
        environment: { OPS_ROLE: service, OPS_RECORDS: RECORDS[service] },
        configs: shared.configs,
        ...own,
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

  private createAgent(args: OperationsArgs): StackService {
    const { stack, rollout, foundation, images, config } = args;
    return new StackService(
      "agent",
      {
        stack,
        rollout,
        service: "agent",
        network: foundation.network,
        image: images.agent.reference,
        environment: { AGENT_STACK: stack, HOST_PROC: "/hostfs/proc" },
        readOnlyRoot: true,
        secrets: {
          monitoring_database_url: swarmSecret(
            stack,
            "monitoring-database-url",
            args.monitoringDatabaseUrl,
            this,
          ),
        },
        // Not the whole of /, where the engine's socket lies.
        hostFolders: { "/hostfs/proc": "/proc" },
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

/** A key as the containers read it: one JSON file, so that its two halves never come from two different keys. */
function keyFile(key: aws.iam.AccessKey): pulumi.Output<string> {
  return pulumi.secret(
    pulumi
      .all([key.id, key.secret])
      .apply(([accessKeyId, secretAccessKey]) => JSON.stringify({ accessKeyId, secretAccessKey })),
  );
}
