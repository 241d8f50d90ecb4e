import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { PREFIXES } from "../../bucketLayout";

export interface BackupBucketArgs {
  stack: string;
  /** Exact name; by default derived from the stack and made unique by Pulumi. */
  bucketName?: string;
  /** Days for which a backup, and what was logged at its time, is kept (M43: 90). */
  retentionDays: number;
}

export { PREFIXES };

/** Days for which the records of deployments and incidents are kept: last year's can be compared with this year's (M52, M56). */
const RECORD_DAYS = 2 * 366;

/** Days for which a report is kept: a year, and the weeks in which it is compared. */
const REPORT_DAYS = 400;

/** Days after which the parts of an upload that never finished go. */
const BROKEN_UPLOAD_DAYS = 7;

/**
 * The S3 bucket for backups (M43): private, encrypted, versioned, TLS only, emptied by lifecycle and by nothing else.
 *
 * Three users: the writer adds backups, reports, logs and records of deployments and incidents, and can neither delete nor overwrite for good (versions
 * stay); the reader is for restores; the archiver keeps the database's log below a prefix of its own, where what expires is
 * deleted, and brought back from its version if it must. A stolen server can thus not destroy its own backups. Protected, and
 * left where it is when the stack is destroyed.
 */
export class BackupBucket extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly bucketArn: pulumi.Output<string>;
  /** Credentials that can add objects and see that they arrived. */
  readonly writer: aws.iam.AccessKey;
  /** Credentials that can list and read. */
  readonly reader: aws.iam.AccessKey;
  /** Credentials of the database server for its log: everything below `wal/`, nothing else. */
  readonly archiver: aws.iam.AccessKey;

  /** The bucket outlives its stack, with all that protects and empties it: backups are for when the rest is gone. */
  private readonly kept: pulumi.CustomResourceOptions = { parent: this, retainOnDelete: true };

  constructor(name: string, args: BackupBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:backup:Bucket", name, {}, opts);

    const bucket = this.createBucket(name, args);
    const versioning = this.keepVersions(name, bucket);
    this.encrypt(name, bucket);
    this.closeToThePublic(name, bucket);
    this.expire(name, bucket, args.retentionDays, versioning);

    this.bucketName = bucket.bucket;
    this.bucketArn = bucket.arn;
    const { backups, wal, deployments, incidents, reports, archive, logs } = PREFIXES;
    this.writer = this.createUser(name, args, "writer", [
      {
        actions: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObjectAttributes"],
        on: `${backups}*`,
      },
      { actions: ["s3:PutObject"], on: `${deployments}*` },
      { actions: ["s3:PutObject"], on: `${incidents}*` },
      { actions: ["s3:PutObject"], on: `${reports}*` },
      { actions: ["s3:PutObject", "s3:AbortMultipartUpload"], on: `${archive}*` },
      { actions: ["s3:PutObject", "s3:AbortMultipartUpload"], on: `${logs}*` },
      { actions: ["s3:ListBucket", "s3:GetBucketLocation"], on: "bucket" },
    ]);
    this.archiver = this.createUser(name, args, "archiver", [
      {
        actions: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject", "s3:DeleteObject"],
        on: `${wal}*`,
      },
      { actions: ["s3:ListBucket", "s3:GetBucketLocation"], on: "bucket" },
    ]);
    this.reader = this.createUser(name, args, "reader", [
      { actions: ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes"], on: "*" },
      { actions: ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation"], on: "bucket" },
    ]);
    this.registerOutputs({ bucketName: this.bucketName, bucketArn: this.bucketArn });
  }

  private createBucket(name: string, args: BackupBucketArgs): aws.s3.Bucket {
    return new aws.s3.Bucket(
      // Bucket names are shared by the whole world: Pulumi's suffix on the resource's name makes this one unique.
      `fitnesscrm-${args.stack}-${name}`,
      {
        ...(args.bucketName !== undefined && { bucket: args.bucketName }),
        forceDestroy: false,
      },
      { ...this.kept, protect: true },
    );
  }

  private keepVersions(name: string, bucket: aws.s3.Bucket): aws.s3.BucketVersioning {
    return new aws.s3.BucketVersioning(
      name,
      { bucket: bucket.id, versioningConfiguration: { status: "Enabled" } },
      this.kept,
    );
  }

  private encrypt(name: string, bucket: aws.s3.Bucket): void {
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      {
        bucket: bucket.id,
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: false }],
      },
      this.kept,
    );
  }

  private closeToThePublic(name: string, bucket: aws.s3.Bucket): void {
    const ownership = new aws.s3.BucketOwnershipControls(
      name,
      { bucket: bucket.id, rule: { objectOwnership: "BucketOwnerEnforced" } },
      this.kept,
    );
    const block = new aws.s3.BucketPublicAccessBlock(
      name,
      {
        bucket: bucket.id,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      // S3 refuses concurrent changes of a bucket's access settings.
      { ...this.kept, dependsOn: [ownership] },
    );
    new aws.s3.BucketPolicy(
      name,
      {
        bucket: bucket.id,
        policy: bucket.arn.apply((arn) =>
          JSON.stringify({
            Version: "2012-10-17",
            Statement: [
              {
                Sid: "TlsOnly",
                Effect: "Deny",
                Principal: "*",
                Action: "s3:*",
                Resource: [arn, `${arn}/*`],
                Condition: { Bool: { "aws:SecureTransport": "false" } },
              },
            ],
          }),
        ),
      },
      { ...this.kept, dependsOn: [block] },
    );
  }

  private expire(
    name: string,
    bucket: aws.s3.Bucket,
    retentionDays: number,
    versioning: aws.s3.BucketVersioning,
  ): void {
    new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        bucket: bucket.id,
        rules: [
          {
            id: "expire-backups",
            status: "Enabled",
            // Below wal/ pgBackRest itself deletes what expired: some of its files are written once and never expire.
            filter: { prefix: PREFIXES.backups },
            expiration: { days: retentionDays },
          },
          {
            id: "expire-deployments",
            status: "Enabled",
            filter: { prefix: PREFIXES.deployments },
            expiration: { days: RECORD_DAYS },
          },
          {
            id: "expire-incidents",
            status: "Enabled",
            filter: { prefix: PREFIXES.incidents },
            expiration: { days: RECORD_DAYS },
          },
          {
            id: "expire-old-versions",
            status: "Enabled",
            filter: { prefix: "" },
            // As long as the current ones: an overwritten backup is still a backup.
            noncurrentVersionExpiration: { noncurrentDays: retentionDays },
            abortIncompleteMultipartUpload: { daysAfterInitiation: BROKEN_UPLOAD_DAYS },
          },
          {
            // An expired object of a versioned bucket leaves a marker; S3 takes this only as a rule of its own.
            id: "clean-delete-markers",
            status: "Enabled",
            filter: { prefix: "" },
            expiration: { expiredObjectDeleteMarker: true },
          },
          {
            id: "expire-reports",
            status: "Enabled",
            filter: { prefix: PREFIXES.reports },
            expiration: { days: REPORT_DAYS },
          },
          {
            id: "expire-logs",
            status: "Enabled",
            filter: { prefix: PREFIXES.logs },
            // The manual names no days for logs: they explain what happened to the data of a backup.
            expiration: { days: retentionDays },
          },
        ],
      },
      { ...this.kept, dependsOn: [versioning] },
    );
  }

  private createUser(
    name: string,
    args: BackupBucketArgs,
    purpose: string,
    rights: { actions: string[]; on: "bucket" | `${string}*` }[],
  ): aws.iam.AccessKey {
    // No fixed name: one that a killed update left behind would be in the way of the next.
    const user = new aws.iam.User(
      `fitnesscrm-${args.stack}-${name}-${purpose}`,
      { forceDestroy: true },
      { parent: this },
    );
    new aws.iam.UserPolicy(
      `${name}-${purpose}`,
      {
        name: purpose,
        user: user.name,
        policy: this.bucketArn.apply((arn) =>
          JSON.stringify({
            Version: "2012-10-17",
            Statement: rights.map(({ actions, on }) => ({
              Effect: "Allow",
              Action: actions,
              Resource: on === "bucket" ? arn : `${arn}/${on}`,
            })),
          }),
        ),
      },
      { parent: this },
    );
    return new aws.iam.AccessKey(`${name}-${purpose}`, { user: user.name }, { parent: this });
  }
}
