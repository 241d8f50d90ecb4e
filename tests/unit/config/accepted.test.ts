import assert from "node:assert/strict";
import { certificateNames, edgePortOf, PROJECT, parseConfig, SECRETS } from "../../../config";
import {
  BACKEND_IMAGE,
  FRONTEND_IMAGE,
  minimalConfig,
  rawOf,
  TEST_CONTACTS,
  TEST_SECRETS,
  withValue,
} from "../../support/config";
import { TempFolders } from "../../support/temp";
import { AUTHORITY } from "../ops/certificates/fixtures";

const parse = (config: Record<string, unknown>, folder = "/nowhere") => parseConfig(rawOf(config), folder);

describe("configuration that is accepted", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("the least that a stack says gets the manual's numbers and a small server's limits", () => {
    assert.deepEqual(parse(minimalConfig()), {
      app: {
        backendImage: BACKEND_IMAGE,
        frontendImage: FRONTEND_IMAGE,
        environment: {},
        logLevel: "INFO",
        allowedOrigins: [],
      },
      contacts: { ...TEST_CONTACTS, rota: { from: "2026-01-02", overrides: [] }, webhooks: [] },
      deploy: { endpoints: ["/", "/api/health"], watchSeconds: 10, maxErrors: 5 },
      host: "",
      http: {
        httpsPort: 443,
        port: 80,
        trustedProxies: [],
        loginLimit: { paths: ["/api/login"], perMinute: 10, burst: 20 },
      },
      replicas: { backend: 2, frontend: 1 },
      resources: {
        db: { memoryMiB: 1024, cpus: 1 },
        redis: { memoryMiB: 384, cpus: 0.5 },
        backend: { memoryMiB: 768, cpus: 1 },
        frontend: { memoryMiB: 128, cpus: 0.5 },
        nginx: { memoryMiB: 128, cpus: 1 },
        ops: { memoryMiB: 512, cpus: 1 },
        restore: { memoryMiB: 1024, cpus: 2 },
        engine: { memoryMiB: 64, cpus: 0.1 },
        agent: { memoryMiB: 192, cpus: 0.25 },
      },
      database: {
        name: "fitnesscrm",
        appConnections: 100,
        maxConnections: 130,
        slowStatementMilliseconds: 500,
        sharedBuffersMiB: 256,
        tunnelPort: 15432,
      },
      redis: { maxMemoryMiB: 256, evictionPolicy: "allkeys-lru" },
      backup: { retentionDaysS3: 90, retentionDaysLocal: 30, recipients: [] },
      alarms: {
        thresholds: {
          cpu: 80,
          memory: 85,
          disk: 85,
          "response-time": 500,
          "error-rate": 1,
          "database-connections": 80,
        },
        periodSeconds: 60,
        evaluationPeriods: 5,
        outagePeriods: 2,
        minRequests: 20,
        failedLogins: { above: 50, minutes: 10 },
        respondSeconds: { critical: 1800, other: 14_400 },
      },
      maintenance: { archive: [], noticeMail: true },
      security: {
        secretAgeDays: {
          appPassword: 365,
          readonlyPassword: 365,
          backupPassword: 365,
          monitoringPassword: 365,
          maintenancePassword: 365,
          secretKey: 365,
          operatorsPassword: 365,
          postgresPassword: 365,
          redisPassword: 365,
        },
      },
      images: {},
      drills: false,
      aws: { region: "us-east-1" },
      mail: { from: "crm@example.com" },
      secretDates: {},
      secrets: TEST_SECRETS,
      timeZone: "America/New_York",
    });
  });

  it("a part of an object leaves the defaults of its other parts", () => {
    const { resources, http } = parse({
      ...minimalConfig(),
      http: { port: 8080 },
      resources: { backend: { cpus: 2 } },
    });
    assert.equal(http.port, 8080);
    assert.equal(http.loginLimit.perMinute, 10);
    assert.deepEqual(resources.backend, { memoryMiB: 768, cpus: 2 });
    assert.deepEqual(resources.db, { memoryMiB: 1024, cpus: 1 });
  });

  it("a source folder with both Dockerfiles, relative to the project or absolute", () => {
    const project = folders.create({
      "app/backend/Dockerfile.prod": "FROM scratch",
      "app/frontend/Dockerfile.prod": "FROM scratch",
    });
    for (const [source, folder] of [
      ["app", project],
      [`${project}/app`, "/elsewhere"],
    ] as const) {
      assert.equal(parse({ ...minimalConfig(), app: { source } }, folder).app.source, source);
    }
  });

  for (const zone of [
    "America/New_York",
    "Europe/Vienna",
    "Asia/Kathmandu",
    "America/Argentina/Ushuaia",
    "UTC",
  ]) {
    it(`time zone ${zone}`, () => {
      assert.equal(parse({ ...minimalConfig(), timeZone: zone }).timeZone, zone);
    });
  }

  for (const host of [
    "",
    "unix:///var/run/docker.sock",
    "ssh://root@crm.example.com",
    "ssh://ops@crm.example.com:2222",
  ]) {
    it(`host ${JSON.stringify(host)}`, () => {
      assert.equal(parse({ ...minimalConfig(), host }).host, host);
    });
  }

  for (const seconds of [10, 30, 60, 300]) {
    it(`alarm periods of ${seconds} s, as CloudWatch knows them`, () => {
      assert.equal(
        parse(withValue(minimalConfig(), "alarms.periodSeconds", seconds)).alarms.periodSeconds,
        seconds,
      );
    });
  }

  it("a rota with a holiday swap inside of one shift, up to the handoff itself", () => {
    // Ben's, the second of the rota's shifts, ends on 2026-01-16 at 17:00.
    const rota = {
      from: "2026-01-02",
      plannedFrom: "2026-01-09",
      overrides: [
        { engineer: "Ada", from: "2026-01-09T17:00", until: "2026-01-10T00:00" },
        { engineer: "Ada", from: "2026-01-10T00:00", until: "2026-01-16T17:00" },
      ],
    };
    assert.deepEqual(parse(withValue(minimalConfig(), "contacts.rota", rota)).contacts.rota, rota);
  });

  it("TLS at the edge with a certificate of the public URL's name, from Let's Encrypt unless another authority is named", () => {
    const http = { publicUrl: "https://CRM.example.com:8443", tls: { email: "ops@example.com" } };
    const plain = parse({ ...minimalConfig(), http: { ...http, tls: undefined } });
    assert.equal(edgePortOf(plain.http), 80);
    const { http: parsed } = parse({ ...minimalConfig(), http });
    assert.deepEqual(parsed.tls, {
      email: "ops@example.com",
      directory: "https://acme-v02.api.letsencrypt.org/directory",
    });
    assert.equal(edgePortOf(parsed), 443);
    assert.deepEqual(certificateNames(parsed), ["crm.example.com"]);
    const directory = "https://ca.example.com:14000/dir";
    const trust = AUTHORITY.replaceAll("\n", " ");
    const other = { ...http, httpsPort: 8443, tls: { ...http.tls, directory, trust } };
    const { http: named } = parse({ ...minimalConfig(), http: other });
    assert.equal(named.tls?.directory, directory);
    assert.equal(named.tls?.trust, AUTHORITY);
    assert.equal(edgePortOf(named), 8443);
  });

  it("webhooks over TLS, and without it where an emulator stands in for AWS", () => {
    const webhooks = ["https://events.pagerduty.com/x"];
    assert.deepEqual(
      parse(withValue(minimalConfig(), "contacts.webhooks", webhooks)).contacts.webhooks,
      webhooks,
    );
    const local = withValue(minimalConfig(), "aws.emulator", { endpoint: "http://127.0.0.1:4566" });
    const plain = ["http://172.18.0.1:9/hook"];
    assert.deepEqual(parse(withValue(local, "contacts.webhooks", plain)).contacts.webhooks, plain);
  });

  it("services outside, each with its token; in clear where an emulator stands in for AWS", () => {
    const secrets = {
      ...TEST_SECRETS,
      githubToken: "planted-token-0123456789",
      sentryToken: "planted-token-0123456789",
    };
    const sections = {
      tickets: { repository: "Example-Inc/fitness.crm_2" },
      sentry: { organization: "fitness", project: "crm-backend" },
    };
    const { tickets, sentry } = parse({ ...minimalConfig(), ...sections, secrets });
    assert.deepEqual(tickets, { ...sections.tickets, apiUrl: "https://api.github.com" });
    assert.deepEqual(sentry, { ...sections.sentry, apiUrl: "https://sentry.io" });
    const apiUrl = "http://172.18.0.1:9/api/v3";
    const local = withValue(minimalConfig(), "aws.emulator", { endpoint: "http://127.0.0.1:4566" });
    const plain = { ...local, tickets: { ...sections.tickets, apiUrl }, secrets };
    assert.equal(parse(plain).tickets?.apiUrl, apiUrl);
  });

  it("no service outside where Pulumi hands over the default, or only a token is left", () => {
    const secrets = { ...TEST_SECRETS, githubToken: "planted-token-0123456789" };
    const { tickets, sentry } = parse({ ...minimalConfig(), tickets: {}, sentry: {}, secrets });
    assert.deepEqual([tickets, sentry], [undefined, undefined]);
  });

  it("an emulator and the ports of a local stack", () => {
    const { aws, local } = parse({
      ...minimalConfig(),
      aws: { region: "eu-central-1", emulator: { endpoint: "http://127.0.0.1:4566" } },
      local: { awsPort: 4566, mailboxPort: 8025 },
    });
    assert.deepEqual(aws, { region: "eu-central-1", emulator: { endpoint: "http://127.0.0.1:4566" } });
    assert.deepEqual(local, { awsPort: 4566, mailboxPort: 8025 });
  });

  it("no object at all, or an empty one, where nothing is local", () => {
    assert.equal(parse({ ...minimalConfig(), local: {} }).local, undefined);
    assert.equal(parse(minimalConfig()).local, undefined);
  });

  it("connection limits that just fit: the application's, the roles' and the operators'", () => {
    const { database } = parse({
      ...minimalConfig(),
      database: { appConnections: 81, maxConnections: 81 + 23 },
    });
    assert.equal(database.maxConnections, 104);
  });

  it("keys of other namespaces are not looked at", () => {
    const raw = {
      ...rawOf(minimalConfig()),
      "aws:region": "nowhere",
      "pulumi:tags": "{",
      "other:colour": "red",
    };
    assert.equal(parseConfig(raw, "/nowhere").aws.region, "us-east-1");
  });

  it("text that looks like a number, a boolean or nothing stays text", () => {
    assert.equal(
      parse(withValue(minimalConfig(), "app.environment", { A: "1", B: "true", C: "" })).app.environment.A,
      "1",
    );
  });

  it("has one key a secret, below the project's namespace", () => {
    assert.equal(PROJECT, "fitnesscrm");
    assert.deepEqual(Object.keys(parse(minimalConfig()).secrets), [...SECRETS]);
  });
});
