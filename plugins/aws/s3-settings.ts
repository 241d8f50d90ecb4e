/** `aws:s3`: the settings of a bucket that the official plugin keeps in resources of their own. */

import type { ServerSideEncryption } from "@aws-sdk/client-s3";
import type {
  BucketOwnershipControlsArgs,
  BucketOwnershipControlsState,
} from "@pulumi/aws/s3/bucketOwnershipControls";
import type { BucketPolicyArgs, BucketPolicyState } from "@pulumi/aws/s3/bucketPolicy";
import type {
  BucketPublicAccessBlockArgs,
  BucketPublicAccessBlockState,
} from "@pulumi/aws/s3/bucketPublicAccessBlock";
import type {
  BucketServerSideEncryptionConfigurationArgs,
  BucketServerSideEncryptionConfigurationState,
} from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration";
import type { BucketVersioningArgs, BucketVersioningState } from "@pulumi/aws/s3/bucketVersioning";
import type { ResourceHandler } from "../lib/types";
import { type Aws, isGone, unlessGone } from "./clients";
import { oneOf, type Resolved, resource, type Session } from "./resource";

/** An id that names its owner, `<bucket>,<account>`, as the settings with `expectedBucketOwner` have it. */
export function ownedId(bucket: string, owner: string | undefined): string {
  return owner === undefined || owner === "" ? bucket : `${bucket},${owner}`;
}

export function parseOwnedId(id: string): { Bucket: string; ExpectedBucketOwner?: string } {
  const [bucket = id, owner] = id.split(",");
  return owner === undefined ? { Bucket: bucket } : { Bucket: bucket, ExpectedBucketOwner: owner };
}

type VersioningInputs = Resolved<BucketVersioningArgs>;
type VersioningOutputs = Resolved<BucketVersioningState>;

const bucketVersioning = (session: Session) =>
  resource<VersioningInputs, VersioningOutputs>(session, {
    token: "aws:s3/bucketVersioning:BucketVersioning",
    noun: "S3 bucket versioning",
    args: ["bucket", "expectedBucketOwner", "mfa", "region", "versioningConfiguration"],
    required: ["bucket", "versioningConfiguration"],
    outputs: [],
    unreadable: ["expectedBucketOwner", "mfa"],
    replaceOn: ["bucket", "expectedBucketOwner"],
    check(inputs, fail, olds) {
      const status = inputs.versioningConfiguration?.status;
      oneOf(fail, "versioningConfiguration", status, ["Enabled", "Suspended", "Disabled"]);
      const before = olds?.versioningConfiguration?.status;
      const isSameBucket = olds?.bucket === inputs.bucket;
      if (isSameBucket && status === "Disabled" && before !== undefined && before !== "Disabled") {
        fail("versioningConfiguration", `cannot go from ${before} to Disabled; use Suspended`);
      }
    },
    async create(aws, inputs) {
      const id = ownedId(inputs.bucket, inputs.expectedBucketOwner);
      // A bucket without versioning cannot be told so: the status is what it has from the start.
      if (inputs.versioningConfiguration.status !== "Disabled") await putVersioning(aws, id, inputs);
      return { id };
    },
    async read(aws, id, known) {
      const target = parseOwnedId(id);
      try {
        const { Status, MFADelete } = await aws.s3(known.region).getBucketVersioning(target);
        return {
          bucket: target.Bucket,
          expectedBucketOwner: target.ExpectedBucketOwner,
          versioningConfiguration: { status: Status ?? "Disabled", mfaDelete: MFADelete ?? "" },
        };
      } catch (error) {
        if (isGone(error, "NoSuchBucket")) return undefined;
        throw error;
      }
    },
    async update(aws, id, _old, news) {
      await putVersioning(aws, id, news);
    },
    async delete(aws, id, state) {
      if (state.versioningConfiguration?.status === "Disabled") return;
      const suspended = {
        bucket: "",
        region: state.region,
        versioningConfiguration: { status: "Suspended" },
      };
      await unlessGone(() => putVersioning(aws, id, suspended), "NoSuchBucket");
    },
  });

async function putVersioning(aws: Aws, id: string, inputs: VersioningInputs): Promise<void> {
  const { status, mfaDelete } = inputs.versioningConfiguration;
  await aws.s3(inputs.region).putBucketVersioning({
    ...parseOwnedId(id),
    MFA: inputs.mfa,
    VersioningConfiguration: {
      Status: status as "Enabled" | "Suspended",
      ...(mfaDelete ? { MFADelete: mfaDelete as "Enabled" | "Disabled" } : {}),
    },
  });
}

type EncryptionInputs = Resolved<BucketServerSideEncryptionConfigurationArgs>;
type EncryptionOutputs = Resolved<BucketServerSideEncryptionConfigurationState>;

const bucketEncryption = (session: Session) =>
  resource<EncryptionInputs, EncryptionOutputs>(session, {
    token: "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    noun: "S3 bucket encryption",
    args: ["bucket", "expectedBucketOwner", "region", "rules"],
    required: ["bucket", "rules"],
    outputs: [],
    unreadable: ["expectedBucketOwner"],
    replaceOn: ["bucket", "expectedBucketOwner"],
    sets: ["rules", "rules.*.blockedEncryptionTypes"],
    check(inputs, fail) {
      if (!Array.isArray(inputs.rules)) return;
      for (const rule of inputs.rules) {
        const algorithm = rule.applyServerSideEncryptionByDefault?.sseAlgorithm;
        oneOf(fail, "rules", algorithm, ["AES256", "aws:kms", "aws:kms:dsse"]);
      }
    },
    async create(aws, inputs) {
      const id = ownedId(inputs.bucket, inputs.expectedBucketOwner);
      await putEncryption(aws, id, inputs);
      return { id };
    },
    async read(aws, id, known) {
      const target = parseOwnedId(id);
      try {
        const answer = await aws.s3(known.region).getBucketEncryption(target);
        const rules = answer.ServerSideEncryptionConfiguration?.Rules ?? [];
        return {
          bucket: target.Bucket,
          expectedBucketOwner: target.ExpectedBucketOwner,
          rules: rules.map((rule) => ({
            applyServerSideEncryptionByDefault: {
              kmsMasterKeyId: rule.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID ?? "",
              sseAlgorithm: rule.ApplyServerSideEncryptionByDefault?.SSEAlgorithm ?? "",
            },
            blockedEncryptionTypes: rule.BlockedEncryptionTypes?.EncryptionType,
            bucketKeyEnabled: rule.BucketKeyEnabled ?? false,
          })),
        };
      } catch (error) {
        if (isGone(error, "NoSuchBucket", "ServerSideEncryptionConfigurationNotFoundError")) return undefined;
        throw error;
      }
    },
    async update(aws, id, _old, news) {
      await putEncryption(aws, id, news);
    },
    async delete(aws, id, state) {
      const s3 = aws.s3(state.region);
      await unlessGone(() => s3.deleteBucketEncryption(parseOwnedId(id)), "NoSuchBucket");
    },
  });

async function putEncryption(aws: Aws, id: string, inputs: EncryptionInputs): Promise<void> {
  await aws.s3(inputs.region).putBucketEncryption({
    ...parseOwnedId(id),
    ServerSideEncryptionConfiguration: {
      Rules: inputs.rules.map(({ applyServerSideEncryptionByDefault: byDefault, ...rule }) => ({
        BucketKeyEnabled: rule.bucketKeyEnabled,
        ...(rule.blockedEncryptionTypes === undefined
          ? {}
          : {
              BlockedEncryptionTypes: { EncryptionType: rule.blockedEncryptionTypes as ("NONE" | "SSE-C")[] },
            }),
        ...(byDefault === undefined
          ? {}
          : {
              ApplyServerSideEncryptionByDefault: {
                SSEAlgorithm: byDefault.sseAlgorithm as ServerSideEncryption,
                ...(byDefault.kmsMasterKeyId ? { KMSMasterKeyID: byDefault.kmsMasterKeyId } : {}),
              },
            }),
      })),
    },
  });
}

type AccessBlockInputs = Resolved<BucketPublicAccessBlockArgs>;
type AccessBlockOutputs = Resolved<BucketPublicAccessBlockState>;

const bucketPublicAccessBlock = (session: Session) =>
  resource<AccessBlockInputs, AccessBlockOutputs>(session, {
    token: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    noun: "S3 bucket public access block",
    args: [
      "blockPublicAcls",
      "blockPublicPolicy",
      "bucket",
      "ignorePublicAcls",
      "region",
      "restrictPublicBuckets",
      "skipDestroy",
    ],
    required: ["bucket"],
    defaults: {
      blockPublicAcls: false,
      blockPublicPolicy: false,
      ignorePublicAcls: false,
      restrictPublicBuckets: false,
    },
    outputs: [],
    unreadable: ["skipDestroy"],
    replaceOn: ["bucket"],
    async create(aws, inputs) {
      await putAccessBlock(aws, inputs.bucket, inputs);
      return { id: inputs.bucket };
    },
    async read(aws, id, known) {
      try {
        const answer = await aws.s3(known.region).getPublicAccessBlock({ Bucket: id });
        const block = answer.PublicAccessBlockConfiguration;
        return {
          bucket: id,
          blockPublicAcls: block?.BlockPublicAcls ?? false,
          blockPublicPolicy: block?.BlockPublicPolicy ?? false,
          ignorePublicAcls: block?.IgnorePublicAcls ?? false,
          restrictPublicBuckets: block?.RestrictPublicBuckets ?? false,
        };
      } catch (error) {
        if (isGone(error, "NoSuchBucket", "NoSuchPublicAccessBlockConfiguration")) return undefined;
        throw error;
      }
    },
    async update(aws, id, _old, news) {
      await putAccessBlock(aws, id, news);
    },
    async delete(aws, id, state) {
      if (state.skipDestroy === true) return;
      const s3 = aws.s3(state.region);
      await unlessGone(() => s3.deletePublicAccessBlock({ Bucket: id }), "NoSuchBucket");
    },
  });

async function putAccessBlock(aws: Aws, Bucket: string, inputs: AccessBlockInputs): Promise<void> {
  await aws.s3(inputs.region).putPublicAccessBlock({
    Bucket,
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: inputs.blockPublicAcls,
      BlockPublicPolicy: inputs.blockPublicPolicy,
      IgnorePublicAcls: inputs.ignorePublicAcls,
      RestrictPublicBuckets: inputs.restrictPublicBuckets,
    },
  });
}

type OwnershipInputs = Resolved<BucketOwnershipControlsArgs>;
type OwnershipOutputs = Resolved<BucketOwnershipControlsState>;
const OWNERSHIPS = ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"] as const;

const bucketOwnershipControls = (session: Session) =>
  resource<OwnershipInputs, OwnershipOutputs>(session, {
    token: "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    noun: "S3 bucket ownership controls",
    args: ["bucket", "region", "rule"],
    required: ["bucket", "rule"],
    outputs: [],
    replaceOn: ["bucket"],
    check(inputs, fail) {
      oneOf(fail, "rule", inputs.rule?.objectOwnership, OWNERSHIPS);
    },
    async create(aws, inputs) {
      await putOwnership(aws, inputs.bucket, inputs);
      return { id: inputs.bucket };
    },
    async read(aws, id, known) {
      try {
        const { OwnershipControls } = await aws.s3(known.region).getBucketOwnershipControls({ Bucket: id });
        return {
          bucket: id,
          rule: { objectOwnership: OwnershipControls?.Rules?.[0]?.ObjectOwnership ?? "" },
        };
      } catch (error) {
        if (isGone(error, "NoSuchBucket", "OwnershipControlsNotFoundError")) return undefined;
        throw error;
      }
    },
    async update(aws, id, _old, news) {
      await putOwnership(aws, id, news);
    },
    async delete(aws, id, state) {
      const s3 = aws.s3(state.region);
      await unlessGone(
        () => s3.deleteBucketOwnershipControls({ Bucket: id }),
        "NoSuchBucket",
        "OwnershipControlsNotFoundError",
      );
    },
  });

async function putOwnership(aws: Aws, Bucket: string, inputs: OwnershipInputs): Promise<void> {
  const ObjectOwnership = OWNERSHIPS.find((known) => known === inputs.rule.objectOwnership);
  await aws
    .s3(inputs.region)
    .putBucketOwnershipControls({ Bucket, OwnershipControls: { Rules: [{ ObjectOwnership }] } });
}

type PolicyInputs = Resolved<BucketPolicyArgs, { policy: string }>;
type PolicyOutputs = Resolved<BucketPolicyState, { policy?: string }>;

const bucketPolicy = (session: Session) =>
  resource<PolicyInputs, PolicyOutputs>(session, {
    token: "aws:s3/bucketPolicy:BucketPolicy",
    noun: "S3 bucket policy",
    args: ["bucket", "policy", "region"],
    required: ["bucket", "policy"],
    outputs: [],
    json: { policy: "policy" },
    replaceOn: ["bucket"],
    async create(aws, inputs) {
      await aws.s3(inputs.region).putBucketPolicy({ Bucket: inputs.bucket, Policy: inputs.policy });
      return { id: inputs.bucket };
    },
    async read(aws, id, known) {
      try {
        const { Policy } = await aws.s3(known.region).getBucketPolicy({ Bucket: id });
        return { bucket: id, policy: Policy };
      } catch (error) {
        if (isGone(error, "NoSuchBucket", "NoSuchBucketPolicy")) return undefined;
        throw error;
      }
    },
    async update(aws, id, _old, news) {
      await aws.s3(news.region).putBucketPolicy({ Bucket: id, Policy: news.policy });
    },
    async delete(aws, id, state) {
      const s3 = aws.s3(state.region);
      await unlessGone(() => s3.deleteBucketPolicy({ Bucket: id }), "NoSuchBucket", "NoSuchBucketPolicy");
    },
  });

// biome-ignore lint/suspicious/noExplicitAny: a plugin's handlers differ in their inputs and state, as in its type.
export const s3Settings = (session: Session): ResourceHandler<Aws, any, any>[] => [
  bucketVersioning(session),
  bucketEncryption(session),
  bucketPublicAccessBlock(session),
  bucketOwnershipControls(session),
  bucketPolicy(session),
];
