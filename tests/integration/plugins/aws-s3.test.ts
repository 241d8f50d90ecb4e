import assert from "node:assert/strict";
import * as aws from "@pulumi/aws";
import { awsConfig, s3, startEmulator, stopEmulator } from "./aws-emulator";
import { conformance } from "./harness";

const suite = { plugins: ["aws" as const], config: awsConfig, before: startEmulator, after: stopEmulator };

async function bucketIsGone(Bucket: string): Promise<void> {
  await assert.rejects(s3().headBucket({ Bucket }), { name: "NotFound" });
}

let autoNamed = "";
conformance({
  ...suite,
  title: "aws.s3.Bucket",
  steps: [
    {
      name: "creates a bucket with a name of its own, in lower case, with the provider's tags",
      program: async () => {
        const bucket = new aws.s3.Bucket("Backups", { tags: { kept: "yes" } });
        return { arn: bucket.arn };
      },
      expect: { Backups: "create" },
      check: async ({ outputs, state }) => {
        const { id, inputs, outputs: out } = state("Backups");
        autoNamed = id;
        assert.match(id, /^backups-[0-9a-f]{7}$/);
        assert.deepEqual(inputs, {
          bucket: id,
          forceDestroy: false,
          region: "us-east-1",
          tags: { kept: "yes" },
          tagsAll: { kept: "yes", project: "conformance" },
        });
        assert.equal(outputs.arn, `arn:aws:s3:::${id}`);
        assert.equal(out.bucketDomainName, `${id}.s3.amazonaws.com`);
        assert.equal(out.bucketRegionalDomainName, `${id}.s3.us-east-1.amazonaws.com`);
        assert.equal(out.hostedZoneId, "Z3AQBSTGFYJSTF");
        assert.deepEqual(out.tags, { kept: "yes" });
        assert.deepEqual(out.tagsAll, { kept: "yes", project: "conformance" });
        const { TagSet } = await s3().getBucketTagging({ Bucket: id });
        assert.equal(TagSet?.length, 2);
      },
    },
    {
      name: "changes tags in place and keeps the name",
      program: async () => {
        new aws.s3.Bucket("Backups", { tags: { kept: "no", more: "x" } });
      },
      expect: { Backups: { update: ["tags.kept", "tags.more", "tagsAll.kept", "tagsAll.more"] } },
      check: ({ state }) => assert.equal(state("Backups").id, autoNamed),
    },
    {
      name: "puts tags back that somebody changed",
      drift: async () => {
        await s3().putBucketTagging({
          Bucket: autoNamed,
          Tagging: { TagSet: [{ Key: "foreign", Value: "1" }] },
        });
      },
      drifted: {
        Backups: {
          update: [
            "tags.foreign",
            "tags.kept",
            "tags.more",
            "tagsAll.foreign",
            "tagsAll.kept",
            "tagsAll.more",
            "tagsAll.project",
          ],
        },
      },
      expect: {
        Backups: {
          update: [
            "tags.foreign",
            "tags.kept",
            "tags.more",
            "tagsAll.foreign",
            "tagsAll.kept",
            "tagsAll.more",
            "tagsAll.project",
          ],
        },
      },
    },
    {
      name: "replaces the bucket when the program names it, the old one last",
      program: async () => {
        new aws.s3.Bucket("Backups", { bucket: "conf-aws-named" });
      },
      expect: { Backups: { replace: ["bucket"], deleteFirst: false } },
      check: async () => bucketIsGone(autoNamed),
    },
    {
      name: "makes a bucket again that is gone",
      drift: async () => void (await s3().deleteBucket({ Bucket: "conf-aws-named" })),
      drifted: { Backups: "delete" },
      expect: { Backups: "create" },
    },
    {
      name: "does not take over a bucket that exists",
      program: async () => {
        new aws.s3.Bucket("Backups", { bucket: "conf-aws-named" });
        new aws.s3.Bucket("twin", { bucket: "conf-aws-named" });
      },
      expect: { Backups: "same", twin: "create" },
      fails: /conf-aws-named: a bucket of this name exists already/,
    },
    {
      name: "does not delete a bucket that holds objects",
      drift: async () => {
        const Bucket = "conf-aws-named";
        await s3().putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Enabled" } });
        for (const Body of ["one", "two"]) await s3().putObject({ Bucket, Key: "kept", Body });
        await s3().deleteObject({ Bucket, Key: "kept" });
      },
      program: async () => undefined,
      expect: { Backups: "delete" },
      fails: /deleting S3 bucket conf-aws-named: BucketNotEmpty.*set forceDestroy/,
      check: async () => void (await s3().headBucket({ Bucket: "conf-aws-named" })),
    },
    {
      name: "changes forceDestroy in place",
      program: async () => {
        new aws.s3.Bucket("Backups", { bucket: "conf-aws-named", forceDestroy: true });
      },
      expect: { Backups: { update: ["forceDestroy"] } },
    },
  ],
  // The bucket still holds two versions and a delete marker when the stack is destroyed.
  gone: () => bucketIsGone("conf-aws-named"),
});

const BUCKET = "conf-aws-settings";
const ARN = `arn:aws:s3:::${BUCKET}`;
const tlsOnly = (principal: unknown, actions: unknown) => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: principal,
      Action: actions,
      Resource: [ARN, `${ARN}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
});

interface Settings {
  status?: string;
  algorithm?: string;
  block?: boolean;
  ownership?: string;
  days?: number;
  policy?: string;
}

function settings(given: Settings): void {
  const { bucket } = new aws.s3.Bucket("bucket", { bucket: BUCKET });
  new aws.s3.BucketVersioning("versioning", {
    bucket,
    versioningConfiguration: { status: given.status ?? "Enabled" },
  });
  new aws.s3.BucketServerSideEncryptionConfiguration("encryption", {
    bucket,
    rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: given.algorithm ?? "AES256" } }],
  });
  const block = given.block ?? true;
  new aws.s3.BucketPublicAccessBlock("block", {
    bucket,
    blockPublicAcls: true,
    blockPublicPolicy: block,
    ignorePublicAcls: true,
    restrictPublicBuckets: block,
  });
  new aws.s3.BucketOwnershipControls("ownership", {
    bucket,
    rule: { objectOwnership: given.ownership ?? "BucketOwnerEnforced" },
  });
  new aws.s3.BucketLifecycleConfiguration("lifecycle", {
    bucket,
    rules: [
      {
        id: "expire",
        status: "Enabled",
        filter: { prefix: "dumps/" },
        expiration: { days: given.days ?? 90 },
        noncurrentVersionExpiration: { noncurrentDays: 7 },
      },
      {
        id: "broken-uploads",
        status: "Enabled",
        filter: {},
        abortIncompleteMultipartUpload: { daysAfterInitiation: 3 },
        expiration: { expiredObjectDeleteMarker: true },
      },
      {
        id: "archive",
        status: "Disabled",
        filter: {
          and: { prefix: "logs/", objectSizeGreaterThan: 1024, tags: { keep: "long", cold: "yes" } },
        },
        transitions: [
          { days: 60, storageClass: "GLACIER" },
          { days: 30, storageClass: "STANDARD_IA" },
        ],
      },
    ],
  });
  new aws.s3.BucketPolicy("policy", { bucket, policy: given.policy ?? JSON.stringify(tlsOnly("*", "s3:*")) });
}

const allSame = {
  bucket: "same",
  versioning: "same",
  encryption: "same",
  block: "same",
  ownership: "same",
  lifecycle: "same",
  policy: "same",
} as const;

conformance({
  ...suite,
  title: "aws.s3 bucket settings",
  steps: [
    {
      name: "creates every setting",
      program: async () => settings({}),
      expect: {
        bucket: "create",
        versioning: "create",
        encryption: "create",
        block: "create",
        ownership: "create",
        lifecycle: "create",
        policy: "create",
      },
      check: async ({ state }) => {
        for (const name of Object.keys(allSame)) assert.equal(state(name).id, BUCKET);
        assert.equal(
          state("lifecycle").outputs.transitionDefaultMinimumObjectSize,
          "all_storage_classes_128K",
        );
        const { Rules } = await s3().getBucketLifecycleConfiguration({ Bucket: BUCKET });
        assert.equal(Rules?.find(({ ID }) => ID === "expire")?.Expiration?.Days, 90);
        const { Status } = await s3().getBucketVersioning({ Bucket: BUCKET });
        assert.equal(Status, "Enabled");
        const { PublicAccessBlockConfiguration } = await s3().getPublicAccessBlock({ Bucket: BUCKET });
        assert.deepEqual(new Set(Object.values(PublicAccessBlockConfiguration ?? {})), new Set([true]));
      },
    },
    {
      name: "takes a policy of the same meaning as no change",
      program: async () => settings({ policy: JSON.stringify(tlsOnly({ AWS: ["*"] }, ["s3:*"]), null, 2) }),
      expect: allSame,
    },
    {
      name: "changes every setting in place",
      program: async () =>
        settings({
          status: "Suspended",
          algorithm: "aws:kms",
          block: false,
          ownership: "BucketOwnerPreferred",
          days: 30,
          policy: JSON.stringify(tlsOnly("*", "s3:GetObject")),
        }),
      expect: {
        bucket: "same",
        versioning: { update: ["versioningConfiguration.status"] },
        encryption: { update: ["rules[0].applyServerSideEncryptionByDefault.sseAlgorithm"] },
        block: { update: ["blockPublicPolicy", "restrictPublicBuckets"] },
        ownership: { update: ["rule.objectOwnership"] },
        lifecycle: { update: ["rules[0].expiration.days"] },
        policy: { update: ["policy"] },
      },
      check: async () => {
        const { Rules } = await s3().getBucketLifecycleConfiguration({ Bucket: BUCKET });
        assert.equal(Rules?.find(({ ID }) => ID === "expire")?.Expiration?.Days, 30);
        assert.equal(Rules?.length, 3);
      },
    },
    {
      name: "notices settings that somebody changed or took away",
      drift: async () => {
        const Bucket = BUCKET;
        await s3().deletePublicAccessBlock({ Bucket });
        await s3().deleteBucketPolicy({ Bucket });
        await s3().putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Enabled" } });
        const { Rules = [] } = await s3().getBucketLifecycleConfiguration({ Bucket });
        await s3().putBucketLifecycleConfiguration({
          Bucket,
          LifecycleConfiguration: { Rules: [...Rules].reverse().filter(({ ID }) => ID !== "archive") },
        });
      },
      drifted: {
        block: "delete",
        policy: "delete",
        versioning: { update: ["versioningConfiguration.status"] },
        lifecycle: { update: ["rules[2]"] },
      },
      expect: {
        ...allSame,
        block: "create",
        policy: "create",
        versioning: { update: ["versioningConfiguration.status"] },
        lifecycle: { update: ["rules[2]"] },
      },
    },
  ],
  gone: () => bucketIsGone(BUCKET),
});

const IMPORTED = "conf-aws-imported";
conformance({
  ...suite,
  title: "aws.s3 import",
  before: async () => {
    await startEmulator();
    const Bucket = IMPORTED;
    await s3().createBucket({ Bucket });
    await s3().putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Enabled" } });
    await s3().putBucketLifecycleConfiguration({
      Bucket,
      LifecycleConfiguration: {
        Rules: [{ ID: "expire", Status: "Enabled", Filter: { Prefix: "dumps/" }, Expiration: { Days: 90 } }],
      },
    });
  },
  steps: [
    {
      name: "imports a bucket and its settings without a change",
      program: async () => {
        // The imported bucket carries no tag of the provider, so its defaults would be a difference.
        const provider = new aws.Provider("untagged", {
          region: "us-east-1",
          accessKey: "conformance",
          secretKey: "conformance-key",
          endpoints: JSON.parse(awsConfig["aws:endpoints"]) as { s3?: string }[],
          s3UsePathStyle: true,
          skipCredentialsValidation: true,
          skipRequestingAccountId: true,
        });
        const imported = { provider, import: IMPORTED };
        new aws.s3.Bucket("bucket", { bucket: IMPORTED }, imported);
        new aws.s3.BucketVersioning(
          "versioning",
          { bucket: IMPORTED, versioningConfiguration: { status: "Enabled" } },
          imported,
        );
        const rule = {
          id: "expire",
          status: "Enabled",
          filter: { prefix: "dumps/" },
          expiration: { days: 90 },
        };
        new aws.s3.BucketLifecycleConfiguration("lifecycle", { bucket: IMPORTED, rules: [rule] }, imported);
      },
      expect: { bucket: "import", versioning: "import", lifecycle: "import" },
    },
  ],
  gone: () => bucketIsGone(IMPORTED),
});
