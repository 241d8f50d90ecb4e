import { type BucketLocationConstraint, type S3, S3ServiceException } from "@aws-sdk/client-s3";
import { UserError } from "../errors";
import {
  BROKEN_UPLOAD_DAYS,
  lifecycleWith,
  NONCURRENT_DAYS,
  policyWith,
  rulesThatDelete,
  tlsOnlyStatement,
} from "./standard";

export interface BucketPlace {
  readonly bucket: string;
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  /** `aws`, `aws-cn`, `aws-us-gov`. */
  readonly partition: string;
}

export interface PropertyReport {
  readonly name: string;
  readonly status: "changed" | "unchanged";
  /** How it stands now. */
  readonly what: string;
}

/** Sets one property. */
type Change = () => Promise<unknown>;

/** Brings the bucket of {@link BucketPlace} to the standard. Makes and adds; never deletes, never loosens. */
export class StateBucket {
  /** Asked with every call: a bucket that changed hands is not touched. */
  private readonly owned: { Bucket: string; ExpectedBucketOwner: string };

  constructor(
    private readonly s3: S3,
    private readonly place: BucketPlace,
  ) {
    this.owned = { Bucket: place.bucket, ExpectedBucketOwner: place.account };
  }

  /**
   * Looks at everything first: a bucket that does not let itself be looked at is left as it is, not half changed.
   *
   * @param hear Told of every property as it is done.
   */
  async prepare(
    hear: (report: PropertyReport) => void,
  ): Promise<{ reports: PropertyReport[]; warnings: string[] }> {
    const { bucket, region, account } = this.place;
    const reports: PropertyReport[] = [];
    const warnings: string[] = [];
    const report = (name: string, changed: boolean, what: string): void => {
      const line: PropertyReport = { name, status: changed ? "changed" : "unchanged", what };
      reports.push(line);
      hear(line);
    };
    report("bucket", await explained("bucket", this.ensureBucket()), `${bucket} in ${region}`);

    const properties: [name: string, what: string, look: () => Promise<Change | undefined>][] = [
      ["public access", "blocked", () => this.publicAccessBlock()],
      ["ownership", "BucketOwnerEnforced", () => this.ownership()],
      ["versioning", "enabled", () => this.versioning()],
      ["encryption", "every object, by AES256 or a KMS key of yours", () => this.encryption()],
      ["policy", "TLS only", () => this.policy()],
      [
        "lifecycle",
        `old versions ${NONCURRENT_DAYS} days, broken uploads ${BROKEN_UPLOAD_DAYS} days`,
        () => this.lifecycle(warnings),
      ],
    ];
    const planned: { name: string; what: string; change: Change | undefined }[] = [];
    for (const [name, what, look] of properties) {
      const change = await look().catch((error: unknown) => {
        throw isDenied(error)
          ? new UserError(
              `bucket ${bucket} belongs to another account than ${account}, or does not show its ${name} to these ` +
                "credentials: name another with --bucket, or use other credentials",
            )
          : new UserError(`${name}: ${explainAwsFailure(error)}`);
      });
      planned.push({ name, what, change });
    }
    for (const { name, what, change } of planned) {
      if (change !== undefined) {
        await explained(name, change());
      }
      report(name, change !== undefined, what);
    }
    return { reports, warnings };
  }

  private async ensureBucket(): Promise<boolean> {
    const { bucket, region, account } = this.place;
    const foreign = new UserError(
      `bucket ${bucket} belongs to another account than ${account}, or is closed to these credentials: name another with ` +
        "--bucket, or use other credentials",
    );
    const elsewhere = (where: string): UserError =>
      new UserError(
        `bucket ${bucket} is in ${where}, and the stack in ${region}: name another with --bucket`,
      );
    try {
      const { BucketRegion } = await this.s3.headBucket(this.owned);
      if (BucketRegion !== undefined && BucketRegion !== region) {
        throw elsewhere(BucketRegion);
      }
      return false;
    } catch (error) {
      const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
      if (status === 403) throw foreign;
      if (status === 301) throw elsewhere("another region");
      if (status !== 404) throw error;
    }
    try {
      await this.s3.createBucket({
        Bucket: bucket,
        ObjectOwnership: "BucketOwnerEnforced",
        // The first region is the default, and refuses to be named.
        ...(region !== "us-east-1" && {
          CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint },
        }),
      });
    } catch (error) {
      const name = error instanceof S3ServiceException ? error.name : "";
      if (name === "BucketAlreadyExists") throw foreign;
      // Somebody else of this account was faster.
      if (name === "BucketAlreadyOwnedByYou") return false;
      throw error;
    }
    return true;
  }

  private async publicAccessBlock(): Promise<Change | undefined> {
    const wanted = {
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    };
    const found = await unlessMissing(this.s3.getPublicAccessBlock(this.owned));
    const current = found?.PublicAccessBlockConfiguration;
    if (Object.keys(wanted).every((key) => current?.[key as keyof typeof wanted] === true)) {
      return undefined;
    }
    return () => this.s3.putPublicAccessBlock({ ...this.owned, PublicAccessBlockConfiguration: wanted });
  }

  private async ownership(): Promise<Change | undefined> {
    const found = await unlessMissing(this.s3.getBucketOwnershipControls(this.owned));
    if (found?.OwnershipControls?.Rules?.[0]?.ObjectOwnership === "BucketOwnerEnforced") {
      return undefined;
    }
    return () =>
      this.s3.putBucketOwnershipControls({
        ...this.owned,
        OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
      });
  }

  private async versioning(): Promise<Change | undefined> {
    if ((await this.s3.getBucketVersioning(this.owned)).Status === "Enabled") {
      return undefined;
    }
    return () =>
      this.s3.putBucketVersioning({ ...this.owned, VersioningConfiguration: { Status: "Enabled" } });
  }

  /** A key of the owner's (KMS) is more than is asked for, and stays. */
  private async encryption(): Promise<Change | undefined> {
    const found = await unlessMissing(this.s3.getBucketEncryption(this.owned));
    const rule = found?.ServerSideEncryptionConfiguration?.Rules?.[0];
    if (rule?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm !== undefined) {
      return undefined;
    }
    return () =>
      this.s3.putBucketEncryption({
        ...this.owned,
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
        },
      });
  }

  private async policy(): Promise<Change | undefined> {
    const { bucket, partition } = this.place;
    const found = await unlessMissing(this.s3.getBucketPolicy(this.owned));
    const policy = policyWith(found?.Policy, tlsOnlyStatement(bucket, partition));
    if (policy === undefined) {
      return undefined;
    }
    return () => this.s3.putBucketPolicy({ ...this.owned, Policy: policy });
  }

  private async lifecycle(warnings: string[]): Promise<Change | undefined> {
    const found = await unlessMissing(this.s3.getBucketLifecycleConfiguration(this.owned));
    const current = found?.Rules ?? [];
    warnings.push(
      ...rulesThatDelete(current).map((id) => `the bucket's lifecycle rule ${id} deletes states: remove it`),
    );
    const rules = lifecycleWith(current);
    if (rules === undefined) {
      return undefined;
    }
    return () =>
      this.s3.putBucketLifecycleConfiguration({
        ...this.owned,
        LifecycleConfiguration: { Rules: rules },
        TransitionDefaultMinimumObjectSize: found?.TransitionDefaultMinimumObjectSize,
      });
  }
}

/** S3 says that a part of a bucket's configuration is not set by an error of status 404. */
async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (
      error instanceof S3ServiceException &&
      error.$metadata.httpStatusCode === 404 &&
      error.name !== "NoSuchBucket"
    ) {
      return undefined;
    }
    throw error;
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 403;
}

async function explained<T>(name: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof UserError ? error : new UserError(`${name}: ${explainAwsFailure(error)}`);
  }
}

/** One line for a call that AWS refused or did not answer, with what to do. */
export function explainAwsFailure(error: unknown): string {
  const { name, message, code } = error as { name?: string; message?: string; code?: string };
  const text = (message ?? String(error)).split("\n")[0]?.replace(/\.$/, "");
  if (name === "CredentialsProviderError") {
    return "no AWS credentials are found here: set AWS_PROFILE, or sign in with aws sso login";
  }
  if (/ExpiredToken|TokenRefreshRequired/.test(name ?? "")) {
    return "the AWS credentials have expired: sign in again";
  }
  if (/InvalidClientTokenId|InvalidAccessKeyId|SignatureDoesNotMatch/.test(name ?? "")) {
    return `the AWS credentials are not accepted (${text}): check AWS_PROFILE or the keys`;
  }
  if (/AccessDenied|Forbidden/.test(name ?? "")) {
    return `these AWS credentials are not allowed to (${text}): use others, or have them allowed`;
  }
  if (code !== undefined || name === "TimeoutError") {
    return `AWS does not answer (${text || code}): check the network, and fitnesscrm:aws.emulator.endpoint where one is set`;
  }
  return `${name ?? "error"}: ${text}`;
}
