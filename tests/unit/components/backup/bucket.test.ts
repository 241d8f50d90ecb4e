import assert from "node:assert/strict";
import { BackupBucket } from "../../../../components/backup/bucket";
import { countByType, ofType, only, outputValue, type Recorded, record } from "../../../support/mocks";

const BUCKET = "unit-backups-of-the-test";
const ARN = `arn:aws:s3:::${BUCKET}`;

const build = (stack: string, bucketName?: string) =>
  record(
    stack,
    () =>
      new BackupBucket("backups", {
        stack,
        ...(bucketName !== undefined && { bucketName }),
        retentionDays: 90,
      }),
  );

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
}

const statementsOf = ({ inputs }: Recorded): Statement[] =>
  (JSON.parse(String(inputs.policy)) as { Statement: Statement[] }).Statement;

describe("backup bucket", () => {
  let resources: Recorded[];
  let component: BackupBucket;
  before(async () => {
    const recording = await build("unit", BUCKET);
    resources = recording.resources;
    component = recording.result;
  });

  it("is protected and never emptied by force", () => {
    const bucket = only(resources, "aws:s3/bucket:Bucket");
    assert.deepEqual(bucket.inputs, { bucket: BUCKET, forceDestroy: false });
    assert.equal(bucket.protect, true);
  });

  it("is called after the stack where no name is given, and made unique by Pulumi", async () => {
    const bucket = only((await build("unit")).resources, "aws:s3/bucket:Bucket");
    assert.equal(bucket.name, "fitnesscrm-unit-backups");
    assert.equal(bucket.inputs.bucket, undefined);
  });

  it("keeps old versions", () => {
    assert.deepEqual(only(resources, "aws:s3/bucketVersioning:BucketVersioning").inputs, {
      bucket: BUCKET,
      versioningConfiguration: { status: "Enabled" },
    });
  });

  it("is encrypted", () => {
    const type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    assert.deepEqual(only(resources, type).inputs, {
      bucket: BUCKET,
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: false }],
    });
  });

  it("is closed to the public, and takes no ACLs", () => {
    assert.deepEqual(only(resources, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs, {
      bucket: BUCKET,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    assert.deepEqual(only(resources, "aws:s3/bucketOwnershipControls:BucketOwnershipControls").inputs, {
      bucket: BUCKET,
      rule: { objectOwnership: "BucketOwnerEnforced" },
    });
  });

  it("refuses everybody who does not use TLS", () => {
    const policy = only(resources, "aws:s3/bucketPolicy:BucketPolicy");
    assert.equal(policy.inputs.bucket, BUCKET);
    assert.deepEqual(JSON.parse(String(policy.inputs.policy)), {
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "TlsOnly",
          Effect: "Deny",
          Principal: "*",
          Action: "s3:*",
          Resource: [ARN, `${ARN}/*`],
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
      ],
    });
  });

  it("changes one access setting after the other, since S3 refuses two at once", () => {
    const types = [
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      "aws:s3/bucketPolicy:BucketPolicy",
    ];
    const chain = types.map((type) => only(resources, type));
    const urns = chain.map(({ urn }) => urn);
    const before = chain.map(({ dependsOn }) => urns.filter((urn) => dependsOn.includes(urn)).length);
    assert.equal(before.filter((count) => count === 0).length, 1, "only one of them may come first");
  });

  it("lets backups, logs and old versions go after the manual's days, records of deployments and incidents after two years, reports after one, and cleans up broken uploads", () => {
    const lifecycle = only(resources, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration");
    assert.deepEqual(lifecycle.inputs, {
      bucket: BUCKET,
      rules: [
        {
          id: "expire-backups",
          status: "Enabled",
          filter: { prefix: "backups/" },
          expiration: { days: 90 },
        },
        {
          id: "expire-deployments",
          status: "Enabled",
          filter: { prefix: "deployments/" },
          expiration: { days: 732 },
        },
        {
          id: "expire-incidents",
          status: "Enabled",
          filter: { prefix: "incidents/" },
          expiration: { days: 732 },
        },
        {
          id: "expire-old-versions",
          status: "Enabled",
          filter: { prefix: "" },
          noncurrentVersionExpiration: { noncurrentDays: 90 },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
        },
        {
          id: "clean-delete-markers",
          status: "Enabled",
          filter: { prefix: "" },
          expiration: { expiredObjectDeleteMarker: true },
        },
        {
          id: "expire-reports",
          status: "Enabled",
          filter: { prefix: "reports/" },
          expiration: { days: 400 },
        },
        {
          id: "expire-logs",
          status: "Enabled",
          filter: { prefix: "logs/" },
          expiration: { days: 90 },
        },
      ],
    });
    const versioning = only(resources, "aws:s3/bucketVersioning:BucketVersioning");
    assert.ok(lifecycle.dependsOn.includes(versioning.urn), "old versions must exist before a rule on them");
  });

  it("has a writer that adds, and sees that it arrived", () => {
    assert.deepEqual(only(resources, "aws:iam/user:User", "fitnesscrm-unit-backups-writer").inputs, {
      forceDestroy: true,
    });
    assert.deepEqual(statementsOf(only(resources, "aws:iam/userPolicy:UserPolicy", "backups-writer")), [
      {
        Effect: "Allow",
        Action: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObjectAttributes"],
        Resource: `${ARN}/backups/*`,
      },
      { Effect: "Allow", Action: ["s3:PutObject"], Resource: `${ARN}/deployments/*` },
      { Effect: "Allow", Action: ["s3:PutObject"], Resource: `${ARN}/incidents/*` },
      { Effect: "Allow", Action: ["s3:PutObject"], Resource: `${ARN}/reports/*` },
      { Effect: "Allow", Action: ["s3:PutObject", "s3:AbortMultipartUpload"], Resource: `${ARN}/archive/*` },
      { Effect: "Allow", Action: ["s3:PutObject", "s3:AbortMultipartUpload"], Resource: `${ARN}/logs/*` },
      { Effect: "Allow", Action: ["s3:ListBucket", "s3:GetBucketLocation"], Resource: ARN },
    ]);
  });

  it("has an archiver of the database's log, below a prefix of its own", () => {
    assert.deepEqual(only(resources, "aws:iam/user:User", "fitnesscrm-unit-backups-archiver").inputs, {
      forceDestroy: true,
    });
    assert.deepEqual(statementsOf(only(resources, "aws:iam/userPolicy:UserPolicy", "backups-archiver")), [
      {
        Effect: "Allow",
        Action: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject", "s3:DeleteObject"],
        Resource: `${ARN}/wal/*`,
      },
      { Effect: "Allow", Action: ["s3:ListBucket", "s3:GetBucketLocation"], Resource: ARN },
    ]);
  });

  it("has a reader that lists and reads", () => {
    assert.deepEqual(only(resources, "aws:iam/user:User", "fitnesscrm-unit-backups-reader").inputs, {
      forceDestroy: true,
    });
    assert.deepEqual(statementsOf(only(resources, "aws:iam/userPolicy:UserPolicy", "backups-reader")), [
      {
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes"],
        Resource: `${ARN}/*`,
      },
      {
        Effect: "Allow",
        Action: ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation"],
        Resource: ARN,
      },
    ]);
  });

  it("gives nobody a right to delete a backup, to change settings, or by a wildcard", () => {
    const policies = ofType(resources, "aws:iam/userPolicy:UserPolicy");
    assert.equal(policies.length, 3);
    const statements = policies.flatMap(statementsOf).filter(({ Resource }) => Resource !== `${ARN}/wal/*`);
    for (const action of statements.flatMap(({ Action }) => Action)) {
      assert.match(action, /^s3:(Get|List|PutObject$|AbortMultipartUpload$)/);
      assert.doesNotMatch(action, /Delete|\*|Policy|Lifecycle|Versioning|Bypass/);
    }
  });

  it("makes one key a user, and offers them", async () => {
    assert.deepEqual(
      ofType(resources, "aws:iam/accessKey:AccessKey").map(({ name, inputs }) => [name, inputs]),
      [
        ["backups-writer", { user: "fitnesscrm-unit-backups-writer-1234567" }],
        ["backups-archiver", { user: "fitnesscrm-unit-backups-archiver-1234567" }],
        ["backups-reader", { user: "fitnesscrm-unit-backups-reader-1234567" }],
      ],
    );
    assert.equal(await outputValue(component.writer.user), "fitnesscrm-unit-backups-writer-1234567");
    assert.equal(await outputValue(component.reader.user), "fitnesscrm-unit-backups-reader-1234567");
    assert.equal(await outputValue(component.bucketName), BUCKET);
    assert.equal(await outputValue(component.bucketArn), ARN);
  });

  it("has these children and no other, all below itself", () => {
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:backup:Bucket": 1,
      "aws:s3/bucket:Bucket": 1,
      "aws:s3/bucketVersioning:BucketVersioning": 1,
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": 1,
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls": 1,
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 1,
      "aws:s3/bucketPolicy:BucketPolicy": 1,
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": 1,
      "aws:iam/user:User": 3,
      "aws:iam/userPolicy:UserPolicy": 3,
      "aws:iam/accessKey:AccessKey": 3,
    });
    const own = only(resources, "fitnesscrm:backup:Bucket").urn;
    assert.ok(resources.every(({ custom, parent }) => !custom || parent === own));
  });
});
