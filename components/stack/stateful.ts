import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../../config";
import { archiveSettings } from "../backup/archive";
import { serverSettings } from "../database/server";
import type { Rollout } from "../deploy/rollout";
import type { Image } from "../images/image";
import { firstSecret, swarmSecret } from "./files";
import type { StackFoundation } from "./foundation";
import { StackService } from "./service";

export interface StatefulServicesArgs {
  stack: string;
  rollout: Rollout;
  foundation: StackFoundation;
  images: { postgres: Image; redis: Image };
  config: Pick<Config, "database" | "redis" | "resources">;
  /** Of the first start; what replaces them reaches the servers while they run (`./fitnesscrm secrets rotate`). */
  passwords: { postgres: pulumi.Input<string>; redis: pulumi.Input<string> };
  /** pgBackRest's configuration: the server sends its log to S3 as it writes it. */
  archiveConfig: pulumi.Input<string>;
}

/** A server that is told to stop writes what it holds first; killing it earlier means recovery at the next start. */
const DATABASE_STOP_SECONDS = 120;

/**
 * PostgreSQL and Redis: one task each, stopped before its successor starts, since two servers must never share a volume.
 * Neither publishes a port; what needs them is in the stack's network.
 */
export class StatefulServices extends pulumi.ComponentResource {
  readonly db: StackService;
  readonly redis: StackService;

  constructor(name: string, args: StatefulServicesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:stack:Stateful", name, {}, opts);

    this.db = this.createDatabaseServer(args);
    this.redis = this.createCache(args);
    this.registerOutputs({ db: this.db.serviceName, redis: this.redis.serviceName });
  }

  private createDatabaseServer(args: StatefulServicesArgs): StackService {
    const { stack, rollout, foundation, images, config, passwords } = args;
    return new StackService(
      "db",
      {
        stack,
        rollout,
        service: "db",
        network: foundation.network,
        image: images.postgres.reference,
        args: serverSettings({ ...config.database, archive: archiveSettings() }),
        environment: { POSTGRES_DB: config.database.name },
        secrets: {
          postgres_password: firstSecret(stack, "postgres-password", passwords.postgres, this),
          pgbackrest_conf: swarmSecret(stack, "archive", args.archiveConfig, this),
        },
        volumes: { "/var/lib/postgresql/data": foundation.volumes.postgres.name },
        // Parallel queries share memory in /dev/shm; the engine's default of 64 MiB is soon full.
        scratchMiB: { "/dev/shm": 256, "/run/postgresql": 1, "/tmp": 64 },
        readOnlyRoot: true,
        probe: { command: ["/usr/local/bin/healthcheck"], startPeriodSeconds: 120 },
        limits: config.resources.db,
        replicas: 1,
        update: "replace",
        pinned: true,
        stopGraceSeconds: DATABASE_STOP_SECONDS,
      },
      { parent: this },
    );
  }

  private createCache(args: StatefulServicesArgs): StackService {
    const { stack, rollout, foundation, images, config, passwords } = args;
    return new StackService(
      "redis",
      {
        stack,
        rollout,
        service: "redis",
        network: foundation.network,
        image: images.redis.reference,
        environment: {
          REDIS_MAXMEMORY: `${config.redis.maxMemoryMiB}mb`,
          REDIS_MAXMEMORY_POLICY: config.redis.evictionPolicy,
        },
        secrets: { redis_password: firstSecret(stack, "redis-password", passwords.redis, this) },
        volumes: { "/data": foundation.volumes.redis.name },
        scratchMiB: { "/run/redis": 1 },
        readOnlyRoot: true,
        probe: { command: ["/usr/local/bin/healthcheck"] },
        limits: config.resources.redis,
        replicas: 1,
        update: "replace",
        pinned: true,
      },
      { parent: this },
    );
  }
}
