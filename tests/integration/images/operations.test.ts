import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { generateIdentity, recipientOf } from "../../../ageKey";
import type { BackupSettings } from "../../../ops/backup/settings";
import type { OnCallSettings } from "../../../ops/onCallSettings";
import { taskDefinitions } from "../../../tasks";
import { WINDOW_SETTINGS } from "../../support/windowSettings";
import {
  answers,
  docker,
  eventually,
  exec,
  exitCode,
  healthy,
  image,
  logs,
  opsImage,
  program,
  Sandbox,
  stop,
  tryDocker,
} from "./sandbox";

interface Report {
  healthy: boolean;
  components: { name: string; healthy: boolean; reason: string }[];
}

describe("the images that run beside the application", function () {
  this.timeout(300_000);
  const sandbox = new Sandbox();
  let python: string;
  let secrets: string;

  before(async () => {
    await sandbox.open();
    python = await image("examples/app/backend", { dockerfile: "Dockerfile.prod" });
    secrets = await sandbox.secrets("all", {
      postgres_password: "pg-secret-2",
      redis_password: "redis-secret-2",
      ops_database_url: "postgresql://postgres:pg-secret-2@db:5432/fitnesscrm\n",
      monitoring_database_url: "postgresql://postgres:pg-secret-2@db:5432/fitnesscrm\n",
      redis_url: "redis://:redis-secret-2@redis:6379/0\n",
      agent_aws_credentials:
        "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = aws-secret-2\n",
    });
  });
  after(() => sandbox.close());

  const database = async () =>
    sandbox.start({
      image: await image("images/postgres"),
      alias: "db",
      volumes: { "/var/lib/postgresql/data": "db", "/run/secrets": secrets },
      tmpfs: ["/run/postgresql", "/tmp"],
    });
  const cache = async () =>
    sandbox.start({
      image: await image("images/redis"),
      alias: "redis",
      volumes: { "/data": "redis", "/run/secrets": secrets },
      tmpfs: ["/run/redis"],
    });
  const upstream = (alias: string, port: number) =>
    sandbox.start({
      image: python,
      alias,
      entrypoint: "python3",
      args: ["/upstream.py", String(port)],
      volumes: { "/upstream.py": join(__dirname, "upstream.py") },
      publish: [port],
    });

  describe("ops", () => {
    let container: string;
    let url: string;
    before(async () => {
      const settings: BackupSettings = {
        stack: "unit",
        database: { host: "db", port: 5432, name: "fitnesscrm" },
        timeZone: "America/New_York",
        bucket: "none",
        prefix: "backups/",
        region: "us-east-1",
        endpoint: "http://127.0.0.1:9",
        recipients: [recipientOf(generateIdentity())],
        retentionDaysLocal: 30,
        metricNamespace: "FitnessCRM",
      };
      const onCall: OnCallSettings = {
        everySeconds: 60,
        timeZone: settings.timeZone,
        engineers: ["Ada", "Ben"],
        rota: { from: "2026-01-02", overrides: [] },
      };
      const files = await sandbox.secrets("files", {
        "backup.json": JSON.stringify(settings),
        "maintenance.json": JSON.stringify(WINDOW_SETTINGS),
        "tasks.json": JSON.stringify({ timeZone: settings.timeZone, tasks: taskDefinitions() }),
        "on-call.json": JSON.stringify(onCall),
      });
      container = await sandbox.start({
        image: await opsImage(),
        environment: { OPS_INTERVAL_SECONDS: "1", OPS_RECORDS: "/tmp/records" },
        volumes: { "/run/secrets": secrets, "/fitnesscrm": files },
        tmpfs: ["/tmp"],
        publish: [8080],
      });
      url = `http://127.0.0.1:${await sandbox.port(container, 8080)}`;
      await answers(`${url}/live`);
    });

    /** The component's line, once it is as `healthy` says. */
    const component = (name: string, healthyNow: boolean) =>
      eventually(`${name} is ${healthyNow ? "healthy" : "unhealthy"}`, async () => {
        const report = (await (await fetch(`${url}/health`)).json()) as Report;
        const line = report.components.find((candidate) => candidate.name === name);
        assert.equal(line?.healthy, healthyNow, JSON.stringify(line));
        return line;
      });

    it("is healthy itself, and names the reason of each part that is not there", async () => {
      await healthy(container);
      for (const name of ["database", "redis", "backend"]) {
        assert.match((await component(name, false))?.reason ?? "", /ENOTFOUND|EAI_AGAIN/, name);
      }
      const answer = await fetch(`${url}/health`);
      assert.equal(answer.status, 503);
      assert.equal(((await answer.json()) as Report).healthy, false);
    });

    it("sees each part come and go", async () => {
      const [server, redis, backend] = await Promise.all([database(), cache(), upstream("backend", 5000)]);
      for (const name of ["database", "redis", "backend"]) {
        await component(name, true);
      }
      assert.equal((await fetch(`${url}/health`)).status, 200);
      await Promise.all([docker(["stop", server]), docker(["pause", redis]), docker(["kill", backend])]);
      for (const name of ["database", "redis", "backend"]) {
        await component(name, false);
      }
      await docker(["unpause", redis]);
      await component("redis", true);
      await Promise.all([docker(["rm", "-f", server]), docker(["rm", "-f", redis])]);
    });

    it("shows no secret anywhere", async () => {
      for (const text of [
        await docker(["inspect", container]),
        await logs(container),
        await (await fetch(`${url}/health`)).text(),
      ]) {
        assert.doesNotMatch(text, /pg-secret-2|redis-secret-2/);
      }
    });

    it("has the tools that backups need, and is not root", async () => {
      assert.equal(await exec(container, "id", "-un"), "ops");
      assert.match(await exec(container, "cat", "/proc/1/status"), /CapBnd:\s0+\n/);
      assert.match(await exec(container, "pg_dump", "--version"), / 17\./);
      for (const tool of ["pg_restore", "psql", "pgbackrest", "age", "zstd", "flock", "initdb", "postgres"]) {
        await exec(container, "sh", "-c", `command -v ${tool}`);
      }
    });

    it("stops within seconds", async () => {
      const took = await stop(container, 10);
      assert(took < 6_000, `it took ${took} ms`);
      assert.equal(await exitCode(container), 0);
    });

    it("refuses a setting that is none with one line", async () => {
      const wrong = await sandbox.start({
        image: await opsImage(),
        environment: { OPS_INTERVAL_SECONDS: "soon" },
      });
      assert.equal(await exitCode(wrong), 78);
      assert.equal(
        await logs(wrong),
        'ops: OPS_INTERVAL_SECONDS is "soon": a whole number from 1 to 3600 is allowed\n',
      );
    });
  });

  describe("the metrics agent", () => {
    let reference: string;
    before(async () => {
      const binary = program("telegraf");
      assert(
        binary !== undefined,
        "telegraf is missing in the toolchain's bin folder: ./fitnesscrm up gets it",
      );
      reference = await image("images/agent", { files: { telegraf: binary } });
    });

    const host = { HOST_PROC: "/hostfs/proc" };
    const start = (environment: Record<string, string>, withSecrets = true, args: string[] = []) =>
      sandbox.start({
        image: reference,
        args,
        environment: { AGENT_STACK: "test", AGENT_INTERVAL: "2s", ...environment },
        volumes: {
          "/hostfs/proc": "/proc",
          "/hostfs/root": "/etc/os-release",
          ...(withSecrets && { "/run/secrets": secrets }),
        },
      });

    it("measures the host, the probe, the database and the cache, each with the stack as its one dimension", async () => {
      // It answers everything: for the agent, it is the edge.
      const [server, redis, backend] = await Promise.all([database(), cache(), upstream("nginx", 5000)]);
      await Promise.all([healthy(server), healthy(redis)]);
      await eventually("the backend listens", async () =>
        (await exec(backend, "cat", "/proc/net/tcp")).includes("1388"),
      );
      const container = await start({ ...host, AGENT_EDGE_URL: "http://nginx:5000" }, true, [
        "--test",
        "--test-wait",
        "3",
      ]);
      assert.equal(await exitCode(container), 0, await logs(container));
      const text = await logs(container);
      for (const line of [
        /^> cpu,Stack=test used_percent=[\d.]+ /m,
        /^> memory,Stack=test used_percent=[\d.]+ /m,
        /^> disk,Stack=test used_percent=[\d.]+ /m,
        /^> agent,Stack=test silent=0i /m,
        /^> oom,Stack=test kills=0i /m,
        /^> service,Stack=test down=0i /m,
        /^> probe,Stack=test response_ms=[\d.]+ /m,
        /^> database,Stack=test connections=\d+i,oldest_transaction_seconds=[\d.]+ /m,
        /^> redis,Stack=test used_percent=[\d.]+ /m,
      ]) {
        assert.match(text, line);
      }
      assert.doesNotMatch(text, /pg-secret-2|redis-secret-2/);
      await Promise.all([server, redis, backend].map((name) => docker(["rm", "-f", name])));
    });

    it("sends them to CloudWatch at the given endpoint, in the manual's namespace", async () => {
      const cloudwatch = await upstream("cloudwatch", 4566);
      const container = await start({
        ...host,
        AWS_REGION: "us-east-1",
        AWS_ENDPOINT_URL: "http://cloudwatch:4566",
      });
      const sent = await eventually("metrics arrive", async () => {
        const text = await logs(cloudwatch);
        return text.includes("cpu_used_percent") && text;
      });
      for (const word of [
        "PutMetricData",
        "FitnessCRM",
        "memory_used_percent",
        "disk_used_percent",
        "Stack",
        "test",
      ]) {
        assert(sent.includes(word), `${word} in ${sent.slice(0, 500)}`);
      }
      assert.doesNotMatch(await docker(["inspect", container]), /aws-secret-2/);
      await docker(["rm", "-f", container]);
    });

    it("is healthy without any secret or region, says what it leaves out, and stops within seconds", async () => {
      const container = await start({}, false);
      await healthy(container);
      const text = await logs(container);
      assert.match(text, /no secret monitoring_database_url: no database metrics/);
      assert.match(text, /no secret redis_url: no cache metrics/);
      assert.match(text, /\/var\/log\/edge is not mounted: no metrics of requests/);
      assert.match(text, /\/run\/engine is not mounted: no metrics of containers/);
      assert.match(text, /AWS_REGION is not set: the metrics are collected and go nowhere/);
      assert.match(await exec(container, "cat", "/proc/1/status"), /CapBnd:\s0+\n/);
      assert.equal(await exec(container, "id", "-un"), "telegraf");
      const took = await stop(container, 15);
      assert(took < 10_000, `it took ${took} ms`);
    });

    for (const [name, value] of [
      ["AGENT_STACK", ""],
      ["AGENT_STACK", 'a"b'],
      ["AGENT_INTERVAL", "often"],
      ["AGENT_EDGE_URL", "nginx"],
      ["AGENT_EDGE_URL", "http://nginx/"],
      ["AGENT_MIN_REQUESTS", "0"],
      ["AGENT_DRILLS", "perhaps"],
      ["AGENT_CERTIFICATE_URL", "http://crm.example.com"],
    ] as const) {
      it(`refuses ${name}=${value} with one line`, async () => {
        const container = await start({ [name]: value }, false);
        assert.equal(await exitCode(container), 64);
        assert.match(await logs(container), new RegExp(`^agent: ${name} is .*\n$`));
      });
    }
  });

  describe("the mailbox", () => {
    it("shows a mail on its page, and keeps it over a restart", async function () {
      const binary = program("mailpit");
      if (binary === undefined) {
        console.log(
          "      skipped: no mailpit in the toolchain's bin folder, this machine takes the official image",
        );
        this.skip();
      }
      const container = await sandbox.start({
        image: await image("images/mailbox", { files: { mailpit: binary } }),
        volumes: { "/data": "mail" },
        tmpfs: ["/tmp"],
        publish: [1025, 8025],
      });
      const web = async () => `http://127.0.0.1:${await sandbox.port(container, 8025)}`;
      await answers(`${await web()}/readyz`);
      await send(await sandbox.port(container, 1025), "ALARM: cpu");
      const subjects = async () => {
        const answer = await fetch(`${await web()}/api/v1/messages`);
        return ((await answer.json()) as { messages: { Subject: string }[] }).messages.map(
          (mail) => mail.Subject,
        );
      };
      await eventually("the mail is there", async () => (await subjects()).includes("ALARM: cpu"));

      const page = await (await fetch(`${await web()}/`)).text();
      const parts = [...page.matchAll(/(?:src|href)="([^"]*\/dist\/[^"]+)"/g)].map((match) => match[1] ?? "");
      assert(parts.length >= 2, page);
      for (const part of parts) {
        const answer = await fetch(new URL(part, await web()));
        assert.equal(answer.status, 200, part);
        assert((await answer.arrayBuffer()).byteLength > 100_000, part);
      }

      const took = await stop(container, 10);
      assert(took < 8_000, `it took ${took} ms`);
      await docker(["start", container]);
      await answers(`${await web()}/readyz`);
      assert.deepEqual(await subjects(), ["ALARM: cpu"]);
      assert.equal((await tryDocker(["exec", container, "/usr/local/bin/mailpit", "readyz"])).code, 0);
    });
  });
});

/** One mail by SMTP, each line sent when the one before was answered. */
function send(port: number, subject: string): Promise<void> {
  const lines = [
    "HELO test",
    "MAIL FROM:<alarm@example.com>",
    "RCPT TO:<oncall@example.com>",
    "DATA",
    `Subject: ${subject}\r\nFrom: alarm@example.com\r\nTo: oncall@example.com\r\n\r\nbody\r\n.`,
    "QUIT",
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (chunk) => {
      if (/^[45]/.test(chunk.toString())) {
        reject(new Error(chunk.toString()));
      }
      const line = lines.shift();
      if (line === undefined) {
        socket.end();
        resolve();
      } else {
        socket.write(`${line}\r\n`);
      }
    });
    socket.on("error", reject);
  });
}
