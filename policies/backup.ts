import { MANUAL } from "../manual";
import { isPublic, refusesPlainHttp, statementsOf } from "./lib/iam";
import { type Basis, type Member, type Rule, resourceRule, type Stack, stackRule } from "./lib/rule";
import { atLeast, atMost } from "./lib/settings";
import type { Props, Token } from "./lib/types";

const BUCKET = "aws:s3/bucket:Bucket";
const OLD_BUCKET = "aws:s3/bucketV2:BucketV2";
const ACL = "aws:s3/bucketAcl:BucketAcl";
const ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
const ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
const LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";
const POLICY = "aws:s3/bucketPolicy:BucketPolicy";
const OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls";
const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";

const { retentionDaysLocal, retentionDaysS3 } = MANUAL.backup;

const RETENTION: Basis = {
  row: "M43",
  says: `Retention: ${retentionDaysLocal} days local, ${retentionDaysS3} days S3`,
};
const LOG_CLEANING: Basis = { row: "M55", says: "Logs: Rotate logs daily, Clean up disk space" };
const CONFIDENTIAL: Basis = { row: "M44", says: "Type: Full database dump" };

/** Days within which a backup that was overwritten or deleted can still be brought back: time enough to notice. */
const OLD_VERSION_DAYS = 7;
/** Days for which the records of deployments and incidents are kept, so that last year's can be looked at. */
const DEPLOYMENT_DAYS = 366;
/** Days after which the parts of an upload that never finished go. */
const BROKEN_UPLOAD_DAYS = 7;

/** What a stack has attached to each of its buckets by one kind of resource. */
function attached<T extends Token>(stack: Stack, token: T): { bucket: Bucket; by: Member<T>[] }[] {
  const candidates = stack.of(token);
  return stack.of(BUCKET, OLD_BUCKET).map((bucket) => ({
    bucket,
    by: candidates.filter((candidate) => candidate.refersTo("bucket", bucket)),
  }));
}

type Bucket = Member<typeof BUCKET | typeof OLD_BUCKET>;

const present = stackRule(
  {
    name: "backup-bucket-present",
    section: "Backup & Recovery",
    basis: RETENTION,
    demands: "The stack has a bucket for its backups.",
  },
  ({ complete, of, judge }) =>
    judge.must(
      () => !complete || of(BUCKET, OLD_BUCKET).length > 0,
      "has no bucket for backups",
      "an aws.s3.Bucket",
    ),
);

const bucketProtected = resourceRule(
  {
    name: "backup-bucket-protected",
    section: "Backup & Recovery",
    basis: RETENTION,
    demands: "A bucket cannot be deleted by accident.",
    types: [BUCKET, OLD_BUCKET],
  },
  ({ props, opts }, judge) => {
    judge.must(() => opts.protect, "is not protected from deletion", "the resource option protect: true");
    judge.must(
      () => props.forceDestroy !== true,
      "would be deleted together with its backups",
      "forceDestroy false, or not set",
    );
  },
);

const SWITCHES = [
  "blockPublicAcls",
  "blockPublicPolicy",
  "ignorePublicAcls",
  "restrictPublicBuckets",
] as const;

const bucketPrivate = stackRule(
  {
    name: "backup-bucket-private",
    section: "Backup & Recovery",
    basis: CONFIDENTIAL,
    demands: "Nobody outside the account can read a bucket.",
  },
  (stack) => {
    for (const { bucket, by } of attached(stack, ACCESS_BLOCK)) {
      bucket.judge.must(
        () => by.length > 0,
        "has no public access block",
        "an aws.s3.BucketPublicAccessBlock with all four switches on",
      );
      for (const block of by) {
        for (const property of SWITCHES) {
          block.judge.must(
            () => block.props[property] === true,
            `leaves ${property} off`,
            `${property}: true`,
          );
        }
      }
    }
    for (const acl of stack.of(ACL)) {
      acl.judge.must(
        () => !/^(public-|authenticated-)/.test(acl.props.acl ?? ""),
        () => `opens the bucket by the ACL ${acl.props.acl}`,
        "acl private, or none",
      );
    }
    for (const ownership of stack.of(OWNERSHIP)) {
      ownership.judge.must(
        () => ownership.props.rule?.objectOwnership === "BucketOwnerEnforced",
        () => `leaves objects to ${ownership.props.rule?.objectOwnership ?? "nobody"}, who may open them`,
        "rule.objectOwnership BucketOwnerEnforced",
      );
    }
    for (const policy of stack.of(POLICY)) {
      policy.judge.must(
        () => !isPublic(statementsOf(policy.props.policy) ?? []),
        "allows everybody something",
        "statements that allow named principals only",
      );
    }
  },
);

const encrypted = stackRule(
  {
    name: "backup-bucket-encrypted",
    section: "Backup & Recovery",
    basis: CONFIDENTIAL,
    demands: "What lies in a bucket is encrypted.",
  },
  (stack) => {
    for (const { bucket, by } of attached(stack, ENCRYPTION)) {
      bucket.judge.must(
        () =>
          by.some(({ props }) =>
            props.rules?.some((rule) =>
              ["AES256", "aws:kms", "aws:kms:dsse"].includes(
                rule.applyServerSideEncryptionByDefault?.sseAlgorithm ?? "",
              ),
            ),
          ),
        "has no default encryption",
        "an aws.s3.BucketServerSideEncryptionConfiguration with sseAlgorithm AES256, aws:kms or aws:kms:dsse",
      );
    }
  },
);

const versioned = stackRule(
  {
    name: "backup-bucket-versioned",
    section: "Backup & Recovery",
    basis: RETENTION,
    demands: "A backup that is overwritten or deleted can be brought back.",
  },
  (stack) => {
    for (const { bucket, by } of attached(stack, VERSIONING)) {
      bucket.judge.must(
        () => by.some(({ props }) => props.versioningConfiguration?.status === "Enabled"),
        "does not keep versions",
        "an aws.s3.BucketVersioning with status Enabled",
      );
    }
  },
);

const tlsOnly = stackRule(
  {
    name: "backup-bucket-tls-only",
    section: "Backup & Recovery",
    basis: CONFIDENTIAL,
    demands: "A bucket is reached by TLS only.",
  },
  (stack) => {
    for (const { bucket, by } of attached(stack, POLICY)) {
      bucket.judge.must(
        () => by.some(({ props }) => refusesPlainHttp(statementsOf(props.policy) ?? [])),
        "can be reached without TLS",
        'an aws.s3.BucketPolicy that denies everybody s3:* on the bucket and its objects where aws:SecureTransport is "false", and on no further condition',
      );
    }
  },
);

type LifecycleRule = Props<typeof LIFECYCLE>["rules"] extends readonly (infer R)[] | undefined ? R : never;

/** Where the backups lie. What the database's log has beside them is kept and deleted by pgBackRest. */
const BACKUPS = "backups/";
/** Where the records of deployments lie. */
const DEPLOYMENTS = "deployments/";
/** Where the records of incidents lie. */
const INCIDENTS = "incidents/";
/** Where archived logs lie. */
const LOGS = "logs/";

/** True when a lifecycle rule is in force for every object of the bucket, or for every one whose key starts so. */
function covers(rule: LifecycleRule, prefix = ""): boolean {
  const { filter } = rule;
  const within = (narrowed: string | undefined) => ["", prefix].includes(narrowed ?? "");
  return (
    rule.status === "Enabled" &&
    within(rule.prefix) &&
    within(filter?.prefix) &&
    filter?.and === undefined &&
    filter?.tag === undefined &&
    filter?.objectSizeGreaterThan === undefined &&
    filter?.objectSizeLessThan === undefined
  );
}

const retention = stackRule(
  {
    name: "backup-retention",
    section: "Backup & Recovery",
    basis: RETENTION,
    demands:
      "S3 keeps every backup as long as the manual says, then deletes it, its old versions and broken uploads; archived logs go as well.",
    settings: {
      days: atLeast(retentionDaysS3, "Days for which S3 keeps a backup."),
      oldVersionDays: atLeast(
        OLD_VERSION_DAYS,
        "Days for which an overwritten or deleted backup can be brought back.",
      ),
      deploymentDays: atLeast(
        DEPLOYMENT_DAYS,
        "Days for which S3 keeps the record of a deployment or an incident.",
      ),
      brokenUploadDays: atMost(BROKEN_UPLOAD_DAYS, "Days after which the parts of a broken upload go."),
    },
  },
  (stack, limits) => {
    for (const { bucket, by } of attached(stack, LIFECYCLE)) {
      const rules = () => by.flatMap(({ props }) => props.rules ?? []);
      const enabled = () => rules().filter(({ status }) => status === "Enabled");
      const some = (holds: (rule: LifecycleRule) => boolean) => rules().some((r) => covers(r) && holds(r));

      bucket.judge.must(
        () => rules().some((rule) => covers(rule, BACKUPS) && (rule.expiration?.days ?? 0) >= limits.days),
        `has no lifecycle rule that expires every backup after ${limits.days} days or more`,
        `an enabled rule without a filter narrower than ${BACKUPS} and with expiration.days ${limits.days} or more`,
      );
      bucket.judge.must(
        () => enabled().every(({ expiration }) => (expiration?.days ?? limits.days) >= limits.days),
        () =>
          `expires backups after ${Math.min(...enabled().map((r) => r.expiration?.days ?? limits.days))} days`,
        `expiration.days ${limits.days} or more in every enabled rule`,
      );
      bucket.judge.must(
        () =>
          enabled().every(
            (rule) =>
              !covers(rule, DEPLOYMENTS) || (rule.expiration?.days ?? Infinity) >= limits.deploymentDays,
          ),
        "expires the records of deployments with the backups, or before",
        `expiration.days ${limits.deploymentDays} or more for ${DEPLOYMENTS}`,
        { row: "M56", says: "Update after each deployment, Record configuration changes" },
      );
      bucket.judge.must(
        () =>
          enabled().every(
            (rule) =>
              !covers(rule, INCIDENTS) || (rule.expiration?.days ?? Infinity) >= limits.deploymentDays,
          ),
        "expires the records of incidents with the backups, or before",
        `expiration.days ${limits.deploymentDays} or more for ${INCIDENTS}`,
        { row: "M52", says: "Post-incident review" },
      );
      bucket.judge.must(
        () => rules().some((rule) => covers(rule, LOGS) && (rule.expiration?.days ?? 0) > 0),
        "keeps archived logs, and whom they name, for ever",
        `an enabled rule without a filter narrower than ${LOGS} and with expiration.days`,
        LOG_CLEANING,
      );
      bucket.judge.must(
        () => enabled().every(({ expiration }) => expiration?.date === undefined),
        "expires every backup on one date",
        "expiration.days instead of expiration.date",
      );
      bucket.judge.must(
        () => some((rule) => rule.noncurrentVersionExpiration !== undefined),
        "never deletes old versions",
        "noncurrentVersionExpiration in an enabled rule without a narrowing filter",
      );
      bucket.judge.must(
        () =>
          enabled().every(
            ({ noncurrentVersionExpiration: old }) =>
              old === undefined ||
              (old.noncurrentDays >= limits.oldVersionDays && old.noncurrentDays <= limits.days),
          ),
        () =>
          `deletes old versions after ${enabled().flatMap((r) => r.noncurrentVersionExpiration?.noncurrentDays ?? [])} days`,
        `noncurrentDays ${limits.oldVersionDays} to ${limits.days}`,
      );
      bucket.judge.must(
        () =>
          some(({ abortIncompleteMultipartUpload: abort }) => {
            const days = abort?.daysAfterInitiation ?? 0;
            return days > 0 && days <= limits.brokenUploadDays;
          }),
        "keeps the parts of broken uploads",
        `abortIncompleteMultipartUpload.daysAfterInitiation 1 to ${limits.brokenUploadDays} in an enabled rule without a narrowing filter`,
      );
    }
  },
);

export const BACKUP: readonly Rule[] = [
  present,
  bucketProtected,
  bucketPrivate,
  encrypted,
  versioned,
  tlsOnly,
  retention,
];
