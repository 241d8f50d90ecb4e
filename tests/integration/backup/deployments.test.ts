import assert from "node:assert/strict";
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { generateIdentity, recipientOf } from "../../../ageKey";
import { getDeployment, putDeployment } from "../../../cli/deploy/deploymentRecord";
import { DockerHost } from "../../../cli/docker";
import { UserError } from "../../../cli/errors";
import { runInOps } from "../../../cli/ops";
import type { BackupSettings } from "../../../ops/backup/settings";
import type { DeploymentRecord } from "../../../ops/deployments/record";
import { taskDefinitions } from "../../../tasks";
import { WINDOW_SETTINGS } from "../../support/windowSettings";
import { docker, opsImage, Sandbox, tryDocker } from "../images/sandbox";
import { emulatorImage, emulatorIsReady } from "../plugins/aws-emulator";

const BUCKET = "deployments-test";
const KEY_SECRET = "planted-secret-of-the-key";

const record = (attempt: string, more: Partial<DeploymentRecord> = {}): DeploymentRecord => ({
  attempt,
  result: "succeeded",
  startedAt: "2026-11-25T23:15:02.000Z",
  endedAt: "2026-11-25T23:16:40.000Z",
  by: "ada@workstation",
  commit: null,
  dirty: true,
  backup: "20261125T231503Z-00ff",
  changes: [{ service: "backend", from: "sha256:1", to: "sha256:2" }],
  gates: [{ name: "before", result: "passed", seconds: 3.5, notes: ["backup 20261125T231503Z-00ff"] }],
  images: { backend: "sha256:2", frontend: "sha256:1" },
  pinned: null,
  ...more,
});

describe("records of deployments, by the launcher through ops to the AWS emulator", function () {
  this.timeout(600_000);
  const sandbox = new Sandbox();
  // The stack's name is the sandbox's: the launcher finds containers by it, and must find no other's.
  const stack = sandbox.prefix;
  const host = new DockerHost("");
  const emulator = `${stack}-emulator`;
  let container = "";
  let s3: S3Client;

  before(async () => {
    await sandbox.open();
    await docker([
      ...["run", "--detach", `--name=${emulator}`, `--network=${stack}`, "--network-alias=emulator"],
      ...["--publish=127.0.0.1::4566", await emulatorImage()],
    ]);
    const endpoint = `http://127.0.0.1:${await sandbox.port(emulator, 4566)}`;
    await emulatorIsReady(endpoint);
    s3 = new S3Client({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "test", secretAccessKey: "test-secret" },
    });
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    container = await startOps();
  });
  after(async () => {
    s3?.destroy();
    await tryDocker(["rm", "--force", "--volumes", emulator, ...(container === "" ? [] : [container])]);
    await sandbox.close();
  });

  async function startOps(): Promise<string> {
    const settings: BackupSettings = {
      stack,
      database: { host: "db", port: 5432, name: "fitnesscrm" },
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
    });
    const secrets = await sandbox.secrets("secrets", {
      backup_writer: JSON.stringify({ accessKeyId: "writer", secretAccessKey: KEY_SECRET }),
      backup_reader: JSON.stringify({ accessKeyId: "reader", secretAccessKey: KEY_SECRET }),
    });
    return docker([
      ...["run", "--detach", `--network=${stack}`, "--cap-drop=ALL", "--read-only"],
      ...["--tmpfs=/tmp", "--volume=/backups"],
      ...[`--label=fitnesscrm.stack=${stack}`, "--label=fitnesscrm.service=ops"],
      ...["--env=OPS_RECORDS=/tmp/records", `--volume=${files}:/fitnesscrm:ro`],
      ...[`--volume=${secrets}:/run/secrets:ro`, await opsImage(), "sleep", "infinity"],
    ]);
  }

  const keys = async (): Promise<string[]> =>
    ((await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }))).Contents ?? []).map(
      ({ Key }) => Key ?? "",
    );

  it("come back as they were written, one object each below their prefix", async () => {
    const first = record("20261125t231502z-3f9a");
    const failed = record("20261126t100000z-0001", {
      result: "failed",
      reason: "gate after: / answered 502",
      despite: "the shop is closed: ünïcödé, \"quotes\" and 'more'",
      pinned: 12,
    });
    await putDeployment(host, stack, first);
    await putDeployment(host, stack, failed);
    assert.deepEqual(await getDeployment(host, stack, first.attempt), first);
    assert.deepEqual(await getDeployment(host, stack, failed.attempt), failed);
    assert.deepEqual((await keys()).sort(), [
      "deployments/20261125t231502z-3f9a.json",
      "deployments/20261126t100000z-0001.json",
    ]);
  });

  it("tell the backups after them which release runs, unless they failed", async () => {
    const images = (backend: string) => ({ images: { backend } });
    await putDeployment(host, stack, record("20261126t110000z-0001", images("sha256:live")));
    const failed = { result: "failed", reason: "x", ...images("sha256:bad") } as const;
    await putDeployment(host, stack, record("20261126t120000z-0001", failed));
    assert.equal(await docker(["exec", container, "cat", "/backups/.release"]), "sha256:live");
  });

  it("are overwritten by a later record of the same attempt", async () => {
    await putDeployment(host, stack, record("20261127t000000z-0001", { result: "failed", reason: "x" }));
    await putDeployment(host, stack, record("20261127t000000z-0001"));
    assert.deepEqual(
      await getDeployment(host, stack, "20261127t000000z-0001"),
      record("20261127t000000z-0001"),
    );
  });

  it("are listed newest first", async () => {
    const listed = (await runInOps(host, stack, "ops", ["deployments", "list"])) as {
      attempt: string;
      storedAt: string;
    }[];
    assert.deepEqual(
      listed.map(({ attempt }) => attempt),
      [
        "20261127t000000z-0001",
        "20261126t120000z-0001",
        "20261126t110000z-0001",
        "20261126t100000z-0001",
        "20261125t231502z-3f9a",
      ],
    );
    assert.ok(listed.every(({ storedAt }) => !Number.isNaN(Date.parse(storedAt))));
  });

  it("that were never written are none, and no error", async () => {
    assert.equal(await getDeployment(host, stack, "20200101t000000z-0000"), undefined);
  });

  const refused = async (work: Promise<unknown>, message: string | RegExp): Promise<void> =>
    assert.rejects(work, (error: unknown) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, typeof message === "string" ? new RegExp(`^${message}$`) : message);
      assert.ok(!error.message.includes(KEY_SECRET));
      return true;
    });

  it("that are not valid are refused with the place, and nothing is written", async () => {
    const before = await keys();
    await refused(
      putDeployment(host, stack, record("../backups/x")),
      /^the input is not valid: attempt: must be an attempt's id/,
    );
    await refused(
      putDeployment(host, stack, record("a", { endedAt: "soon" })),
      /: endedAt: must be an ISO time$/,
    );
    assert.deepEqual(await keys(), before);
  });

  it("that are damaged in the bucket are named", async () => {
    const Key = "deployments/20261128t000000z-0001.json";
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: '{"attempt":' }));
    await refused(
      getDeployment(host, stack, "20261128t000000z-0001"),
      `${Key} in S3 is not the record of a deployment: it is damaged`,
    );
  });

  it("do not get lost without a word when S3 is away, or ops", async () => {
    await docker(["stop", "--time=1", emulator]);
    await refused(
      putDeployment(host, stack, record("20261129t000000z-0001")),
      /^S3 at http:\/\/emulator:4566 could not take deployments\/20261129t000000z-0001\.json in the bucket /,
    );
    await docker(["stop", "--time=1", container]);
    await refused(putDeployment(host, stack, record("20261129t000000z-0001")), /ops/);
  });
});
