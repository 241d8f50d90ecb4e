import assert from "node:assert/strict";
import { archiveSettings } from "../../../../components/backup/archive";
import { serverSettings } from "../../../../components/database/server";
import { parseConfig, SERVICES } from "../../../../config";
import { minimalConfig, rawOf } from "../../../support/config";
import { countByType, ofType, only, outputValue, type Recorded } from "../../../support/mocks";
import { type StackParts, taskSpecOf, unitServices } from "../../../support/services";

const SERVICE = "docker:index/service:Service";
const SECRET = "docker:index/secret:Secret";
const CONFIG = "docker:index/serviceConfig:ServiceConfig";

const MIB = 1024 * 1024;
const secretFile = (file: string, name: string) => ({
  secretId: `id-of-fitnesscrm-unit-${name}`,
  secretName: `fitnesscrm-unit-${name}-1234567`,
  fileName: file,
});
const script = (name: string) => ({
  configId: `id-of-fitnesscrm-unit-${name}`,
  configName: `fitnesscrm-unit-${name}-1234567`,
  fileName: `/fitnesscrm/${name}.sh`,
  fileMode: 0o555,
});
const image = (name: string) => `registry.example.com/${name}@sha256:${"0".repeat(64)}`;
const scratch = (target: string, mib: number) => ({
  type: "tmpfs",
  target,
  tmpfsOptions: { sizeBytes: mib * MIB },
});

interface Expected {
  memoryMiB: number;
  cpus: number;
  replicas: number | "global";
  order: "start-first" | "stop-first";
  pinned?: boolean;
  ports?: object[];
  /** What the container's specification has beside what all have. */
  container: Record<string, unknown>;
  startPeriod: string;
  probe: string[];
}

/** Whole inputs of a service: what all have in common, and its own. */
function inputsOf(service: string, expected: Expected): Record<string, unknown> {
  const labels = [
    { label: "fitnesscrm.stack", value: "unit" },
    { label: "fitnesscrm.service", value: service },
  ];
  const update = (failureAction: string) => ({
    order: expected.order,
    parallelism: 1,
    delay: "0s",
    monitor: "5s",
    maxFailureRatio: "0.0",
    failureAction,
  });
  return {
    name: `fitnesscrm-unit-${service}`,
    labels,
    taskSpec: {
      containerSpec: {
        labels: [...labels, { label: "fitnesscrm.cpus", value: String(expected.cpus) }],
        capDrops: ["ALL"],
        healthcheck: {
          tests: ["CMD", ...expected.probe],
          interval: "5s",
          timeout: "5s",
          retries: 3,
          startPeriod: expected.startPeriod,
        },
        ...expected.container,
      },
      networksAdvanceds: [{ id: "id-of-foundation", aliases: [service] }],
      resources: {
        limits: { memoryBytes: expected.memoryMiB * MIB, nanoCpus: expected.cpus * 1e9 },
      },
      restartPolicy: { condition: "any", delay: "2s", window: "0s" },
      logDriver: { name: "json-file", options: { "max-size": "10m", "max-file": "5" } },
      ...(expected.pinned && { placement: { constraints: ["node.labels.fitnesscrm.data==true"] } }),
    },
    mode: expected.replicas === "global" ? { global: true } : { replicated: { replicas: expected.replicas } },
    endpointSpec: { mode: "dnsrr", ...(expected.ports && { ports: expected.ports }) },
    updateConfig: update("rollback"),
    rollbackConfig: update("pause"),
    // The provider cannot wait for a service of no fixed number of tasks.
    ...(expected.replicas !== "global" && { convergeConfig: { delay: "1s", timeout: "3m" } }),
  };
}

const readOnlyVolume = (name: string, target: string) => ({
  type: "volume",
  source: `fitnesscrm-unit-${name}`,
  target,
  readOnly: true,
  volumeOptions: { noCopy: true },
});

const file = (name: string, path: string) => ({
  configId: `id-of-fitnesscrm-unit-${name}`,
  configName: `fitnesscrm-unit-${name}-1234567`,
  fileName: path,
  fileMode: 0o444,
});
const OPS_FILES = [file("tasks", "/fitnesscrm/tasks.json"), file("backup", "/fitnesscrm/backup.json")];

/** Volumes of which every node has its own: nothing of them is missed on another one. */
const PER_NODE = ["fitnesscrm-unit-edge-log", "fitnesscrm-unit-engine", "fitnesscrm-unit-engine-logs"];

const HEALTHCHECK = ["/usr/local/bin/healthcheck"];

const EXPECTED: Record<(typeof SERVICES)[number], Expected> = {
  db: {
    memoryMiB: 1024,
    cpus: 1,
    replicas: 1,
    order: "stop-first",
    pinned: true,
    startPeriod: "2m",
    probe: HEALTHCHECK,
    container: {
      image: image("postgres"),
      args: serverSettings({
        ...parseConfig(rawOf(minimalConfig()), "/nowhere").database,
        archive: archiveSettings(),
      }),
      env: { POSTGRES_DB: "fitnesscrm" },
      readOnly: true,
      stopGracePeriod: "2m",
      secrets: [
        secretFile("postgres_password", "postgres-password"),
        secretFile("pgbackrest_conf", "archive"),
      ],
      configs: [],
      mounts: [
        { type: "volume", source: "fitnesscrm-unit-postgres", target: "/var/lib/postgresql/data" },
        scratch("/dev/shm", 256),
        scratch("/run/postgresql", 1),
        scratch("/tmp", 64),
      ],
    },
  },
  redis: {
    memoryMiB: 384,
    cpus: 0.5,
    replicas: 1,
    order: "stop-first",
    pinned: true,
    startPeriod: "30s",
    probe: HEALTHCHECK,
    container: {
      image: image("redis"),
      env: { REDIS_MAXMEMORY: "256mb", REDIS_MAXMEMORY_POLICY: "allkeys-lru" },
      readOnly: true,
      stopGracePeriod: "30s",
      secrets: [secretFile("redis_password", "redis-password")],
      configs: [],
      mounts: [
        { type: "volume", source: "fitnesscrm-unit-redis", target: "/data" },
        scratch("/run/redis", 1),
      ],
    },
  },
  backend: {
    memoryMiB: 768,
    cpus: 1,
    replicas: 2,
    order: "start-first",
    pinned: true,
    startPeriod: "1m",
    probe: ["/fitnesscrm/http-check.sh", "http://127.0.0.1:5000/api/health"],
    container: {
      image: image("backend"),
      commands: ["/fitnesscrm/entrypoint.sh"],
      args: ["/entry", "backend"],
      env: {
        FITNESSCRM_DRAIN_SECONDS: "5",
        FITNESSCRM_SECRET_ENV: "DATABASE_URL=database_url REDIS_URL=redis_url SECRET_KEY=secret_key",
        ALLOWED_ORIGINS: "https://crm.example.com",
        LOG_LEVEL: "INFO",
      },
      readOnly: false,
      stopGracePeriod: "1m",
      secrets: [
        secretFile("database_url", "database-url"),
        secretFile("redis_url", "redis-url"),
        secretFile("secret_key", "secret-key"),
      ],
      configs: [script("entrypoint"), script("http-check")],
      mounts: [{ type: "volume", source: "fitnesscrm-unit-uploads", target: "/app/uploads" }],
    },
  },
  frontend: {
    memoryMiB: 128,
    cpus: 0.5,
    replicas: 1,
    order: "start-first",
    startPeriod: "30s",
    probe: ["/fitnesscrm/http-check.sh", "http://127.0.0.1:3000/"],
    container: {
      image: image("frontend"),
      commands: ["/fitnesscrm/entrypoint.sh"],
      args: ["/entry", "frontend"],
      env: {
        FITNESSCRM_DRAIN_SECONDS: "5",
        VITE_API_URL: "https://crm.example.com",
        VITE_APP_ENV: "production",
      },
      readOnly: false,
      stopGracePeriod: "1m",
      secrets: [],
      configs: [script("entrypoint"), script("http-check")],
      mounts: [],
      capAdds: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"],
    },
  },
  nginx: {
    memoryMiB: 128,
    cpus: 1,
    replicas: 1,
    order: "stop-first",
    ports: [{ publishMode: "host", publishedPort: 80, targetPort: 80, protocol: "tcp" }],
    pinned: true,
    startPeriod: "30s",
    probe: HEALTHCHECK,
    container: {
      image: image("nginx"),
      env: {
        NGINX_LOGIN_PATHS: "/api/login",
        NGINX_LOGIN_PER_MINUTE: "10",
        NGINX_LOGIN_BURST: "20",
      },
      readOnly: true,
      stopGracePeriod: "1m",
      secrets: [secretFile("operators", "operators")],
      configs: [],
      mounts: [
        { type: "volume", source: "fitnesscrm-unit-edge-log", target: "/var/log/edge" },
        readOnlyVolume("pages", "/pages"),
        scratch("/tmp", 128),
      ],
    },
  },
  ops: {
    memoryMiB: 512,
    cpus: 1,
    replicas: 1,
    order: "stop-first",
    pinned: true,
    startPeriod: "30s",
    probe: HEALTHCHECK,
    container: {
      image: image("ops"),
      env: { OPS_ROLE: "ops", OPS_RECORDS: "/backups/.records", OPS_FAILED_LOGIN_MINUTES: "10" },
      readOnly: true,
      stopGracePeriod: "1m",
      secrets: [
        secretFile("acknowledger", "acknowledger"),
        secretFile("mailer", "mailer"),
        secretFile("maintenance_database_url", "maintenance-database-url"),
        secretFile("metrics_reader", "metrics-reader"),
        secretFile("ops_database_url", "ops-database-url"),
        secretFile("redis_url", "ops-redis-url"),
        secretFile("backup_database_url", "backup-database-url"),
        secretFile("backup_writer", "backup-writer"),
        secretFile("backup_reader", "backup-reader"),
        secretFile("metrics_writer", "metrics-writer"),
      ],
      configs: [
        ...OPS_FILES,
        file("on-call", "/fitnesscrm/on-call.json"),
        file("mail", "/fitnesscrm/mail.json"),
        file("maintenance", "/fitnesscrm/maintenance.json"),
        file("reports", "/fitnesscrm/reports.json"),
      ],
      mounts: [
        { type: "volume", source: "fitnesscrm-unit-backups", target: "/backups" },
        { type: "volume", source: "fitnesscrm-unit-pages", target: "/pages" },
        readOnlyVolume("uploads", "/uploads"),
        readOnlyVolume("edge-log", "/var/log/edge"),
        readOnlyVolume("engine-logs", "/run/engine-logs"),
        scratch("/tmp", 64),
      ],
    },
  },
  restore: {
    memoryMiB: 1024,
    cpus: 2,
    replicas: 1,
    order: "stop-first",
    pinned: true,
    startPeriod: "30s",
    probe: HEALTHCHECK,
    container: {
      image: image("ops"),
      env: { OPS_ROLE: "restore", OPS_RECORDS: "/var/lib/restore/.records" },
      readOnly: true,
      stopGracePeriod: "1m",
      secrets: [
        secretFile("backup_identity", "backup-identity"),
        secretFile("pgbackrest_conf", "restore-archive"),
        secretFile("backup_reader", "backup-reader"),
        secretFile("metrics_writer", "metrics-writer"),
      ],
      configs: OPS_FILES,
      mounts: [
        { type: "volume", source: "fitnesscrm-unit-restore", target: "/var/lib/restore" },
        readOnlyVolume("backups", "/backups"),
        scratch("/dev/shm", 256),
        scratch("/tmp", 64),
      ],
    },
  },
  engine: {
    memoryMiB: 64,
    cpus: 0.1,
    replicas: "global",
    order: "stop-first",
    startPeriod: "30s",
    probe: HEALTHCHECK,
    container: {
      image: image("engine"),
      readOnly: true,
      stopGracePeriod: "30s",
      secrets: [],
      configs: [],
      mounts: [
        { type: "volume", source: "fitnesscrm-unit-engine", target: "/run/engine" },
        { type: "volume", source: "fitnesscrm-unit-engine-logs", target: "/run/engine-logs" },
        { type: "bind", source: "/var/run/docker.sock", target: "/var/run/docker.sock", readOnly: true },
        scratch("/tmp", 8),
      ],
    },
  },
  agent: {
    memoryMiB: 192,
    cpus: 0.25,
    replicas: "global",
    order: "start-first",
    startPeriod: "30s",
    probe: HEALTHCHECK,
    container: {
      image: image("agent"),
      env: {
        AGENT_STACK: "unit",
        AGENT_INTERVAL: "60s",
        AGENT_MIN_REQUESTS: "20",
        AGENT_DRILLS: "false",
        AWS_REGION: "us-east-1",
        AGENT_CERTIFICATE_URL: "https://crm.example.com",
        HOST_PROC: "/hostfs/proc",
      },
      readOnly: true,
      stopGracePeriod: "30s",
      secrets: [
        secretFile("monitoring_database_url", "monitoring-database-url"),
        secretFile("redis_url", "agent-redis-url"),
        secretFile("agent_aws_credentials", "agent-aws-credentials"),
      ],
      configs: [],
      mounts: [
        readOnlyVolume("edge-log", "/var/log/edge"),
        readOnlyVolume("engine", "/run/engine"),
        { type: "bind", source: "/proc", target: "/hostfs/proc", readOnly: true },
        { type: "bind", source: "/etc/os-release", target: "/hostfs/root", readOnly: true },
      ],
    },
  },
};

describe("services of a stack", () => {
  let resources: Recorded[];
  let parts: StackParts;
  const service = (name: string): Recorded => only(resources, SERVICE, name);
  before(async () => {
    const recording = await unitServices();
    resources = recording.resources;
    parts = recording.result;
  });

  for (const name of SERVICES) {
    it(`${name} is declared exactly so`, () => {
      assert.deepEqual(service(name).inputs, inputsOf(name, EXPECTED[name]));
    });
  }

  it("are these nine, with a network, volumes, secrets and files, and nothing else", () => {
    const {
      "fitnesscrm:images:Image": _images,
      "command:local:Command": _commands,
      ...rest
    } = countByType(resources);
    assert.deepEqual(rest, {
      "fitnesscrm:stack:Foundation": 1,
      "fitnesscrm:deploy:Rollout": 1,
      "fitnesscrm:deploy:Gate": 2,
      "fitnesscrm:stack:Stateful": 1,
      "fitnesscrm:stack:Application": 1,
      "fitnesscrm:stack:Operations": 1,
      "fitnesscrm:stack:Service": 9,
      "fitnesscrm:operations:ScheduledTasks": 1,
      "aws:iam/accessKey:AccessKey": 6,
      [SERVICE]: 9,
      [SECRET]: 22,
      [CONFIG]: 8,
      "docker:index/network:Network": 1,
      "docker:index/volume:Volume": 9,
    });
  });

  it("publish no port but nginx's", () => {
    const published = ofType(resources, SERVICE).filter(
      ({ inputs }) => (inputs.endpointSpec as { ports?: unknown }).ports !== undefined,
    );
    assert.deepEqual(
      published.map(({ name }) => name),
      ["nginx"],
    );
  });

  it("that hold data, or read it, run where the data is", () => {
    const withData = ofType(resources, SERVICE).filter((resource) =>
      taskSpecOf(resource).containerSpec.mounts.some(
        ({ type, source }) => type === "volume" && !PER_NODE.includes(source ?? ""),
      ),
    );
    assert.deepEqual(withData.map(({ name }) => name).sort(), [
      "backend",
      "db",
      "nginx",
      "ops",
      "redis",
      "restore",
    ]);
    for (const resource of withData) {
      assert.deepEqual(
        taskSpecOf(resource).placement,
        { constraints: ["node.labels.fitnesscrm.data==true"] },
        resource.name,
      );
    }
  });

  it("that two tasks of must never run at once have one, which stops before its successor starts", () => {
    for (const name of ["db", "redis", "nginx", "ops", "restore"]) {
      const { mode, updateConfig, rollbackConfig } = service(name).inputs as Record<
        string,
        { order?: string }
      >;
      assert.deepEqual(mode, { replicated: { replicas: 1 } }, name);
      assert.deepEqual([updateConfig?.order, rollbackConfig?.order], ["stop-first", "stop-first"], name);
    }
  });

  it("mount nothing of the host but the agent and the engine's reader, and that read-only", () => {
    for (const resource of ofType(resources, SERVICE)) {
      const binds = taskSpecOf(resource).containerSpec.mounts.filter(({ type }) => type === "bind");
      assert.deepEqual(
        binds.map(({ source }) => source),
        { agent: ["/proc", "/etc/os-release"], engine: ["/var/run/docker.sock"] }[resource.name] ?? [],
        resource.name,
      );
      assert.ok(
        binds.every(({ readOnly }) => readOnly === true),
        resource.name,
      );
    }
  });

  it("are replaced delete-first, keep their place for ten minutes, and ignore the one path that never settles", () => {
    for (const resource of ofType(resources, SERVICE)) {
      assert.equal(resource.deleteBeforeReplace, true, resource.name);
      assert.deepEqual(resource.ignoreChanges, ["taskSpec.containerSpec.sysctl"], resource.name);
      assert.deepEqual(resource.timeouts, { create: "10m", update: "10m", delete: "5m" }, resource.name);
      assert.equal(resource.protect, false, resource.name);
    }
  });

  it("that need the database and the cache wait for them", () => {
    const needed = [service("db").urn, service("redis").urn];
    for (const name of ["backend", "ops", "restore", "agent"]) {
      const parent = resources.find(({ urn }) => urn === service(name).parent);
      const waitsFor = [...service(name).dependsOn, ...(parent?.dependsOn ?? [])];
      assert.deepEqual(
        needed.filter((urn) => !waitsFor.includes(urn)),
        [],
        name,
      );
    }
  });

  it("offer their full names", async () => {
    const { stateful, application, operations } = parts;
    const offered = [
      stateful.db,
      stateful.redis,
      application.backend,
      application.frontend,
      application.nginx,
      operations.ops,
      operations.restore,
      operations.engine,
      operations.agent,
    ];
    assert.deepEqual(
      await Promise.all(offered.map(({ serviceName }) => outputValue(serviceName))),
      SERVICES.map((name) => `fitnesscrm-unit-${name}`),
    );
  });
});
