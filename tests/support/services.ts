import * as aws from "@pulumi/aws";
import type { AttemptRecord } from "../../attempt";
import { Rollout } from "../../components/deploy/rollout";
import { Image } from "../../components/images/image";
import { ScheduledTasks } from "../../components/operations/scheduledTasks";
import { Application } from "../../components/stack/application";
import { StackFoundation } from "../../components/stack/foundation";
import { Operations } from "../../components/stack/operations";
import { StatefulServices } from "../../components/stack/stateful";
import { parseConfig } from "../../config";
import { taskDefinitions } from "../../tasks";
import { type ConfigObject, minimalConfig, rawOf } from "./config";
import { type Recorded, type Recording, record } from "./mocks";

/** Secrets that the services of a test stack get; none of them may turn up anywhere but in a Swarm secret. */
export const PLANTED = {
  postgres: "planted-postgres-password",
  redis: "planted-redis-password",
  databaseUrl: "postgresql://app:planted-url@db:5432/crm",
  redisUrl: "redis://:planted-url@redis:6379/0",
  secretKey: "planted-secret-key",
  operators: "planted-operators-password",
  monitoringUrl: "postgresql://monitoring:planted-url@db:5432/crm",
  maintenanceUrl: "postgresql://maintenance:planted-url@db:5432/crm",
  backupUrl: "postgresql://backup:planted-url@db:5432/crm",
  backupIdentity: "planted-backup-identity",
  archiveConfig: "[global]\nrepo1-s3-key-secret=planted-archive-key\n",
  githubToken: "planted-github-token",
  sentryToken: "planted-sentry-token",
};

export interface StackParts {
  rollout: Rollout;
  foundation: StackFoundation;
  stateful: StatefulServices;
  application: Application;
  operations: Operations;
}

/** Every service of a stack, with published images and the configuration's defaults. */
export function recordServices(
  stack: string,
  config: ConfigObject = minimalConfig(),
  attempt?: AttemptRecord,
): Promise<Recording<StackParts>> {
  const parsed = parseConfig(rawOf(config), "/nowhere");
  return record(stack, () => {
    const image = (name: string): Image =>
      new Image(name, { reference: `registry.example.com/${name}@sha256:${"0".repeat(64)}`, dockerHost: "" });
    const key = (name: string) => new aws.iam.AccessKey(name, { user: name });
    const rollout = new Rollout("rollout", { stack, record: Promise.resolve(attempt), pin: parsed.pin });
    const foundation = new StackFoundation("foundation", {
      stack,
      drills: parsed.drills,
      certificates: parsed.http.tls !== undefined,
    });
    const stateful = new StatefulServices("stateful", {
      stack,
      rollout,
      foundation,
      images: { postgres: image("postgres"), redis: image("redis") },
      config: parsed,
      passwords: { postgres: PLANTED.postgres, redis: PLANTED.redis },
      archiveConfig: PLANTED.archiveConfig,
    });
    const dependsOn = [stateful.db.service, stateful.redis.service];
    const application = new Application("application", {
      stack,
      rollout,
      foundation,
      images: { backend: image("backend"), frontend: image("frontend"), nginx: image("nginx") },
      config: parsed,
      publicUrl: "https://crm.example.com",
      secrets: {
        DATABASE_URL: PLANTED.databaseUrl,
        REDIS_URL: PLANTED.redisUrl,
        SECRET_KEY: PLANTED.secretKey,
      },
      adminPassword: "planted-adminPassword",
      operatorsPassword: PLANTED.operators,
      dependsOn,
    });
    const operations = new Operations("operations", {
      stack,
      rollout,
      foundation,
      publicUrl: "https://crm.example.com",
      images: { ops: image("ops"), engine: image("engine"), agent: image("agent") },
      config: parsed,
      tasks: new ScheduledTasks("tasks", {
        stack,
        timeZone: parsed.timeZone,
        tasks: taskDefinitions({ certificates: parsed.http.tls !== undefined }),
      }),
      backupSettings: "{}",
      certificateSettings: parsed.http.tls && "{}",
      monitoringDatabaseUrl: PLANTED.monitoringUrl,
      maintenanceDatabaseUrl: PLANTED.maintenanceUrl,
      backupDatabaseUrl: PLANTED.backupUrl,
      credentials: {
        writer: key("writer"),
        reader: key("reader"),
        metrics: key("metrics"),
        acknowledger: key("acknowledger"),
        mailer: key("mailer"),
        metricsReader: key("metrics-reader"),
      },
      onCallSettings: "{}",
      mailSettings: "{}",
      windowSettings: "{}",
      reportSettings: "{}",
      tokens: {
        ...(parsed.tickets !== undefined && { github: PLANTED.githubToken }),
        ...(parsed.sentry !== undefined && { sentry: PLANTED.sentryToken }),
      },
      backupIdentity: PLANTED.backupIdentity,
      archiveConfig: PLANTED.archiveConfig,
      redisUrl: PLANTED.redisUrl,
      dependsOn,
    });
    rollout.finish({});
    return { rollout, foundation, stateful, application, operations };
  });
}

let unit: Promise<Recording<StackParts>> | undefined;

/** The services of a stack called "unit" with the defaults, made once for all tests that only look at them. */
export function unitServices(): Promise<Recording<StackParts>> {
  unit ??= recordServices("unit");
  return unit;
}

/** What a service runs, as far as tests look at it. */
export interface TaskSpec {
  containerSpec: Record<string, unknown> & {
    env?: Record<string, string>;
    mounts: { type: string; source?: string; target: string; readOnly?: boolean }[];
    secrets: { secretId: string; secretName: string; fileName: string }[];
  };
  placement?: unknown;
  [key: string]: unknown;
}

export const taskSpecOf = ({ inputs }: Recorded): TaskSpec => inputs.taskSpec as TaskSpec;
