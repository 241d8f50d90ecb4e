/** `aws:s3`: the lifecycle rules of a bucket. */

import type {
  LifecycleRule,
  TransitionDefaultMinimumObjectSize,
  TransitionStorageClass,
} from "@aws-sdk/client-s3";
import type {
  BucketLifecycleConfigurationArgs,
  BucketLifecycleConfigurationState,
} from "@pulumi/aws/s3/bucketLifecycleConfiguration";
import { hasUnknown } from "../lib/values";
import { type Aws, isGone, unlessGone } from "./clients";
import { oneOf, type Resolved, resource, type Session, tagList, tagsFromList } from "./resource";
import { ownedId, parseOwnedId } from "./s3-settings";

type Inputs = Resolved<BucketLifecycleConfigurationArgs>;
type Outputs = Resolved<BucketLifecycleConfigurationState>;
/** A rule as the program writes it. */
export type Rule = NonNullable<Inputs["rules"]>[number];
type Filter = NonNullable<Rule["filter"]>;

export const bucketLifecycleConfiguration = (session: Session) =>
  resource<Inputs, Outputs>(session, {
    token: "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    noun: "S3 lifecycle configuration",
    args: [
      "bucket",
      "expectedBucketOwner",
      "region",
      "rules",
      "timeouts",
      "transitionDefaultMinimumObjectSize",
    ],
    required: ["bucket", "rules"],
    optional: ["transitionDefaultMinimumObjectSize"],
    outputs: [],
    unreadable: ["expectedBucketOwner", "timeouts"],
    replaceOn: ["bucket", "expectedBucketOwner"],
    sets: ["rules.*.transitions", "rules.*.noncurrentVersionTransitions"],
    check(inputs, fail) {
      if (!Array.isArray(inputs.rules)) return;
      for (const rule of inputs.rules) {
        const reason = faultOf(rule);
        if (reason !== undefined) fail("rules", `of "${String(rule.id)}": ${reason}`);
        if ((rule.status as unknown) !== undefined)
          oneOf(fail, "rules", rule.status, ["Enabled", "Disabled"]);
      }
    },
    async create(aws, inputs) {
      const id = ownedId(inputs.bucket, inputs.expectedBucketOwner);
      await put(aws, id, inputs);
      return { id };
    },
    async read(aws, id, known) {
      const target = parseOwnedId(id);
      try {
        const answer = await aws.s3(known.region).getBucketLifecycleConfiguration(target);
        return {
          bucket: target.Bucket,
          expectedBucketOwner: target.ExpectedBucketOwner,
          rules: inOrderOf(known.rules, (answer.Rules ?? []).map(fromApi)),
          transitionDefaultMinimumObjectSize:
            answer.TransitionDefaultMinimumObjectSize ?? "all_storage_classes_128K",
        };
      } catch (error) {
        if (isGone(error, "NoSuchBucket", "NoSuchLifecycleConfiguration")) return undefined;
        throw error;
      }
    },
    async update(aws, id, _old, news) {
      await put(aws, id, news);
    },
    async delete(aws, id, state) {
      const s3 = aws.s3(state.region);
      await unlessGone(
        () => s3.deleteBucketLifecycle(parseOwnedId(id)),
        "NoSuchBucket",
        "NoSuchLifecycleConfiguration",
      );
    },
  });

async function put(aws: Aws, id: string, inputs: Inputs): Promise<void> {
  await aws.s3(inputs.region).putBucketLifecycleConfiguration({
    ...parseOwnedId(id),
    LifecycleConfiguration: { Rules: (inputs.rules ?? []).map(toApi) },
    ...(inputs.transitionDefaultMinimumObjectSize === undefined
      ? {}
      : {
          TransitionDefaultMinimumObjectSize:
            inputs.transitionDefaultMinimumObjectSize as TransitionDefaultMinimumObjectSize,
        }),
  });
}

/** Why S3 would refuse the rule, or undefined. */
function faultOf(rule: Rule): string | undefined {
  if (hasUnknown(rule)) return undefined;
  const { filter, prefix } = rule;
  if (filter !== undefined && prefix !== undefined) return "set either filter or prefix";
  if (Object.values(filter ?? {}).filter((part) => part !== undefined && part !== null).length > 1) {
    return "a filter holds one condition; put several into filter.and";
  }
  const acts = [
    rule.abortIncompleteMultipartUpload,
    rule.expiration,
    rule.noncurrentVersionExpiration,
    rule.noncurrentVersionTransitions?.length,
    rule.transitions?.length,
  ];
  if (!acts.some(Boolean)) return "it does nothing; set expiration, transitions or another action";
  return undefined;
}

/** S3 returns the rules as it likes; those that the program wrote keep its order, others follow. */
export function inOrderOf(wanted: readonly Rule[] | undefined, rules: readonly Rule[]): Rule[] {
  const place = new Map((wanted ?? []).map(({ id }, index) => [id, index]));
  const end = place.size;
  return [...rules].sort((a, b) => (place.get(a.id) ?? end) - (place.get(b.id) ?? end));
}

export function toApi(rule: Rule): LifecycleRule {
  const { abortIncompleteMultipartUpload, expiration, noncurrentVersionExpiration, prefix } = rule;
  return {
    ID: rule.id,
    Status: rule.status === "Enabled" ? "Enabled" : "Disabled",
    // A rule for the whole bucket is one whose filter is an empty prefix.
    ...(prefix === undefined ? { Filter: filterToApi(rule.filter ?? {}) } : { Prefix: prefix }),
    ...(abortIncompleteMultipartUpload && {
      AbortIncompleteMultipartUpload: {
        DaysAfterInitiation: abortIncompleteMultipartUpload.daysAfterInitiation,
      },
    }),
    ...(expiration && {
      Expiration: defined({
        Date: dateOf(expiration.date),
        Days: expiration.days || undefined,
        ExpiredObjectDeleteMarker: expiration.expiredObjectDeleteMarker || undefined,
      }),
    }),
    ...(noncurrentVersionExpiration && {
      NoncurrentVersionExpiration: defined({
        NewerNoncurrentVersions: noncurrentVersionExpiration.newerNoncurrentVersions || undefined,
        NoncurrentDays: noncurrentVersionExpiration.noncurrentDays,
      }),
    }),
    ...(rule.noncurrentVersionTransitions?.length && {
      NoncurrentVersionTransitions: rule.noncurrentVersionTransitions.map((step) =>
        defined({
          NewerNoncurrentVersions: step.newerNoncurrentVersions || undefined,
          NoncurrentDays: step.noncurrentDays,
          StorageClass: step.storageClass as TransitionStorageClass,
        }),
      ),
    }),
    ...(rule.transitions?.length && {
      Transitions: rule.transitions.map((step) =>
        defined({
          Date: dateOf(step.date),
          Days: step.days,
          StorageClass: step.storageClass as TransitionStorageClass,
        }),
      ),
    }),
  };
}

function filterToApi(filter: Filter): LifecycleRule["Filter"] {
  const { and, objectSizeGreaterThan, objectSizeLessThan, prefix, tag } = filter;
  if (and !== undefined) {
    return {
      And: defined({
        ObjectSizeGreaterThan: and.objectSizeGreaterThan || undefined,
        ObjectSizeLessThan: and.objectSizeLessThan || undefined,
        Prefix: and.prefix || undefined,
        Tags: and.tags === undefined ? undefined : tagList(and.tags),
      }),
    };
  }
  if (tag !== undefined) return { Tag: { Key: tag.key, Value: tag.value } };
  if (objectSizeGreaterThan !== undefined) return { ObjectSizeGreaterThan: objectSizeGreaterThan };
  if (objectSizeLessThan !== undefined) return { ObjectSizeLessThan: objectSizeLessThan };
  return { Prefix: prefix ?? "" };
}

export function fromApi(rule: LifecycleRule): Rule {
  return defined({
    id: rule.ID ?? "",
    status: rule.Status ?? "",
    prefix: rule.Prefix || undefined,
    filter: rule.Filter === undefined ? undefined : filterFromApi(rule.Filter),
    abortIncompleteMultipartUpload: rule.AbortIncompleteMultipartUpload && {
      daysAfterInitiation: rule.AbortIncompleteMultipartUpload.DaysAfterInitiation,
    },
    expiration:
      rule.Expiration &&
      defined({
        date: textOf(rule.Expiration.Date),
        days: rule.Expiration.Days,
        expiredObjectDeleteMarker: rule.Expiration.ExpiredObjectDeleteMarker || undefined,
      }),
    noncurrentVersionExpiration:
      rule.NoncurrentVersionExpiration &&
      defined({
        newerNoncurrentVersions: rule.NoncurrentVersionExpiration.NewerNoncurrentVersions,
        noncurrentDays: rule.NoncurrentVersionExpiration.NoncurrentDays ?? 0,
      }),
    noncurrentVersionTransitions: rule.NoncurrentVersionTransitions?.map((step) =>
      defined({
        newerNoncurrentVersions: step.NewerNoncurrentVersions,
        noncurrentDays: step.NoncurrentDays ?? 0,
        storageClass: step.StorageClass ?? "",
      }),
    ),
    transitions: rule.Transitions?.map((step) =>
      defined({ date: textOf(step.Date), days: step.Days, storageClass: step.StorageClass ?? "" }),
    ),
  });
}

function filterFromApi(filter: NonNullable<LifecycleRule["Filter"]>): Filter {
  const { And, ObjectSizeGreaterThan, ObjectSizeLessThan, Prefix, Tag } = filter;
  return defined({
    and:
      And &&
      defined({
        objectSizeGreaterThan: And.ObjectSizeGreaterThan,
        objectSizeLessThan: And.ObjectSizeLessThan,
        prefix: And.Prefix || undefined,
        tags: And.Tags === undefined ? undefined : tagsFromList(And.Tags),
      }),
    objectSizeGreaterThan: ObjectSizeGreaterThan,
    objectSizeLessThan: ObjectSizeLessThan,
    prefix: Prefix,
    tag: Tag && { key: Tag.Key ?? "", value: Tag.Value ?? "" },
  });
}

/** The bag without what is undefined, which would travel as an empty element. */
function defined<T extends object>(bag: T): T {
  return Object.fromEntries(Object.entries(bag).filter(([, value]) => value !== undefined)) as T;
}

function dateOf(text: string | undefined): Date | undefined {
  return text ? new Date(text) : undefined;
}

/** RFC 3339 in whole seconds, as the program writes it. */
function textOf(date: Date | undefined): string | undefined {
  return date?.toISOString().replace(".000Z", "Z");
}
