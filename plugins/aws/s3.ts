/** `aws:s3`: the bucket itself. */

import type { BucketLocationConstraint, S3, Tag } from "@aws-sdk/client-s3";
import type { BucketArgs, BucketState } from "@pulumi/aws/s3/bucket";
import { isGone, reasonOf } from "./clients";
import { describeRegion, partitionOf } from "./regions";
import { type Resolved, resource, type Session, type Tags, tagList, tagsFromList } from "./resource";

type BucketInputs = Resolved<BucketArgs, { policy?: string; tagsAll?: Tags }>;
type BucketOutputs = Resolved<BucketState, { policy?: string }>;

/**
 * The bucket itself. Its settings (versioning, encryption, lifecycle, policy, …) are the other types of this package;
 * the deprecated inline forms are refused, and are no outputs either.
 */
export const bucket = (session: Session) =>
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
