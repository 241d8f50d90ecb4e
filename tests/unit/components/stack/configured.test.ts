import assert from "node:assert/strict";
import { minimalConfig } from "../../../support/config";
import { only, type Recorded } from "../../../support/mocks";
import { PLANTED, recordServices, taskSpecOf } from "../../../support/services";
import { TempFolders } from "../../../support/temp";

const SERVICE = "docker:index/service:Service";
const MIB = 1024 * 1024;

describe("configuration of a stack", () => {
  const folders = new TempFolders();
  after(() => folders.remove());
  let resources: Recorded[];
  const service = (name: string): Recorded => only(resources, SERVICE, name);
  const environmentOf = (name: string) => taskSpecOf(service(name)).containerSpec.env;
  before(async () => {
    const config = {
      ...minimalConfig(),
      app: {
        ...(minimalConfig().app as object),
        version: "2.3.0",
        logLevel: "DEBUG",
        environment: { WORKERS: "4" },
        allowedOrigins: ["https://admin.example.com"],
      },
      http: {
        port: 8443,
        trustedProxies: ["10.0.0.0/8", "fd00::1"],
        loginLimit: { paths: ["/api/login", "/api/token"], perMinute: 5, burst: 0 },
      },
      replicas: { backend: 5 },
      resources: { ops: { memoryMiB: 100, cpus: 0.3 } },
      redis: { maxMemoryMiB: 64, evictionPolicy: "volatile-ttl" },
    };
    resources = (await recordServices("unit", config)).resources;
  });

  it("sets tasks, limits and the edge's port", () => {
    assert.deepEqual(service("backend").inputs.mode, { replicated: { replicas: 5 } });
    assert.deepEqual(taskSpecOf(service("ops")).resources, {
      limits: { memoryBytes: 100 * MIB, nanoCpus: 300_000_000 },
    });
    assert.deepEqual(service("nginx").inputs.endpointSpec, {
      mode: "dnsrr",
      ports: [{ publishMode: "host", publishedPort: 8443, targetPort: 80, protocol: "tcp" }],
    });
  });

  it("tells the edge whom to believe and what to limit", () => {
    assert.deepEqual(environmentOf("nginx"), {
      NGINX_TRUSTED_PROXIES: "10.0.0.0/8 fd00::1",
      NGINX_LOGIN_PATHS: "/api/login /api/token",
      NGINX_LOGIN_PER_MINUTE: "5",
      NGINX_LOGIN_BURST: "0",
    });
  });

  it("has TLS end at the edge, with a certificate that only ops writes, and is asked from inside in plain HTTP", async () => {
    const { resources: found } = await recordServices("unit", {
      ...minimalConfig(),
      http: { publicUrl: "https://crm.example.com", httpsPort: 8443, tls: { email: "ops@example.com" } },
    });
    const edge = only(found, SERVICE, "nginx");
    assert.deepEqual(edge.inputs.endpointSpec, {
      mode: "dnsrr",
      ports: [
        { publishMode: "host", publishedPort: 80, targetPort: 80, protocol: "tcp" },
        { publishMode: "host", publishedPort: 8443, targetPort: 443, protocol: "tcp" },
      ],
    });
    const environment = (name: string) => taskSpecOf(only(found, SERVICE, name)).containerSpec.env;
    assert.equal(environment("nginx")?.NGINX_TLS_URL, "https://crm.example.com");
    assert.equal(environment("ops")?.OPS_EDGE_URL, "http://nginx:8080");
    assert.equal(environment("agent")?.AGENT_EDGE_URL, "http://nginx:8080");
    const users = found
      .filter(({ type }) => type === SERVICE)
      .flatMap((service) =>
        taskSpecOf(service)
          .containerSpec.mounts.filter(({ source }) => source === "fitnesscrm-unit-certificates")
          .map(({ target, readOnly }) => [service.name, target, readOnly === true]),
      );
    assert.deepEqual(users, [
      ["nginx", "/certificates", true],
      ["ops", "/certificates", false],
    ]);
    const configs = taskSpecOf(only(found, SERVICE, "ops")).containerSpec.configs as { fileName: string }[];
    assert.equal(configs.filter(({ fileName }) => fileName === "/fitnesscrm/certificates.json").length, 1);
    const calendar = only(found, "docker:index/serviceConfig:ServiceConfig", "fitnesscrm-unit-tasks").inputs
      .data as string;
    assert.match(Buffer.from(calendar, "base64").toString(), /"certificates"/);
  });

  it("has nothing of a certificate where TLS does not end at the edge", () => {
    const said = JSON.stringify(resources.map(({ name, inputs }) => [name, inputs]));
    assert.doesNotMatch(said, /certificates|NGINX_TLS|EDGE_URL/);
  });

  it("hands the tokens of services outside to ops, as files, and to nobody else", async () => {
    const { resources: found } = await recordServices("unit", {
      ...minimalConfig(),
      tickets: { repository: "example/crm" },
      sentry: { organization: "fitness", project: "crm" },
      secrets: {
        ...(minimalConfig().secrets as object),
        githubToken: PLANTED.githubToken,
        sentryToken: PLANTED.sentryToken,
      },
    });
    const users = found
      .filter(({ type }) => type === SERVICE)
      .flatMap((service) =>
        (taskSpecOf(service).containerSpec.secrets as { fileName: string }[])
          .filter(({ fileName }) => fileName.endsWith("_token"))
          .map(({ fileName }) => [service.name, fileName]),
      );
    assert.deepEqual(users, [
      ["ops", "github_token"],
      ["ops", "sentry_token"],
    ]);
    for (const service of ["github", "sentry"] as const) {
      const { data } = only(found, "docker:index/secret:Secret", `fitnesscrm-unit-${service}-token`).inputs;
      assert.deepEqual(data, { secret: Buffer.from(PLANTED[`${service}Token`]).toString("base64") });
    }
  });

  it("has nothing of services outside where none is set", () => {
    assert.doesNotMatch(JSON.stringify(resources.map(({ name, inputs }) => [name, inputs])), /[-_]token/);
  });

  it("sets the backend's environment beside what the stack sets", () => {
    assert.deepEqual(environmentOf("backend"), {
      FITNESSCRM_DRAIN_SECONDS: "5",
      FITNESSCRM_SECRET_ENV: "DATABASE_URL=database_url REDIS_URL=redis_url SECRET_KEY=secret_key",
      ALLOWED_ORIGINS: "https://crm.example.com,https://admin.example.com",
      LOG_LEVEL: "DEBUG",
      APP_VERSION: "2.3.0",
      WORKERS: "4",
    });
  });

  it("holds a frontend that was built on this machine to the node that has its image", async () => {
    const source = folders.create({
      "backend/Dockerfile.prod": "FROM scratch\n",
      "frontend/Dockerfile.prod": "FROM scratch\n",
    });
    const { resources: built } = await recordServices("unit", { ...minimalConfig(), app: { source } });
    assert.deepEqual(taskSpecOf(only(built, SERVICE, "frontend")).placement, {
      constraints: ["node.labels.fitnesscrm.data==true"],
    });
    assert.equal(taskSpecOf(service("frontend")).placement, undefined);
  });

  it("sets the cache's size and what it drops first", () => {
    assert.deepEqual(environmentOf("redis"), {
      REDIS_MAXMEMORY: "64mb",
      REDIS_MAXMEMORY_POLICY: "volatile-ttl",
    });
  });
});
