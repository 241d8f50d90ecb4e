/** What Pulumi's state asks of a bucket, as pure functions on what S3 answers. */
import { isDeepStrictEqual } from "node:util";
import type { LifecycleRule } from "@aws-sdk/client-s3";

/** A year of states to go back to. */
export const NONCURRENT_DAYS = 365;
export const BROKEN_UPLOAD_DAYS = 7;

const RULE_ID = "fitnesscrm-state";
const STATEMENT_ID = "FitnessCrmTlsOnly";

/** Everything but TLS is refused, whoever asks. */
export function tlsOnlyStatement(bucket: string, partition: string): Record<string, unknown> {
  const arn = `arn:${partition}:s3:::${bucket}`;
  return {
    Sid: STATEMENT_ID,
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [arn, `${arn}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
}

interface Policy {
  Version?: string;
  Statement?: unknown;
}

/**
 * The bucket's policy with the TLS statement; statements of others stay.
 *
 * @param current The policy as JSON, or undefined.
 * @returns Undefined when nothing is to change.
 */
export function policyWith(
  current: string | undefined,
  statement: Record<string, unknown>,
): string | undefined {
  const policy: Policy = current === undefined ? {} : (JSON.parse(current) as Policy);
  const statements = policy.Statement === undefined ? [] : [policy.Statement].flat();
  const isOurs = (item: unknown): boolean => (item as { Sid?: string }).Sid === STATEMENT_ID;
  const [own, ...more] = statements.filter(isOurs);
  if (more.length === 0 && isDeepStrictEqual(inOrder(own), inOrder(statement))) {
    return undefined;
  }
  return JSON.stringify({
    ...policy,
    Version: policy.Version ?? "2012-10-17",
    Statement: [...statements.filter((item) => !isOurs(item)), statement],
  });
}

/** S3 may give lists back in another order. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(inOrder).sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inOrder(item)]));
  }
  return value;
}

export function lifecycleRule(): LifecycleRule {
  return {
    ID: RULE_ID,
    Status: "Enabled",
    Filter: { Prefix: "" },
    NoncurrentVersionExpiration: { NoncurrentDays: NONCURRENT_DAYS },
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: BROKEN_UPLOAD_DAYS },
  };
}

/**
 * The bucket's lifecycle rules with ours; rules of others stay.
 *
 * @returns Undefined when nothing is to change.
 */
export function lifecycleWith(current: readonly LifecycleRule[]): LifecycleRule[] | undefined {
  const own = current.filter(({ ID }) => ID === RULE_ID);
  if (own.length === 1 && isDeepStrictEqual(plain(own[0]), plain(lifecycleRule()))) {
    return undefined;
  }
  return [...current.filter(({ ID }) => ID !== RULE_ID), lifecycleRule()];
}

/** The rule without what S3 leaves out or adds for "everything". */
function plain(rule: LifecycleRule | undefined): unknown {
  const { Filter, ...rest } = rule ?? {};
  const filter = Filter === undefined || Object.keys(Filter).length === 0 ? { Prefix: "" } : Filter;
  return JSON.parse(JSON.stringify({ ...rest, Filter: filter })) as unknown;
}

/** Rules of others that would delete states: named to the operator, since nothing is taken away here. */
export function rulesThatDelete(current: readonly LifecycleRule[]): string[] {
  return current
    .filter(
      ({ ID, Status, Expiration, NoncurrentVersionExpiration }) =>
        ID !== RULE_ID &&
        Status === "Enabled" &&
        (Expiration?.Days !== undefined ||
          Expiration?.Date !== undefined ||
          (NoncurrentVersionExpiration?.NoncurrentDays ?? NONCURRENT_DAYS) < NONCURRENT_DAYS),
    )
    .map(({ ID }) => ID ?? "(without a name)");
}
