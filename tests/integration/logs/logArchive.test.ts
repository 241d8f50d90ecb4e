import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { generateIdentity, recipientOf } from "../../../ageKey";
import { DockerHost } from "../../../cli/docker";
import { showTogether } from "../../../cli/logs/together";
import { runTaskNow } from "../../../cli/tasks";
import type { BackupSettings } from "../../../ops/backup/settings";
import { SETTLE_MS } from "../../../ops/logs/archive";
import { segmentOf } from "../../../ops/logs/model";
import { taskDefinitions } from "../../../tasks";
import { WINDOW_SETTINGS } from "../../support/windowSettings";
import { docker, eventually, exec, healthy, image, opsImage, Sandbox, tryDocker } from "../images/sandbox";
import { emulatorImage, emulatorIsReady } from "../plugins/aws-emulator";

const BUCKET = "logs-test";

/** Needs an engine that is a Swarm manager: logs are those of a Swarm's tasks. */
describe("the archive of logs, with the engine, its reader and the AWS emulator", function () {
  this.timeout(900_000);
  const sandbox = new Sandbox();
  const stack = sandbox.prefix;
  const service = `fitnesscrm-${stack}-backend`;
  const host = new DockerHost("");
  const emulator = `${stack}-emulator`;
  const identity = generateIdentity();
  const containers: string[] = [];
  let ops = "";
  let s3: S3Client;

  before(async () => {
    await sandbox.open();
    await startEmulator();
    const reader = await sandbox.start({
      image: await image("images/engine"),
      user: "0",
      tmpfs: ["/tmp"],
      volumes: {
        "/var/run/docker.sock": "/var/run/docker.sock",
        "/run/engine": "engine",
        "/run/engine-logs": "engine-logs",
      },
    });
    await healthy(reader, 30);
    ops = await startWorker("ops");
    await startWorker("restore");
    await docker([
      ...[
        "service",
        "create",
        "--detach",
        "--quiet",
        "--no-resolve-image",
        `--name=${service}`,
        "--replicas=2",
      ],
      ...[`--label=fitnesscrm.stack=${stack}`, "--label=fitnesscrm.service=backend", "--entrypoint=sh"],
      await opsImage(),
      ...["-c", 'echo "needle of $(hostname)"; echo "größe" >&2; exec sleep 900'],
    ]);
    await eventually("both tasks to write", async () => (await engineLines("needle")).length === 2);
  });
  after(async () => {
    s3?.destroy();
    await tryDocker(["service", "rm", service]);
    await tryDocker(["rm", "--force", "--volumes", emulator, ...containers]);
    await sandbox.close();
  });

  async function startEmulator(): Promise<void> {
    await docker([
      ...["run", "--detach", `--name=${emulator}`, `--network=${stack}`, "--network-alias=emulator"],
      ...["--publish=127.0.0.1::4566", await emulatorImage()],
    ]);
    const endpoint = `http://127.0.0.1:${await sandbox.port(emulator, 4566)}`;
    await emulatorIsReady(endpoint);
    s3 = new S3Client({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test-secret" },
      forcePathStyle: true,
    });
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  }

  async function startWorker(role: "ops" | "restore"): Promise<string> {
    const settings: BackupSettings = {
      stack,
      database: { host: "db", port: 5432, name: "crm" },
      timeZone: "America/New_York",
      bucket: BUCKET,
      prefix: "backups/",
      region: "us-east-1",
      endpoint: "http://emulator:4566",
      recipients: [recipientOf(identity)],
      retentionDaysLocal: 30,
      metricNamespace: "FitnessCRM",
    };
    const files = await sandbox.secrets("files", {
      "backup.json": JSON.stringify(settings),
      "maintenance.json": JSON.stringify(WINDOW_SETTINGS),
      "tasks.json": JSON.stringify({ timeZone: settings.timeZone, tasks: taskDefinitions() }),
    });
    const key = (name: string): string =>
      JSON.stringify({ accessKeyId: name, secretAccessKey: `planted-key-of-${name}` });
    const secrets = await sandbox.secrets(role, {
      backup_reader: key("reader"),
      ...(role === "ops" ? { backup_writer: key("writer") } : { backup_identity: `${identity}\n` }),
    });
    const container = await docker([
      ...["run", "--detach", `--network=${stack}`, "--cap-drop=ALL", "--read-only", "--tmpfs=/tmp"],
      ...["--memory=512m", "--volume=/backups", "--volume=/var/lib/restore"],
      ...[`--label=fitnesscrm.stack=${stack}`, `--label=fitnesscrm.service=${role}`],
      ...[`--env=OPS_ROLE=${role}`, "--env=OPS_RECORDS=/tmp/records"],
      ...[`--volume=${files}:/fitnesscrm:ro`, `--volume=${secrets}:/run/secrets:ro`],
      ...(role === "ops" ? [`--volume=${stack}-engine-logs:/run/engine-logs:ro`] : []),
      ...[await opsImage(), "sleep", "infinity"],
    ]);
    containers.push(container);
    return container;
  }

  async function engineLines(part: string): Promise<string[]> {
    const { stdout, stderr } = await tryDocker(["service", "logs", "--raw", service]);
    return `${stdout}${stderr}`.split("\n").filter((line) => line.includes(part));
  }

  async function keys(): Promise<string[]> {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: "logs/" }));
    return Contents.map(({ Key }) => String(Key));
  }

  /** What the launcher shows of archive and engine. */
  async function shown(grep?: string): Promise<{ lines: string[]; error: string }> {
    let text = "";
    let error = "";
    const pattern = new RegExp(grep ?? "");
    await showTogether(
      {
        docker: host,
        stack,
        services: await host.services(stack),
        isShown: (line) => pattern.test(line),
        prefixOf: () => "",
        isHeld: false,
        tail: undefined,
        write: (part) => {
          text += part;
        },
      },
      { since: 0, until: Date.now(), grep },
    ).catch((reason: Error) => {
      error = reason.message;
    });
    return { lines: text.split("\n").filter((line) => line !== ""), error };
  }

  it("has every line of every task, encrypted, and none twice", async () => {
    await sleep(SETTLE_MS + 2_000);
    const record = await runTaskNow(host, stack, "log-archive", {});
    assert.match(record.reason, /^4 lines of 1 services, \d+ KiB in S3$/);
    const [key, ...others] = await keys();
    assert.equal(others.length, 0);
    assert.equal(segmentOf(String(key).replace(/^logs\//, ""))?.service, "backend");
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
    assert.ok(bytes.subarray(0, 40).toString().startsWith("age-encryption.org/v1"));
    assert.ok(!bytes.includes("needle"));

    const again = await runTaskNow(host, stack, "log-archive", {});
    assert.match(again.reason, /^0 lines of 0 services/);
    assert.equal((await keys()).length, 1);
    assert.deepEqual((await tryDocker(["exec", ops, "ls", "-A", "/backups"])).stdout.trim(), "");
  });

  it("shows archive and engine as one, also once the engine has thrown a task's log away", async () => {
    const wanted = (await engineLines("needle")).sort();
    const before = await shown();
    assert.equal(before.error, "");
    assert.equal(before.lines.length, 4);
    await docker(["service", "scale", "--detach", `${service}=1`]);
    await eventually("the engine to forget one", async () => (await engineLines("needle")).length === 1);
    const { lines, error } = await shown("^needle");
    assert.equal(error, "");
    assert.deepEqual(lines.sort(), wanted);
    assert.equal((await shown("größe")).lines.length, 2);
  });

  it("shows what the engine holds, and why not more, while S3 is away", async () => {
    await docker(["pause", emulator]);
    try {
      const { lines, error } = await shown("^needle");
      assert.equal(lines.length, 1);
      assert.match(error, /^logs: the archive could not be read, .*: \S/);
      assert.ok(!error.includes("planted-key"));
    } finally {
      await docker(["unpause", emulator]);
    }
  });

  it("gets nothing but logs of the stack's services from the engine", async () => {
    const status = (method: string, path: string): Promise<string> =>
      exec(
        ops,
        "node",
        "-e",
        "require('http').request({socketPath:'/run/engine-logs/engine.sock',method:process.argv[1],path:process.argv[2]},(a)=>{console.log(a.statusCode);process.exit()}).end()",
        method,
        path,
      );
    const tasksOf = (name: string): string =>
      `/tasks?filters=${encodeURIComponent(JSON.stringify({ service: [name] }))}`;
    const [task = ""] = (await docker(["service", "ps", "--quiet", "--no-trunc", service])).split("\n");
    const log = `/tasks/${task}/logs?stdout=1&stderr=1&timestamps=1&since=0.000000000`;
    assert.equal(await status("GET", tasksOf(service)), "200");
    assert.equal(await status("GET", log), "200");
    for (const path of [
      tasksOf("somebody-else"),
      "/tasks",
      "/tasks?filters=%7B%7D",
      `/tasks/${task}`,
      log.replace(task, task.slice(0, 6)),
      `${log}&follow=1`,
      `/services/${service}/logs?stdout=1`,
      "/secrets",
      "/configs",
      "/swarm",
      "/info",
      "/containers/json",
    ]) {
      assert.equal(await status("GET", path), "403", path);
    }
    for (const method of ["POST", "PUT", "DELETE", "HEAD"]) {
      assert.equal(await status(method, log), "403", method);
    }
  });
});
