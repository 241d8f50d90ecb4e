/** `aws:s3`: the bucket and the settings that the official plugin keeps in resources of their own. */

import type { BucketLocationConstraint, S3, ServerSideEncryption, Tag } from "@aws-sdk/client-s3";
import type { BucketArgs, BucketState } from "@pulumi/aws/s3/bucket";
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
import { type Aws, isGone, reasonOf } from "./clients";
import { describeRegion, partitionOf } from "./regions";
import { oneOf, type Resolved, resource, type Session, type Tags, tagList, tagsFromList } from "./resource";

type BucketInputs = Resolved<BucketArgs, { policy?: string; tagsAll?: Tags }>;
type BucketOutputs = Resolved<BucketState, { policy?: string }>;

/** An id that names its owner, `<bucket>,<account>`, as the settings with `expectedBucketOwner` have it. */
export function ownedId(bucket: string, owner: string | undefined): string {
  return owner === undefined || owner === "" ? bucket : `${bucket},${owner}`;
}

export function parseOwnedId(id: string): { Bucket: string; ExpectedBucketOwner?: string } {
  const [bucket = id, owner] = id.split(",");
  return owner === undefined ? { Bucket: bucket } : { Bucket: bucket, ExpectedBucketOwner: owner };
}

/**
 * The bucket itself. Its settings (versioning, encryption, lifecycle, policy, …) are the other types of this package;
 * the deprecated inline forms are refused, and are no outputs either.
 */
const bucket = (session: Session) =>
  resource<BucketInputs, BucketOutputs>(session, {
    token: "aws:s3/bucket:Bucket",
    noun: "S3 bucket",
    args: ["bucket", "forceDestroy", "objectLockEnabled", "region", "tags"],
    optional: ["objectLockEnabled"],
    instead: {
      bucketPrefix: "bucket, or let Pulumi name it",
      lifecycleRules: "aws.s3.BucketLifecycleConfiguration",
      policy: "aws.s3.BucketPolicy",
      serverSideEncryptionConfiguration: "aws.s3.BucketServerSideEncryptionConfiguration",
      versioning: "aws.s3.BucketVersioning",
    },
    defaults: { forceDestroy: false },
    outputs: ["arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId"],
    unreadable: ["forceDestroy"],
    replaceOn: ["bucket", "objectLockEnabled"],
    autoName: "bucket",
    tagged: true,
    check(inputs, fail, _olds, name) {
      if (typeof inputs.bucket !== "string") return;
      // Pulumi's own name for the bucket is lowered; a name that the program gives is the program's.
      if (inputs.bucket.startsWith(`${name}-`)) inputs.bucket = inputs.bucket.toLowerCase();
      if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(inputs.bucket)) {
        fail("bucket", `is "${inputs.bucket}"; a bucket's name is 3 to 63 of a-z, 0-9, "." and "-"`);
      }
    },
    async create(aws, inputs) {
      const s3 = aws.s3(inputs.region);
      const Bucket = String(inputs.bucket);
      // S3 in us-east-1 answers 200 to a second creation, which would make two resources of one bucket.
      if (await exists(s3, Bucket))
        throw new Error("a bucket of this name exists already; import it or choose another");
      const region = inputs.region ?? aws.region;
      await s3.createBucket({
        Bucket,
        ObjectLockEnabledForBucket: inputs.objectLockEnabled,
        ...(region === "us-east-1"
          ? {}
          : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } }),
      });
      return { id: Bucket };
    },
    async finish(aws, id, inputs) {
      await putTags(aws.s3(inputs.region), id, inputs.tagsAll);
    },
    async read(aws, id, known) {
      const s3 = aws.s3(known.region);
      if (!(await exists(s3, id))) return undefined;
      const { LocationConstraint } = await s3.getBucketLocation({ Bucket: id });
      const region = LocationConstraint || "us-east-1";
      const { dnsSuffix, partition } = partitionOf(region);
      return {
        arn: `arn:${partition}:s3:::${id}`,
        bucket: id,
        bucketDomainName: `${id}.s3.${dnsSuffix}`,
        bucketRegion: region,
        bucketRegionalDomainName: `${id}.s3.${region}.${dnsSuffix}`,
        hostedZoneId: describeRegion(region)?.s3HostedZoneId,
        objectLockEnabled: await hasObjectLock(s3, id),
        region,
        tagsAll: tagsFromList(await tagsOf(s3, id)),
      };
    },
    async update(aws, id, _old, news) {
      await putTags(aws.s3(news.region), id, news.tagsAll);
    },
    async delete(aws, id, state) {
      const s3 = aws.s3(state.region);
      try {
        await s3.deleteBucket({ Bucket: id });
      } catch (error) {
        if (isGone(error, "NoSuchBucket")) return;
        if ((error as Error).name !== "BucketNotEmpty") throw error;
        if (state.forceDestroy !== true) {
          throw new Error(
            `${reasonOf(error)} To delete it with all its objects and versions, set forceDestroy and run \`pulumi up\` first`,
          );
        }
        await empty(s3, id);
        await s3.deleteBucket({ Bucket: id });
      }
    },
  });

async function exists(s3: S3, Bucket: string): Promise<boolean> {
  try {
    await s3.headBucket({ Bucket });
    return true;
  } catch (error) {
    if (isGone(error, "NotFound", "NoSuchBucket")) return false;
    throw error;
  }
}

async function hasObjectLock(s3: S3, Bucket: string): Promise<boolean> {
  try {
    const { ObjectLockConfiguration } = await s3.getObjectLockConfiguration({ Bucket });
    return ObjectLockConfiguration?.ObjectLockEnabled === "Enabled";
  } catch (error) {
    if (isGone(error, "ObjectLockConfigurationNotFoundError")) return false;
    throw error;
  }
}

async function tagsOf(s3: S3, Bucket: string): Promise<Tag[]> {
  try {
    return (await s3.getBucketTagging({ Bucket })).TagSet ?? [];
  } catch (error) {
    if (isGone(error, "NoSuchTagSet")) return [];
    throw error;
  }
}

async function putTags(s3: S3, Bucket: string, tags: Tags | undefined): Promise<void> {
  const own = tagList(tags);
  const system = (await tagsOf(s3, Bucket)).filter(({ Key }) => Key?.startsWith("aws:"));
  const TagSet = [...system, ...own];
  if (TagSet.length > 0) await s3.putBucketTagging({ Bucket, Tagging: { TagSet } });
  else await s3.deleteBucketTagging({ Bucket });
}

/** Deletes every version and delete marker, a page of at most 1000 at a time. */
async function empty(s3: S3, Bucket: string): Promise<void> {
  for (;;) {
    const page = await s3.listObjectVersions({ Bucket, MaxKeys: 1000 });
    const Objects = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({
      Key,
      VersionId,
    }));
    if (Objects.length === 0) return;
    const { Errors } = await s3.deleteObjects({ Bucket, Delete: { Objects, Quiet: true } });
    const [first] = Errors ?? [];
    if (first !== undefined)
      throw new Error(`object ${first.Key} cannot be deleted: ${first.Code} ${first.Message}`);
  }
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

/** Runs a deletion; what is gone already needs none. */
export async function unlessGone(work: () => Promise<unknown>, ...names: string[]): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isGone(error, ...names)) throw error;
  }
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
export const s3Resources = (session: Session): ResourceHandler<Aws, any, any>[] => [
  bucket(session),
  bucketVersioning(session),
  bucketEncryption(session),
  bucketPublicAccessBlock(session),
  bucketOwnershipControls(session),
  bucketPolicy(session),
];
