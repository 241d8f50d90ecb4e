import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { isStackName } from "../../../../config";
import { readCertificateSettings } from "../../../../ops/certificates/settings";
import { TELEGRAF_VERSION } from "../../../../versions";
import {
  BACKEND_IMAGE,
  type ConfigObject,
  FRONTEND_IMAGE,
  minimalConfig,
  PIN,
  TEST_SECRETS,
  withValue,
} from "../../../support/config";
import {
  countByType,
  GATE_REPORT,
  only,
  outputValue,
  type Recorded,
  type Recording,
} from "../../../support/mocks";
import { type ProgramRun, recordProgram } from "../../../support/program";
import { TempFolders } from "../../../support/temp";

/** A stack on a server, with everything said that can be. */
function completeConfig(): ConfigObject {
  return {
    ...minimalConfig(),
    app: { backendImage: BACKEND_IMAGE, frontendImage: FRONTEND_IMAGE, version: "2.3.0" },
    host: "ssh://root@crm.example.com",
    http: { port: 80, publicUrl: "https://crm.example.com" },
    database: { name: "crm", tunnelPort: 25432, appConnections: 90 },
    backup: { bucket: "crm-backups-example", retentionDaysS3: 120 },
    maintenance: { plannedFrom: "2026-12" },
    alarms: { thresholds: { cpu: 70 }, runbookBaseUrl: "https://wiki.example.com/runbooks" },
  };
}

const BUCKET = "aws:s3/bucket:Bucket";
const LONGEST = `unit-${"n".repeat(15)}`;

/** The program run once for all tests that look at it. */
function once(stack: string, config: ConfigObject): () => Promise<Recording<ProgramRun>> {
  let recording: Promise<Recording<ProgramRun>> | undefined;
  return () => {
    recording ??= recordProgram(stack, config);
    return recording;
  };
}

const unitStack = once("unit", completeConfig());
const longestStack = once(LONGEST, minimalConfig());
const localStack = once("local", {
  ...minimalConfig(),
  http: { port: 8080 },
  aws: { region: "us-east-1", emulator: { endpoint: "http://127.0.0.1:4566" } },
  local: { awsPort: 4566, mailboxPort: 8025 },
});

const asSecret = (value: string) => ({ secret: value });
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("the whole program", () => {
  let resources: Recorded[];
  let run: ProgramRun;
  before(async () => {
    const recording = await unitStack();
    resources = recording.resources;
    run = recording.result;
  });

  it("declares these resources and no other", () => {
    assert.deepEqual(countByType(resources), {
      "pulumi:providers:docker": 1,
      "pulumi:providers:aws": 1,
      "pulumi:providers:postgresql": 1,
      "fitnesscrm:stack:Images": 1,
      "fitnesscrm:images:Image": 8,
      "command:local:Command": 10,
      "fitnesscrm:deploy:Rollout": 1,
      "fitnesscrm:deploy:Gate": 2,
      "fitnesscrm:stack:Foundation": 1,
      "docker:index/network:Network": 1,
      "docker:index/volume:Volume": 9,
      "fitnesscrm:stack:Stateful": 1,
      "fitnesscrm:stack:Application": 1,
      "fitnesscrm:stack:Operations": 1,
      "fitnesscrm:stack:Service": 9,
      "docker:index/service:Service": 9,
      "docker:index/secret:Secret": 22,
      "docker:index/serviceConfig:ServiceConfig": 8,
      "fitnesscrm:database:Database": 1,
      "postgresql:index/role:Role": 5,
      "postgresql:index/grant:Grant": 8,
      "postgresql:index/defaultPrivileges:DefaultPrivileges": 2,
      "postgresql:index/extension:Extension": 1,
      "fitnesscrm:backup:Bucket": 1,
      "aws:s3/bucket:Bucket": 1,
      "aws:s3/bucketVersioning:BucketVersioning": 1,
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": 1,
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls": 1,
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 1,
      "aws:s3/bucketPolicy:BucketPolicy": 1,
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": 1,
      "aws:iam/user:User": 7,
      "aws:iam/userPolicy:UserPolicy": 7,
      "aws:iam/accessKey:AccessKey": 7,
      "fitnesscrm:monitoring:SeverityTopics": 1,
      "fitnesscrm:monitoring:EscalationTopics": 1,
      "aws:sns/topic:Topic": 7,
      "aws:sns/topicSubscription:TopicSubscription": 15,
      "fitnesscrm:monitoring:Alarms": 1,
      // 19 alarms, a twin for manager and CTO behind each, one for the CEO behind each P0.
      "aws:cloudwatch/metricAlarm:MetricAlarm": 19 + 2 * 19 + 4,
      "fitnesscrm:maintenance:AlarmMutes": 1,
      "aws:cloudwatch/alarmMuteRule:AlarmMuteRule": 12,
      "fitnesscrm:monitoring:Dashboard": 1,
      "aws:cloudwatch/dashboard:Dashboard": 1,
      "fitnesscrm:monitoring:Acknowledger": 1,
      "fitnesscrm:monitoring:MetricsReader": 1,
      "fitnesscrm:monitoring:MetricsSender": 1,
      "fitnesscrm:operations:MailSender": 1,
      "aws:ses/emailIdentity:EmailIdentity": 1,
      "fitnesscrm:operations:ScheduledTasks": 1,
    });
  });

  it("reaches Docker, AWS and PostgreSQL by providers of its own, never by a default one", () => {
    assert.deepEqual(only(resources, "pulumi:providers:docker").inputs, {
      host: "ssh://root@crm.example.com",
    });
    assert.deepEqual(only(resources, "pulumi:providers:aws").inputs, {
      region: "us-east-1",
      defaultTags: JSON.stringify({ tags: { project: "fitnesscrm", stack: "unit" } }),
      // The SDK's own defaults.
      skipCredentialsValidation: "false",
      skipRegionValidation: "true",
    });
    assert.deepEqual(only(resources, "pulumi:providers:postgresql").inputs, {
      host: "127.0.0.1",
      port: "25432",
      database: "postgres",
      username: "postgres",
      password: asSecret(TEST_SECRETS.postgresPassword),
      sslmode: "disable",
      connectTimeout: "180",
      superuser: "true",
    });
    for (const { type, name, provider } of resources) {
      const [pkg = ""] = type.split(":");
      if (["docker", "aws", "postgresql"].includes(pkg)) {
        assert.equal(provider, only(resources, `pulumi:providers:${pkg}`).urn, `${type} ${name}`);
      }
    }
  });

  it("opens the tunnel to the database of this stack, for as long as its engine runs", () => {
    assert.deepEqual(run.tunnels, [
      {
        dockerHost: "ssh://root@crm.example.com",
        stack: "unit",
        port: 25432,
        enginePid: process.ppid,
        project: resolve(__dirname, "../../../.."),
      },
    ]);
  });

  it("waits for the server before it makes roles, and for the roles before the application starts", () => {
    const server = only(resources, "docker:index/service:Service", "db");
    const provider = only(resources, "pulumi:providers:postgresql");
    assert.ok(provider.dependsOn.includes(server.urn));
    const inDatabase = resources.filter(({ type }) => type.startsWith("postgresql:"));
    for (const name of ["backend", "ops", "restore", "agent"]) {
      const service = only(resources, "docker:index/service:Service", name);
      const component = resources.find(({ urn }) => urn === service.parent);
      const waitsFor = new Set([...service.dependsOn, ...(component?.dependsOn ?? [])]);
      for (const { urn } of inDatabase) {
        assert.ok(waitsFor.has(urn), `${name} does not wait for ${urn}`);
      }
    }
  });

  it("gives the database and the network the names that go with the stack", () => {
    assert.equal(only(resources, "postgresql:index/role:Role", "database-app").inputs.name, "crm_app");
    assert.equal(only(resources, "docker:index/network:Network").inputs.name, "fitnesscrm-unit");
  });

  it("deletes roles and grants with the volume, never with the service", () => {
    const volume = only(resources, "docker:index/volume:Volume", "postgres").urn;
    for (const resource of resources.filter(({ type }) => type.startsWith("postgresql:"))) {
      assert.equal(resource.deletedWith, volume, resource.name);
    }
  });

  it("hands each service the connection of its own role", () => {
    const secret = (name: string) =>
      only(resources, "docker:index/secret:Secret", `fitnesscrm-unit-${name}`).inputs.data;
    const { appPassword, monitoringPassword, redisPassword, secretKey, postgresPassword } = TEST_SECRETS;
    const redisUrl = `redis://:${redisPassword}@redis:6379/0`;
    assert.deepEqual(
      secret("database-url"),
      asSecret(base64(`postgresql://crm_app:${appPassword}@db:5432/crm`)),
    );
    const monitoring = asSecret(base64(`postgresql://crm_monitoring:${monitoringPassword}@db:5432/crm`));
    assert.deepEqual(secret("ops-database-url"), monitoring);
    assert.deepEqual(secret("monitoring-database-url"), monitoring);
    assert.deepEqual(secret("redis-url"), asSecret(base64(redisUrl)));
    assert.deepEqual(secret("ops-redis-url"), asSecret(base64(redisUrl)));
    assert.deepEqual(secret("secret-key"), asSecret(base64(secretKey)));
    assert.deepEqual(secret("postgres-password"), asSecret(base64(postgresPassword)));
    assert.deepEqual(secret("redis-password"), asSecret(base64(redisPassword)));
  });

  it("shows no secret outside a value that the engine encrypts", () => {
    const withoutSecrets = JSON.stringify(resources, (_, value: unknown) =>
      typeof value === "object" && value !== null && Object.keys(value).join() === "secret"
        ? "[secret]"
        : value,
    );
    for (const [name, value] of Object.entries(TEST_SECRETS)) {
      assert.ok(!withoutSecrets.includes(value), name);
      assert.ok(!withoutSecrets.includes(base64(value)), `${name}, encoded`);
    }
  });

  it("takes the configuration's own numbers", () => {
    const lifecycle = only(resources, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration");
    assert.deepEqual((lifecycle.inputs.rules as { expiration: object }[])[0]?.expiration, { days: 120 });
    const alarm = only(resources, "aws:cloudwatch/metricAlarm:MetricAlarm", "alarms-cpu");
    assert.equal(alarm.inputs.threshold, 70);
    assert.equal(
      alarm.inputs.alarmDescription,
      "P3 CPU Usage above 70% on unit (M22). Investigate high-load processes. Runbook: https://wiki.example.com/runbooks/cpu.",
    );
    assert.equal(only(resources, "postgresql:index/role:Role", "database-app").inputs.connectionLimit, 90);
  });

  it("builds the agent with the toolchain's version of Telegraf", () => {
    assert.match(TELEGRAF_VERSION, /^\d+\.\d+\.\d+$/);
    assert.ok(only(resources, "command:local:Command", "agent"));
  });

  it("tells ops which certificate to look after, where TLS ends at the edge", async () => {
    const http = { publicUrl: "https://crm.example.com:8443", tls: { email: "ops@example.com" } };
    const { resources: found } = await recordProgram("unit", { ...completeConfig(), http });
    const file = only(found, "docker:index/serviceConfig:ServiceConfig", "fitnesscrm-unit-certificates")
      .inputs.data as string;
    const folders = new TempFolders();
    after(() => folders.remove());
    const path = join(
      folders.create({ "certificates.json": Buffer.from(file, "base64").toString() }),
      "certificates.json",
    );
    assert.deepEqual(await readCertificateSettings(path), {
      names: ["crm.example.com"],
      email: "ops@example.com",
      directory: "https://acme-v02.api.letsencrypt.org/directory",
    });
  });

  it("tells ops of services outside, and of their tokens in files only, where they are set", async () => {
    const tokens = { githubToken: "planted-githubToken-0123", sentryToken: "planted-sentryToken-0123" };
    const { resources: found } = await recordProgram("unit", {
      ...completeConfig(),
      tickets: { repository: "example/crm" },
      sentry: { organization: "fitness", project: "crm" },
      secrets: { ...TEST_SECRETS, ...tokens },
    });
    const settingsOf = (all: readonly Recorded[]) => {
      const { data } = only(
        all,
        "docker:index/serviceConfig:ServiceConfig",
        "fitnesscrm-unit-reports",
      ).inputs;
      return JSON.parse(Buffer.from(data as string, "base64").toString()) as object;
    };
    assert.deepEqual(settingsOf(found), {
      ...settingsOf(resources),
      tickets: { repository: "example/crm", apiUrl: "https://api.github.com" },
      sentry: { organization: "fitness", project: "crm", apiUrl: "https://sentry.io" },
    });
    const secretOf = (name: string) =>
      only(found, "docker:index/secret:Secret", `fitnesscrm-unit-${name}`).inputs.data;
    assert.deepEqual(secretOf("github-token"), asSecret(base64(tokens.githubToken)));
    assert.deepEqual(secretOf("sentry-token"), asSecret(base64(tokens.sentryToken)));
  });

  it("declares the same whether or not a token is kept that no section asks for", async () => {
    const secrets = { ...TEST_SECRETS, githubToken: "planted-githubToken-0123" };
    const { resources: found } = await recordProgram("unit", { ...completeConfig(), secrets });
    assert.deepEqual(countByType(found), countByType(resources));
  });

  it("logs the application in as the spare role while its password is replaced, and nobody else", async () => {
    const config = completeConfig();
    const secrets = { ...TEST_SECRETS, nextAppPassword: "planted-nextAppPassword-0123" };
    const { resources: rotating } = await recordProgram("unit", { ...config, secrets });
    const urlOf = (name: string) =>
      only(rotating, "docker:index/secret:Secret", `fitnesscrm-unit-${name}`).inputs.data;
    assert.deepEqual(
      urlOf("database-url"),
      asSecret(base64("postgresql://crm_app_spare:planted-nextAppPassword-0123@db:5432/crm")),
    );
    assert.deepEqual(urlOf("ops-database-url"), urlOf("monitoring-database-url"));
    // The role itself keeps the password of before: tasks that still run log in with it.
    const roleOf = (all: readonly Recorded[]) =>
      only(all, "postgresql:index/role:Role", "database-app").inputs.password;
    assert.deepEqual(roleOf(rotating), roleOf((await unitStack()).resources));
  });

  it("tells ops and restore nothing that changes with a release: both would be replaced with the backend", async () => {
    const backendImage = BACKEND_IMAGE.replace(/[0-9a-f]$/, (digit) => (digit === "0" ? "1" : "0"));
    const config = completeConfig();
    const next = await recordProgram("unit", { ...config, app: { ...(config.app as object), backendImage } });
    const filesOf = (all: readonly Recorded[]) =>
      all
        .filter(({ type }) => type === "docker:index/serviceConfig:ServiceConfig")
        .map(({ name, inputs }) => [name, inputs.data]);
    assert.deepEqual(filesOf(next.resources), filesOf(resources));
    for (const name of ["ops", "restore", "agent"]) {
      const of = (all: readonly Recorded[]) => only(all, "docker:index/service:Service", name).inputs;
      assert.deepEqual(of(next.resources), of(resources), name);
    }
    const backend = only(next.resources, "docker:index/service:Service", "backend").inputs;
    assert.ok(JSON.stringify(backend).includes(backendImage));
  });

  it("tells operators where everything is", async () => {
    const { url, apiHealthUrl, mailboxUrl, bucket, alarms, dashboard, services, ...rest } = run.outputs;
    const value = (output: unknown) => outputValue(output as pulumi.Input<unknown>);
    assert.equal(url, "https://crm.example.com");
    assert.equal(apiHealthUrl, "https://crm.example.com/api/health");
    assert.equal(mailboxUrl, null);
    assert.equal(await value(bucket), "crm-backups-example");
    assert.deepEqual(
      await value(alarms),
      Object.fromEntries(
        [
          ...["cpu", "memory", "disk", "response-time", "error-rate", "database-connections"],
          ...[
            "service-down",
            "silence",
            "oom",
            "redis-memory",
            "failed-logins",
            "certificate",
            "rota-horizon",
          ],
          "mute-horizon",
          "window-failed",
          ...["backup-age", "dump-age", "drill-failed", "drill-duration"],
        ].map((metric) => [metric, `fitnesscrm-unit-${metric}`]),
      ),
    );
    assert.equal(await value(dashboard), "fitnesscrm-unit");
    assert.deepEqual(await value(services), {
      backend: "fitnesscrm-unit-backend",
      frontend: "fitnesscrm-unit-frontend",
      nginx: "fitnesscrm-unit-nginx",
    });
    const { notes: _notes, seconds: _seconds, ...facts } = GATE_REPORT;
    assert.deepEqual(await value(rest.release), {
      ...facts,
      app: { source: null, version: "2.3.0", environment: {}, logLevel: "INFO", allowedOrigins: [] },
      pinned: null,
      images: {
        backend: BACKEND_IMAGE,
        frontend: FRONTEND_IMAGE,
        db: "sha256:postgres",
        engine: "sha256:engine",
        redis: "sha256:redis",
        nginx: "sha256:nginx",
        ops: "sha256:ops",
        agent: "sha256:agent",
      },
    });
  });

  it("shows no secret in an output", async () => {
    const values = await Promise.all(Object.values(run.outputs).map((output) => outputValue(output)));
    assert.doesNotMatch(JSON.stringify(values), /planted-/);
    for (const [name, output] of Object.entries(run.outputs)) {
      if (pulumi.Output.isInstance(output)) {
        assert.equal(
          await pulumi.isSecret(output),
          false,
          `${name} is encrypted, though nothing in it is secret`,
        );
      }
    }
  });
});

describe("the program on an operator's machine", () => {
  it("uses this machine's engine, the emulator and the mailbox", async () => {
    const { resources, result } = await localStack();
    assert.deepEqual(only(resources, "pulumi:providers:docker").inputs, {});
    const { endpoints } = only(resources, "pulumi:providers:aws").inputs;
    assert.match(String(endpoints), /http:\/\/127\.0\.0\.1:4566/);
    assert.equal(result.outputs.url, "http://localhost:8080");
    assert.equal(result.outputs.apiHealthUrl, "http://localhost:8080/api/health");
    assert.equal(result.outputs.mailboxUrl, "http://127.0.0.1:8025");
    assert.equal(result.tunnels[0]?.dockerHost, "");
  });

  it("declares nothing that the emulator does not know: no rules that keep alarms quiet, and no alarm on their end", async () => {
    const types = Object.keys(countByType((await localStack()).resources));
    assert.ok(!types.some((type) => type.includes("AlarmMute")), types.join());
    const alarms = await outputValue((await localStack()).result.outputs.alarms as pulumi.Input<object>);
    assert.ok(!("mute-horizon" in alarms));
  });

  it("leaves the usual port out of its address", async () => {
    assert.equal((await longestStack()).result.outputs.url, "http://localhost");
  });
});

/** Names of Docker and AWS objects that would be one and the same thing if two stacks had them. */
function namesOf(resources: readonly Recorded[]): string[] {
  const found = resources.filter(({ type, custom, inputs }) => {
    // A policy is named inside its user, and everything of the bucket is found by the bucket.
    const isPart =
      type === "aws:iam/userPolicy:UserPolicy" || (inputs.bucket !== undefined && type !== BUCKET);
    const nameless = [
      "aws:sns/topicSubscription:TopicSubscription",
      "aws:iam/accessKey:AccessKey",
      // An address may be the sender of several stacks.
      "aws:ses/emailIdentity:EmailIdentity",
    ];
    return custom && /^(docker|aws):/.test(type) && !isPart && !nameless.includes(type);
  });
  // Without a name of its own, an object gets the resource's and a suffix.
  return found.map(({ type, name, inputs }) => `${type} ${inputs.name ?? inputs.dashboardName ?? name}`);
}

describe("two stacks", () => {
  it("never share a name, even when one's name begins with the other's", async () => {
    const stacks = [
      ["unit", await unitStack()],
      ["local", await localStack()],
      [LONGEST, await longestStack()],
    ] as const;
    const seen = new Set<string>();
    for (const [stack, { resources }] of stacks) {
      const names = namesOf(resources);
      assert.ok(names.length > 30, `only ${names.length} names found`);
      for (const name of names) {
        assert.ok(!seen.has(name), `${name} is there twice`);
        seen.add(name);
        assert.match(name, new RegExp(`fitnesscrm-${stack}(-|$)`));
      }
    }
  });

  it("fit into what Docker and AWS allow, with the longest name that a stack may have", async () => {
    const SUFFIX = "-1234567".length;
    const limits: Record<string, number> = {
      "docker:index/service:Service": 63,
      "docker:index/secret:Secret": 64 - SUFFIX,
      "docker:index/serviceConfig:ServiceConfig": 74 - SUFFIX,
      [BUCKET]: 63 - SUFFIX,
      "aws:iam/user:User": 64,
      "aws:sns/topic:Topic": 256,
      "aws:cloudwatch/metricAlarm:MetricAlarm": 255,
    };
    assert.equal(isStackName(LONGEST), true);
    assert.equal(isStackName(`${LONGEST}n`), false);
    for (const line of namesOf((await longestStack()).resources)) {
      const [type = "", name = ""] = line.split(" ");
      assert.ok(name.length <= (limits[type] ?? 255), `${type} ${name} has ${name.length} characters`);
    }
  });
});

describe("the program, started wrongly", () => {
  const failureOf = async (stack: string, config: ConfigObject): Promise<Error> => {
    try {
      await recordProgram(stack, config);
    } catch (error) {
      assert.ok(pulumi.RunError.isInstance(error), `${error} is shown with a stack trace`);
      return error;
    }
    return assert.fail("it was not refused");
  };

  it("refuses wrong configuration in words, before anything is declared", async () => {
    const error = await failureOf("unit", withValue(minimalConfig(), "timeZone", "EST"));
    assert.equal(
      error.message,
      'configuration: fitnesscrm:timeZone is "EST": must be an IANA time zone such as America/New_York',
    );
  });

  it("refuses a stack's name that Docker or AWS would, when somebody made it with plain pulumi", async () => {
    for (const name of ["Prod", "n".repeat(21), "a_b"]) {
      const error = await failureOf(name, minimalConfig());
      assert.match(error.message, /is not a name: must be lower-case letters/);
    }
  });
});

describe("the program while a rollback holds a release", () => {
  it("runs the held images with the held settings, builds none of the three, and says so in the release", async () => {
    const pin = { ...PIN, images: { ...PIN.images, backend: `sha256:${"b".repeat(64)}` } };
    const { resources, result } = await recordProgram("unit", {
      ...completeConfig(),
      app: { source: resolve(__dirname, "../../../../examples/app"), version: "2.3.0" },
      pin,
    });
    const service = (name: string) =>
      only(resources, "docker:index/service:Service", name).inputs.taskSpec as {
        containerSpec: { image: string; env?: Record<string, string> };
      };
    for (const name of ["backend", "frontend", "nginx"] as const) {
      assert.equal(service(name).containerSpec.image, pin.images[name]);
      const { environment } = only(resources, "command:local:Command", name).inputs as {
        environment: Record<string, string>;
      };
      assert.equal(environment.CONTEXT, undefined, `${name} is built`);
    }
    const { env } = service("backend").containerSpec;
    assert.equal(env?.APP_VERSION, "1.9.0");
    assert.equal(env?.FEATURE, "off");
    const release = (await outputValue(result.outputs.release)) as { pinned: number; app: object };
    assert.equal(release.pinned, 3);
    const handed = only(resources, "command:local:Command", "gate-before").inputs.environment as Record<
      string,
      string
    >;
    assert.deepEqual(JSON.parse(handed.FITNESSCRM_ATTEMPT_PIN ?? ""), {
      version: 3,
      commit: PIN.commit,
      by: PIN.by,
      at: PIN.at,
    });
  });
});
