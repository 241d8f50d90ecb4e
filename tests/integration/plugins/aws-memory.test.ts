/** The emulator's image: what its services hold survives a restart and a kill of the container. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { IAM } from "@aws-sdk/client-iam";
import { S3 } from "@aws-sdk/client-s3";
import { SNS } from "@aws-sdk/client-sns";
import { emulatorImage, emulatorIsReady } from "./aws-emulator";

const docker = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)("docker", args)).stdout.trim();

/** A free port; one that Docker chooses changes with each start. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

describe("the AWS emulator", function () {
  this.timeout(120_000);
  let container = "";
  let endpoint = "";
  const options = () => ({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "memory", secretAccessKey: "memory" },
  });
  const s3 = () => new S3({ ...options(), forcePathStyle: true });

  before(async () => {
    const port = await freePort();
    endpoint = `http://127.0.0.1:${port}`;
    container = await docker("run", "--detach", "--publish", `127.0.0.1:${port}:4566`, await emulatorImage());
    await emulatorIsReady(endpoint);
  });

  after(async () => {
    if (container !== "") await docker("rm", "--force", "--volumes", container);
  });

  const texts = async (): Promise<string[]> => {
    const { Versions = [] } = await s3().listObjectVersions({ Bucket: "memory", Prefix: "dump" });
    const bodies = Versions.map(({ Key, VersionId }) => s3().getObject({ Bucket: "memory", Key, VersionId }));
    const found = (await Promise.all(bodies)).map(({ Body }) => Body?.transformToString() ?? "");
    return (await Promise.all(found)).sort();
  };

  it("runs as a user without rights", async () => {
    assert.equal(await docker("exec", container, "id", "-un"), "localstack");
  });

  it("keeps buckets, versions, users, topics, alarms and dashboards over a restart", async () => {
    const Bucket = "memory";
    await s3().createBucket({ Bucket });
    await s3().putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Enabled" } });
    for (const Body of ["first", "second"]) await s3().putObject({ Bucket, Key: "dump", Body });
    await s3().putObject({ Bucket, Key: "large", Body: Buffer.alloc(2_000_000, 7) });
    await new IAM(options()).createUser({ UserName: "memory" });
    const { AccessKey } = await new IAM(options()).createAccessKey({ UserName: "memory" });
    const { TopicArn } = await new SNS(options()).createTopic({ Name: "memory" });
    await new SNS(options()).subscribe({ TopicArn, Protocol: "email", Endpoint: "memory@example.com" });
    const cloudwatch = new CloudWatch(options());
    await cloudwatch.putDashboard({ DashboardName: "memory", DashboardBody: '{"widgets":[]}' });
    await cloudwatch.putMetricAlarm({
      AlarmName: "memory",
      MetricName: "m",
      Namespace: "n",
      Statistic: "Sum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: "GreaterThanThreshold",
      AlarmActions: [String(TopicArn)],
    });

    await docker("restart", "--time", "10", container);
    await emulatorIsReady(endpoint);

    assert.deepEqual(await texts(), ["first", "second"]);
    const large = await s3().getObject({ Bucket, Key: "large" });
    assert.deepEqual(
      Buffer.from((await large.Body?.transformToByteArray()) ?? []),
      Buffer.alloc(2_000_000, 7),
    );
    const keys = await new IAM(options()).listAccessKeys({ UserName: "memory" });
    assert.equal(keys.AccessKeyMetadata?.[0]?.AccessKeyId, AccessKey?.AccessKeyId);
    const { Subscriptions } = await new SNS(options()).listSubscriptionsByTopic({ TopicArn });
    assert.equal(Subscriptions?.[0]?.Endpoint, "memory@example.com");
    const { MetricAlarms } = await new CloudWatch(options()).describeAlarms({});
    assert.deepEqual(MetricAlarms?.[0]?.AlarmActions, [TopicArn]);
    const { DashboardEntries } = await new CloudWatch(options()).listDashboards({});
    assert.equal(DashboardEntries?.[0]?.DashboardName, "memory");
  });

  it("goes on where it was after a kill, and forgets what was deleted", async () => {
    const Bucket = "memory";
    const { VersionId: third } = await s3().putObject({ Bucket, Key: "dump", Body: "third" });
    const { Versions = [] } = await s3().listObjectVersions({ Bucket, Prefix: "large" });
    const large = Versions[0]?.VersionId;
    await s3().deleteObject({ Bucket, Key: "large", VersionId: large });
    // A kill loses what is younger than the next save, so that one is waited for.
    const end = Date.now() + 30_000;
    const saved = async () => {
      const state = await docker("exec", container, "cat", "/var/lib/localstack/kept/s3.state");
      return state.includes(String(third)) && !state.includes(String(large));
    };
    while (!(await saved())) assert.ok(Date.now() < end, "the change is not saved within 30 s");

    await docker("kill", container);
    await docker("start", container);
    await emulatorIsReady(endpoint);

    assert.deepEqual(await texts(), ["first", "second", "third"]);
    await assert.rejects(s3().headObject({ Bucket, Key: "large" }), { name: "NotFound" });
    const files = await docker(
      "exec",
      container,
      "find",
      "/var/lib/localstack/kept/objects/memory",
      "-type",
      "f",
    );
    assert.equal(files.split("\n").length, 3);
  });
});
