import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3 } from "@aws-sdk/client-s3";
import { stringify } from "yaml";
import { fitnesscrmHome } from "../../../cli/context";
import { run } from "../../../cli/exec";
import type { PrepareResult } from "../../../cli/state/prepare";
import { type CliResult, docker, runCli, until } from "./server";

const IMAGES = ["fitnesscrm/aws-emulator:4.14.0", "fitnesscrm-aws-emulator:4.14.0"];
const STACK = "conf-state";
const BUCKET = `fitnesscrm-${STACK}-state-000000000000`;

describe("state prepare on an AWS emulator", function () {
  this.timeout(240_000);
  let container: string;
  let endpoint: string;
  let home: string;
  let s3: S3;

  const prepare = (...args: string[]): Promise<CliResult> =>
    runCli(["state", "prepare", "--stack", STACK, ...args], { FITNESSCRM_HOME: home });
  const resultOf = ({ stdout }: CliResult): PrepareResult => JSON.parse(stdout) as PrepareResult;
  const statuses = (result: CliResult): Record<string, string> =>
    Object.fromEntries(resultOf(result).properties.map(({ name, status }) => [name, status]));
  const client = (account: string, region = "us-east-1"): S3 =>
    new S3({
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId: account, secretAccessKey: "test" },
    });
  const backendOf = (stack: string): string => join(home, "stacks", stack, "backend");

  before(async () => {
    const present = await Promise.all(
      IMAGES.map((image) => docker("image", "inspect", "--format", "{{.Id}}", image).catch(() => undefined)),
    );
    const image = IMAGES.find((_, index) => present[index] !== undefined);
    assert.ok(image, `none of ${IMAGES.join(", ")} is there: run ./fitnesscrm up once, which makes it`);
    container = await docker("run", "--detach", "--publish", "127.0.0.1::4566", image);
    endpoint = `http://${(await docker("port", container, "4566/tcp")).split("\n")[0]}`;
    const health = (): Promise<boolean> =>
      fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(2000) }).then(
        ({ ok }) => ok,
        () => false,
      );
    await until("the emulator", health, 180);
    home = mkdtempSync(join(tmpdir(), "conf-state-"));
    mkdirSync(join(home, "stacks", STACK), { recursive: true });
    const aws = { region: "us-east-1", emulator: { endpoint } };
    const settings = stringify({ config: { "fitnesscrm:aws": aws } });
    writeFileSync(join(home, "stacks", STACK, `Pulumi.${STACK}.yaml`), settings);
    s3 = client("test");
  });

  after(async () => {
    s3?.destroy();
    if (container !== undefined) await docker("rm", "--force", "--volumes", container);
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  it("makes the bucket to the standard and prints the two lines to go on with", async () => {
    const made = await prepare();
    assert.equal(made.code, 0, made.stderr);
    const url = readFileSync(backendOf(STACK), "utf8").trim();
    assert.match(made.stdout, new RegExp(`^bucket: changed: ${BUCKET} in us-east-1$`, "m"));
    assert.deepEqual(made.stdout.trimEnd().split("\n").slice(-2), [
      `export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test PULUMI_BACKEND_URL='${url}'`,
      `./fitnesscrm up --stack ${STACK}`,
    ]);

    const at = { Bucket: BUCKET };
    assert.equal((await s3.getBucketVersioning(at)).Status, "Enabled");
    const encryption = (await s3.getBucketEncryption(at)).ServerSideEncryptionConfiguration;
    assert.equal(encryption?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm, "AES256");
    assert.deepEqual((await s3.getPublicAccessBlock(at)).PublicAccessBlockConfiguration, {
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    });
    const ownership = (await s3.getBucketOwnershipControls(at)).OwnershipControls;
    assert.deepEqual(ownership?.Rules, [{ ObjectOwnership: "BucketOwnerEnforced" }]);
    const policy = JSON.parse((await s3.getBucketPolicy(at)).Policy ?? "") as { Statement: object[] };
    assert.deepEqual(policy.Statement, [
      {
        Sid: "FitnessCrmTlsOnly",
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: [`arn:aws:s3:::${BUCKET}`, `arn:aws:s3:::${BUCKET}/*`],
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ]);
    const [rule] = (await s3.getBucketLifecycleConfiguration(at)).Rules ?? [];
    assert.equal(rule?.NoncurrentVersionExpiration?.NoncurrentDays, 365);
    assert.equal(rule?.AbortIncompleteMultipartUpload?.DaysAfterInitiation, 7);
    assert.equal(rule?.Expiration, undefined);
  });

  it("finds everything unchanged the second time", async () => {
    const again = await prepare("--json");
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(new Set(Object.values(statuses(again))), new Set(["unchanged"]));
    assert.equal(resultOf(again).changed, false);
    assert.equal(resultOf(again).backendUrl, readFileSync(backendOf(STACK), "utf8").trim());
  });

  it("gives Pulumi a backend in which a stack is found again, with its older states", async () => {
    const project = join(home, "project");
    mkdirSync(project);
    writeFileSync(join(project, "Pulumi.yaml"), "name: fitnesscrm\nruntime: nodejs\n");
    const pulumi = async (pulumiHome: string, ...args: string[]): Promise<string> => {
      const result = await run("pulumi", [...args, "--non-interactive"], {
        cwd: project,
        timeoutSeconds: 120,
        env: {
          ...process.env,
          PATH: `${join(fitnesscrmHome(), "bin")}:${process.env.PATH}`,
          PULUMI_HOME: join(home, pulumiHome),
          PULUMI_SKIP_UPDATE_CHECK: "true",
          PULUMI_BACKEND_URL: readFileSync(backendOf(STACK), "utf8").trim(),
          PULUMI_CONFIG_PASSPHRASE: "of this test",
          AWS_ACCESS_KEY_ID: "test",
          AWS_SECRET_ACCESS_KEY: "test",
        },
      });
      assert.equal(result.code, 0, result.stderr);
      return result.stdout;
    };
    await pulumi("first-home", "stack", "init", "conf-state");
    const exported = await pulumi("first-home", "stack", "export", "--stack", "conf-state");
    writeFileSync(join(project, "state.json"), exported);
    await pulumi(
      "first-home",
      "stack",
      "import",
      "--stack",
      "conf-state",
      "--file",
      join(project, "state.json"),
    );

    const listed = JSON.parse(await pulumi("second-home", "stack", "ls", "--json")) as { name: string }[];
    assert.deepEqual(
      listed.map(({ name }) => name),
      ["conf-state"],
    );
    const { Versions } = await s3.listObjectVersions({
      Bucket: BUCKET,
      Prefix: ".pulumi/stacks/fitnesscrm/conf-state.json",
    });
    const states = (Versions ?? []).filter(({ Key }) => Key?.endsWith("conf-state.json"));
    assert.ok(states.length >= 2, `${states.length} versions of the state`);
  });

  it("does not point the launcher away from a state that is there", async () => {
    const stored = readFileSync(backendOf(STACK), "utf8");
    const other = await prepare("--bucket", "conf-state-elsewhere");
    assert.equal(other.code, 1);
    assert.match(
      other.stderr,
      /^fitnesscrm: stack conf-state has its state at s3:.*remove .* and run this again$/m,
    );
    assert.equal(readFileSync(backendOf(STACK), "utf8"), stored);
    await assert.rejects(s3.headBucket({ Bucket: "conf-state-elsewhere" }), "nothing was made");
  });

  it("brings a bucket up to the standard that was made by hand, and keeps what else is set there", async () => {
    rmSync(backendOf(STACK));
    const Bucket = "conf-state-by-hand";
    await s3.createBucket({ Bucket, ObjectOwnership: "ObjectWriter" });
    await s3.putObject({ Bucket, Key: ".pulumi/kept", Body: "state" });
    await s3.putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Suspended" } });
    await s3.deletePublicAccessBlock({ Bucket });
    const statement = {
      Sid: "Theirs",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:DeleteBucket",
      Resource: `arn:aws:s3:::${Bucket}`,
    };
    await s3.putBucketPolicy({
      Bucket,
      Policy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
    });
    await s3.putBucketLifecycleConfiguration({
      Bucket,
      LifecycleConfiguration: {
        Rules: [{ ID: "theirs", Status: "Enabled", Filter: { Prefix: "" }, Expiration: { Days: 30 } }],
      },
    });

    const result = await prepare("--bucket", Bucket, "--json");
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(statuses(result), {
      bucket: "unchanged",
      "public access": "changed",
      ownership: "changed",
      versioning: "changed",
      encryption: "unchanged",
      policy: "changed",
      lifecycle: "changed",
      launcher: "changed",
    });
    assert.deepEqual(resultOf(result).warnings, [
      "the bucket's lifecycle rule theirs deletes states: remove it",
    ]);
    const policy = JSON.parse((await s3.getBucketPolicy({ Bucket })).Policy ?? "") as {
      Statement: { Sid: string }[];
    };
    assert.deepEqual(
      policy.Statement.map(({ Sid }) => Sid),
      ["Theirs", "FitnessCrmTlsOnly"],
    );
    const { Rules } = await s3.getBucketLifecycleConfiguration({ Bucket });
    assert.deepEqual(
      Rules?.map(({ ID }) => ID),
      ["theirs", "fitnesscrm-state"],
    );
    assert.equal((await s3.headObject({ Bucket, Key: ".pulumi/kept" })).ContentLength, 5);

    const again = await prepare("--bucket", Bucket, "--json");
    assert.deepEqual(new Set(Object.values(statuses(again))), new Set(["unchanged"]));
    rmSync(backendOf(STACK));
  });

  it("refuses a bucket of another account and leaves it as it is", async () => {
    // The emulator answers HeadBucket whoever owns the bucket; S3 refuses there already.
    const theirs = client("111111111111");
    const Bucket = "conf-state-theirs";
    await theirs.createBucket({ Bucket });
    const result = await prepare("--bucket", Bucket);
    assert.equal(result.code, 1);
    assert.match(
      result.stderr,
      /^fitnesscrm: bucket conf-state-theirs belongs to another account than 0{12}, or .*: name another with --bucket, or use other credentials$/m,
    );
    assert.notEqual((await theirs.getBucketVersioning({ Bucket })).Status, "Enabled");
    theirs.destroy();
  });

  it("refuses a bucket of another region, a name that S3 would refuse, and an endpoint that does not answer", async () => {
    const west = client("test", "eu-west-1");
    await west.createBucket({
      Bucket: "conf-state-west",
      CreateBucketConfiguration: { LocationConstraint: "eu-west-1" },
    });
    west.destroy();
    const elsewhere = await prepare("--bucket", "conf-state-west");
    assert.match(
      elsewhere.stderr,
      /^fitnesscrm: bucket conf-state-west is in .+, and the stack in us-east-1: name another/m,
    );

    const named = await prepare("--bucket", "Not_A_Bucket");
    assert.equal(named.code, 2);
    assert.match(named.stderr, /^fitnesscrm: --bucket "Not_A_Bucket": must be 3 to 63 of a-z/m);

    const file = join(home, "stacks", STACK, `Pulumi.${STACK}.yaml`);
    const before = readFileSync(file, "utf8");
    writeFileSync(file, before.replace(endpoint, "http://127.0.0.1:1"));
    const silent = await prepare();
    writeFileSync(file, before);
    assert.equal(silent.code, 1);
    assert.match(silent.stderr, /^fitnesscrm: AWS account: AWS does not answer \(.*\): check the network/m);
  });
});
