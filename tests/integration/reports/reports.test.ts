import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { generateIdentity, recipientOf } from "../../../ageKey";
import { DockerHost } from "../../../cli/docker";
import { reportNow } from "../../../cli/report";
import { runTaskNow } from "../../../cli/tasks";
import type { BackupSettings } from "../../../ops/backup/settings";
import { REPORT_KINDS, type ReportKind, taskOf } from "../../../ops/reports/model";
import { taskDefinitions } from "../../../tasks";
import { GitHub, json, OutsideServer, TOKEN } from "../../support/outsideServers";
import { WINDOW_SETTINGS } from "../../support/windowSettings";
import { docker, exec, healthy, image, opsImage, Sandbox, tryDocker } from "../images/sandbox";
import { emulatorImage, emulatorIsReady } from "../plugins/aws-emulator";

const BUCKET = "reports-test";
const DATABASE = "crm";
const PLANTED = `<img src=x onerror="alert(1)">`;

describe("reports, by the launcher through ops, with PostgreSQL, Redis and the AWS emulator", function () {
  this.timeout(900_000);
  const sandbox = new Sandbox();
  // The stack's name is the sandbox's: the launcher finds containers by it, and must find no other's.
  const stack = sandbox.prefix;
  const host = new DockerHost("");
  const emulator = `${stack}-emulator`;
  const password = randomBytes(12).toString("hex");
  let endpoint = "";
  let database = "";
  let ops = "";
  let s3: S3Client;
  const gitHub = new GitHub();
  const sentry = new OutsideServer((_request, response) =>
    json(response, 200, [
      {
        id: "1",
        title: `TypeError: ${PLANTED}`,
        culprit: "bookings.create",
        count: "17",
        userCount: 3,
        firstSeen: new Date().toISOString(),
        lastSeen: new Date().toISOString(),
        permalink: "https://sentry.example.com/issues/1",
      },
    ]),
  );

  before(async () => {
    await sandbox.open();
    const format = "{{(index .IPAM.Config 0).Gateway}}";
    const gateway = await docker(["network", "inspect", "--format", format, stack]);
    await Promise.all([startEmulator(), startDatabase(), gitHub.server.open(gateway), sentry.open(gateway)]);
    await plant();
    ops = await startOps();
  });
  after(async () => {
    s3?.destroy();
    await Promise.all([gitHub.server.close(), sentry.close()]);
    await tryDocker(["rm", "--force", "--volumes", emulator, ...(ops === "" ? [] : [ops])]);
    await sandbox.close();
  });

  async function startEmulator(): Promise<void> {
    await docker([
      ...["run", "--detach", `--name=${emulator}`, `--network=${stack}`, "--network-alias=emulator"],
      ...["--publish=127.0.0.1::4566", await emulatorImage()],
    ]);
    endpoint = `http://127.0.0.1:${await sandbox.port(emulator, 4566)}`;
    await emulatorIsReady(endpoint);
    const client = {
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test-secret" },
    };
    s3 = new S3Client({ ...client, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const at = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    const Dimensions = [{ Name: "Stack", Value: stack }];
    const route = [...Dimensions, { Name: "Route", Value: "/api/<b>slow</b>" }];
    const metric = (MetricName: string, Value: number, minutes: number, dimensions = Dimensions) => ({
      MetricName,
      Value,
      Timestamp: at(minutes),
      Dimensions: dimensions,
    });
    const counted = [
      metric("api_requests", 400, 30),
      metric("api_errors", 8, 30),
      metric("route_requests", 40, 30, route),
    ];
    await new CloudWatch(client).putMetricData({
      Namespace: "FitnessCRM",
      MetricData: [
        metric("cpu_used_percent", 91, 30),
        metric("cpu_used_percent", 12, 10),
        ...counted,
        // As from an agent that got no answer, though its values had arrived.
        ...counted,
        metric("api_response_p95_ms", 640, 30),
        metric("route_response_p95_ms", 777, 30, route),
      ],
    });
  }

  async function startDatabase(): Promise<void> {
    const secrets = await sandbox.secrets("server", {
      postgres_password: password,
      redis_password: password,
    });
    database = await sandbox.start({
      image: await image("images/postgres"),
      alias: "db",
      environment: { POSTGRES_DB: DATABASE },
      args: ["-c", "shared_preload_libraries=pg_stat_statements"],
      volumes: { "/var/lib/postgresql/data": "db", "/run/secrets": secrets },
      tmpfs: ["/run/postgresql", "/tmp"],
    });
    const redis = await sandbox.start({
      image: await image("images/redis"),
      alias: "redis",
      volumes: { "/data": "redis", "/run/secrets": secrets },
      tmpfs: ["/run/redis"],
    });
    await Promise.all([healthy(database), healthy(redis)]);
    const command = (...words: string[]) =>
      exec(redis, "sh", "-c", `REDISCLI_AUTH=${password} redis-cli "$@"`, "redis-cli", ...words);
    await command("SET", `${PLANTED}:1`, "x");
    await command("SET", "session:1", "x", "EX", "600");
  }

  function sql(text: string): Promise<string> {
    return exec(
      database,
      "psql",
      "-U",
      "postgres",
      "-d",
      DATABASE,
      "-AtqX",
      "-v",
      "ON_ERROR_STOP=1",
      "-c",
      text,
    );
  }

  async function plant(): Promise<void> {
    const role = (name: string, group: string) =>
      sql(`CREATE ROLE ${DATABASE}_${name} LOGIN PASSWORD '${password}' IN ROLE ${group}`);
    await role("monitoring", "pg_monitor");
    await role("backup", "pg_read_all_data");
    await role("maintenance", "pg_maintain");
    await sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
    await sql(`CREATE TABLE activity_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, action text, email text,
      ip_address inet, created_at timestamptz NOT NULL DEFAULT now())`);
    await sql(`INSERT INTO activity_log (action, email, ip_address)
      SELECT 'login_failure', '${PLANTED}', '192.0.2.7' FROM generate_series(1, 6)`);
    await sql("INSERT INTO activity_log (action, email) VALUES ('login', 'ada@example.com')");
    await sql(
      `CREATE TABLE "${PLANTED.replaceAll('"', '""')}" AS SELECT n, repeat('x', 200) AS t FROM generate_series(1, 20000) n`,
    );
    await sql(`DELETE FROM "${PLANTED.replaceAll('"', '""')}" WHERE n <= 5000`);
    await sql("CREATE INDEX nobody_uses_it ON activity_log (created_at)");
    await sql("SELECT pg_sleep(0.7)");
  }

  async function startOps(): Promise<string> {
    const settings: BackupSettings = {
      stack,
      database: { host: "db", port: 5432, name: DATABASE },
      timeZone: "America/New_York",
      bucket: BUCKET,
      prefix: "backups/",
      region: "us-east-1",
      endpoint: "http://emulator:4566",
      recipients: [recipientOf(generateIdentity())],
      retentionDaysLocal: 30,
      metricNamespace: "FitnessCRM",
    };
    const files = await sandbox.secrets("files", {
      "backup.json": JSON.stringify(settings),
      "maintenance.json": JSON.stringify(WINDOW_SETTINGS),
      "tasks.json": JSON.stringify({ timeZone: settings.timeZone, tasks: taskDefinitions() }),
      "mail.json": JSON.stringify({ from: "crm@example.com" }),
      "reports.json": JSON.stringify({
        recipients: Object.fromEntries(REPORT_KINDS.map((kind) => [kind, [`${kind}@example.com`]])),
        slowMilliseconds: 500,
        agentSeconds: 60,
        tickets: { repository: "example/crm", apiUrl: gitHub.server.url },
        sentry: { organization: "fitness", project: "crm", apiUrl: sentry.url },
      }),
    });
    const url = (role: string): string => `postgresql://${DATABASE}_${role}:${password}@db:5432/${DATABASE}`;
    const key = (name: string): string =>
      JSON.stringify({ accessKeyId: name, secretAccessKey: `planted-key-of-${name}` });
    const secrets = await sandbox.secrets("ops", {
      ops_database_url: url("monitoring"),
      backup_database_url: url("backup"),
      maintenance_database_url: url("maintenance"),
      redis_url: `redis://:${password}@redis:6379/0`,
      backup_writer: key("writer"),
      backup_reader: key("reader"),
      metrics_reader: key("metrics-reader"),
      mailer: key("mailer"),
      github_token: TOKEN,
      sentry_token: TOKEN,
    });
    const line = (status: number, minutes: number): string =>
      JSON.stringify({
        time: new Date(Date.now() - minutes * 60_000).toISOString(),
        method: "GET",
        route: `/api/${PLANTED}/17`,
        status,
        request_time: 0.2,
        probe: 0,
      });
    const edge = await sandbox.secrets("edge", {
      "requests.a.log": `${[line(500, 30), line(500, 20), line(200, 10)].join("\n")}\n`,
    });
    return docker([
      ...["run", "--detach", `--network=${stack}`, "--cap-drop=ALL", "--read-only", "--tmpfs=/tmp"],
      ...["--volume=/backups"],
      ...[`--label=fitnesscrm.stack=${stack}`, "--label=fitnesscrm.service=ops"],
      ...["--env=OPS_RECORDS=/tmp/records", `--volume=${files}:/fitnesscrm:ro`],
      ...[`--volume=${edge}:/var/log/edge:ro`, `--volume=${secrets}:/run/secrets:ro`],
      ...[await opsImage(), "sleep", "infinity"],
    ]);
  }

  const made = async (kind: ReportKind) => {
    const shown = await reportNow(host, stack, kind, () => undefined);
    assert.ok(!shown.html.includes("<img"), `${kind}: planted HTML is an element of the page`);
    return shown;
  };

  /** Subject, sender, recipients and the decoded bodies of the mails that the emulator lists. */
  async function mails(): Promise<{ raw: string; html: string }[]> {
    const answer = await fetch(`${endpoint}/_aws/ses`);
    const { messages } = (await answer.json()) as { messages: { RawData: string }[] };
    return messages.map(({ RawData }) => {
      const part = RawData.slice(RawData.indexOf("text/html"));
      return {
        raw: RawData,
        html: part
          .replace(/=\r?\n/g, "")
          .replace(/=3D/g, "=")
          .replace(/=22/g, '"'),
      };
    });
  }

  it("of tables run VACUUM ANALYZE as the role that may, and show sizes as SQL has them", async () => {
    const { text } = await made("tables");
    assert.doesNotMatch(text, /could not be made/);
    assert.match(text, /Tables done +2 +\(of 2\)/);
    const vacuumed =
      "SELECT count(*) FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL AND last_analyze IS NOT NULL";
    assert.equal(await sql(vacuumed), "2");
    const bytes = Number(await sql("SELECT max(pg_total_relation_size(relid)) FROM pg_stat_user_tables"));
    assert.ok(text.includes(`${(bytes / 1024 ** 2).toFixed(1)} MiB`), text);
    assert.match(text, /public\.<img src=x onerror="alert\(1\)">/);
    assert.match(text, /nobody_uses_it +public\.activity_log/);
  });

  it("of security count failed logins and name the burst", async () => {
    const { text, html } = await made("security");
    assert.match(text, /Failed logins +6/);
    assert.match(text, /!! Bursts +2/);
    assert.match(text, /address +192\.0\.2\.7 +6/);
    assert.ok(html.includes("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;"));
    assert.match(text, /Error rate +2 %/);
    assert.match(text, /Requests +400\b/);
  });

  it("of performance show the planted statement, route and key", async () => {
    const { text } = await made("performance");
    assert.match(text, /pg_sleep/);
    assert.match(text, /\/api\/<b>slow<\/b> +777 ms +40/);
    assert.match(text, /Worst period's p95 +640 ms/);
    assert.match(text, /Keys without an age limit +1/);
    assert.match(text, /Keys +2\b/);
  });

  it("of errors group what the edge logged", async () => {
    const { text } = await made("errors");
    assert.match(text, /GET \/api\/<img src=x onerror="alert\(1\)">\/:id +500 +2/);
  });

  it("of errors show Sentry's issues, and file none where they are only looked at", async () => {
    const { text, html } = await made("errors");
    assert.match(text, /TypeError: <img src=x onerror="alert\(1\)"> +bookings\.create +17/);
    assert.ok(!html.includes(TOKEN) && !text.includes(TOKEN));
    assert.equal(gitHub.writes, 0);
  });

  /** As if the only report of errors that there was were some days old. */
  async function haveReportOf(days: number): Promise<void> {
    const Prefix = "reports/errors/";
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix }));
    const newest = Contents.map(({ Key }) => String(Key))
      .filter((key) => key.endsWith(".json"))
      .sort()
      .at(-1);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: newest }));
    const report = JSON.parse((await Body?.transformToString()) ?? "") as object;
    const at = new Date(Date.now() - days * 86_400_000).toISOString();
    for (const { Key } of Contents) {
      await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }));
    }
    const Key = `${Prefix}${at.replace(/[-:]|\.\d+/g, "").toLowerCase()}.json`;
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: JSON.stringify({ ...report, at }) }));
  }

  it("of errors file what was in the one before as one ticket, and bring that up to date from then on", async () => {
    const run = (): Promise<unknown> => runTaskNow(host, stack, taskOf("errors"), {});
    await run();
    await run();
    assert.equal(gitHub.issues.length, 0, "an error that is new does not recur, however often it is told of");
    await haveReportOf(7);
    await run();
    const [issue, ...others] = gitHub.issues;
    assert.deepEqual(others, []);
    assert.match(String(issue?.title), /^500 again and again: GET \/api\/\?img src\?x /);
    assert.match(String(issue?.body), /```text\nGET \/api\/<img src=x onerror="alert\(1\)">\/:id\n```/);
    await run();
    assert.equal(gitHub.issues.length, 1);
    assert.deepEqual(issue?.comments, []);
  });

  it("of errors come without tickets and Sentry's issues where both are away, and say so", async () => {
    for (const server of [gitHub.server, sentry]) {
      server.instead = (_request, response) => json(response, 503, { message: `down, ${TOKEN}` });
    }
    const record = await runTaskNow(host, stack, taskOf("errors"), {});
    assert.match(record.reason, /^sent to errors@example\.com, without 2 of its parts: /);
    assert.match(record.reason, /Tickets: GitHub answered 503: down, \[token\]/);
    assert.match(record.reason, /Sentry: Sentry answered 503: /);
  });

  it("of the morning say what is not healthy, and go on without it", async () => {
    const { text } = await made("morning");
    assert.match(text, /!! backend +not healthy: /);
    assert.match(text, /^ {3}database +healthy/m);
    assert.match(text, /! +CPU Usage +91 %/);
    assert.match(text, /There is no backup\./);
  });

  it("are sent by their task in both forms, kept, and compared with the one before", async () => {
    const record = await runTaskNow(host, stack, taskOf("security"), {});
    assert.match(record.reason, /^sent to security@example\.com/);
    const [mail, ...others] = (await mails()).filter(({ raw }) => /^To: security@/m.test(raw));
    assert.equal(others.length, 0);
    assert.match(String(mail?.raw), /^To: security@example\.com\r?$/m);
    assert.match(String(mail?.raw), /^Content-Type: text\/plain; charset=utf-8\r?$/m);
    assert.ok(mail?.html.includes("&lt;img src=x"), "planted HTML is escaped in the mail");
    assert.ok(!mail?.html.includes("<img"), "planted HTML is an element of the mail");

    const Prefix = "reports/security/";
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix }));
    const keys = Contents.map(({ Key }) => String(Key));
    assert.deepEqual(
      keys.map((one) => one.replace(/\d{8}t\d{6}z/, "TIME")),
      ["reports/security/TIME.html", "reports/security/TIME.json"],
    );
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: keys[1] }));
    const figures = (
      JSON.parse((await Body?.transformToString()) ?? "") as { figures: Record<string, number> }
    ).figures;
    assert.equal(figures["failed-logins"], 6);

    await sql("INSERT INTO activity_log (action, email) VALUES ('login_failure', 'ada@example.com')");
    await sql(`ALTER ROLE ${DATABASE}_monitoring CREATEDB`);
    const { text } = await made("security");
    assert.match(text, /Failed logins +7 \(\+1\)/);
    assert.match(text, new RegExp(`now +${DATABASE}_monitoring: may log in, makes databases`));
  });

  it("lack only the part whose source is away, and the task says so", async () => {
    await docker(["network", "disconnect", stack, database]);
    try {
      const record = await runTaskNow(host, stack, taskOf("performance"), {});
      assert.match(record.reason, /without \d of its parts: .*Slow statements: /);
      const { text } = await made("performance");
      assert.match(text, /Keys without an age limit +1/);
      assert.match(text, /This part could not be made: /);
    } finally {
      await docker(["network", "connect", "--alias", "db", stack, database]);
    }
  });

  it("are failed tasks where they cannot be sent", async () => {
    await docker(["stop", "--time", "1", emulator]);
    await assert.rejects(
      runTaskNow(host, stack, taskOf("errors"), {}),
      /the mail to errors@example\.com is not sent: /,
    );
  });

  it("of another name do not exist", async () => {
    await assert.rejects(
      reportNow(host, stack, "weekly", () => undefined),
      /report "weekly" does not exist: must be one of morning, tables, performance, security, errors/,
    );
  });
});
