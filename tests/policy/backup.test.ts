import assert from "node:assert/strict";
import { type Case, refusals } from "./support/cases";
import { happyStack, tlsOnlyPolicy } from "./support/happy";
import { change, type Declared, declare, judge, set } from "./support/harness";

const RETENTION = 'Manual M43: "Retention: 30 days local, 90 days S3".';
const DUMP = 'Manual M44: "Type: Full database dump".';
const LIFECYCLE = "BucketLifecycleConfiguration backups";

interface Document {
  Statement: Record<string, unknown>[];
}

/** Edits the first statement of the policy document of a resource. */
function statement(edit: (first: Record<string, unknown>) => void): (resource: Declared) => void {
  return (resource) => {
    const document = JSON.parse(String(resource.props.policy)) as Document;
    edit(document.Statement[0] ?? {});
    resource.props.policy = JSON.stringify(document);
  };
}

const WITHOUT_TLS = `Bucket backups can be reached without TLS. Allowed: an aws.s3.BucketPolicy that denies everybody s3:* on the bucket and its objects where aws:SecureTransport is "false", and on no further condition. ${DUMP}`;
const NO_EXPIRY = `Bucket backups has no lifecycle rule that expires every backup after 90 days or more. Allowed: an enabled rule without a filter narrower than backups/ and with expiration.days 90 or more. ${RETENTION}`;
const NEEDED = "the actions that are needed, by name: s3:PutObject, s3:GetObject, s3:ListBucket and the like";

const cases: Case[] = [
  {
    refuses: "a stack without a bucket",
    resource: "Bucket backups",
    policy: "backup-bucket-present",
    message: `Stack local has no bucket for backups. Allowed: an aws.s3.Bucket. ${RETENTION}`,
  },
  {
    refuses: "a bucket that a destroy would take along",
    resource: "Bucket backups",
    edit: (bucket) => {
      bucket.protect = false;
    },
    policy: "backup-bucket-protected",
    message: `Bucket backups is not protected from deletion. Allowed: the resource option protect: true. ${RETENTION}`,
  },
  {
    refuses: "a bucket that goes together with its objects",
    resource: "Bucket backups",
    set: { forceDestroy: true },
    policy: "backup-bucket-protected",
    message: `Bucket backups would be deleted together with its backups. Allowed: forceDestroy false, or not set. ${RETENTION}`,
  },
  {
    refuses: "a bucket without a public access block",
    resource: "BucketPublicAccessBlock backups",
    policy: "backup-bucket-private",
    message: `Bucket backups has no public access block. Allowed: an aws.s3.BucketPublicAccessBlock with all four switches on. ${DUMP}`,
  },
  ...["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].map(
    (property): Case => ({
      refuses: `a public access block without ${property}`,
      resource: "BucketPublicAccessBlock backups",
      set: { [property]: false },
      policy: "backup-bucket-private",
      message: `BucketPublicAccessBlock backups leaves ${property} off. Allowed: ${property}: true. ${DUMP}`,
    }),
  ),
  {
    refuses: "a public ACL",
    resource: "BucketAcl backups",
    add: [declare("aws:s3/bucketAcl:BucketAcl", "backups", { bucket: "b", acl: "public-read" })],
    policy: "backup-bucket-private",
    message: `BucketAcl backups opens the bucket by the ACL public-read. Allowed: acl private, or none. ${DUMP}`,
  },
  {
    refuses: "a bucket policy that allows everybody something",
    resource: "BucketPolicy backups",
    edit: (policy) => {
      const document = tlsOnlyPolicy() as unknown as Document;
      document.Statement.push({
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: "s3:GetObject",
        Resource: "*",
      });
      policy.props.policy = JSON.stringify(document);
    },
    policy: "backup-bucket-private",
    message: `BucketPolicy backups allows everybody something. Allowed: statements that allow named principals only. ${DUMP}`,
  },
  {
    refuses: "a bucket without default encryption",
    resource: "BucketServerSideEncryptionConfiguration backups",
    policy: "backup-bucket-encrypted",
    message: `Bucket backups has no default encryption. Allowed: an aws.s3.BucketServerSideEncryptionConfiguration with sseAlgorithm AES256, aws:kms or aws:kms:dsse. ${DUMP}`,
  },
  {
    refuses: "versions that were suspended",
    resource: "BucketVersioning backups",
    set: { "versioningConfiguration.status": "Suspended" },
    policy: "backup-bucket-versioned",
    message: `Bucket backups does not keep versions. Allowed: an aws.s3.BucketVersioning with status Enabled. ${RETENTION}`,
  },
  {
    refuses: "versioning of another bucket",
    resource: "BucketVersioning backups",
    edit: (versioning) => {
      versioning.references = {};
    },
    policy: "backup-bucket-versioned",
    message: `Bucket backups does not keep versions. Allowed: an aws.s3.BucketVersioning with status Enabled. ${RETENTION}`,
  },
  {
    refuses: "a bucket without a policy",
    resource: "BucketPolicy backups",
    policy: "backup-bucket-tls-only",
    message: WITHOUT_TLS,
  },
  ...(
    [
      ["covers the objects only", (first) => Object.assign(first, { Resource: ["arn:aws:s3:::b/*"] })],
      ["covers reading only", (first) => Object.assign(first, { Action: "s3:Get*" })],
      [
        "excepts an action",
        (first) => Object.assign(first, { Action: undefined, NotAction: "s3:GetObject" }),
      ],
      [
        "binds one principal only",
        (first) => Object.assign(first, { Principal: { AWS: "arn:aws:iam::1:root" } }),
      ],
      ["allows instead", (first) => Object.assign(first, { Effect: "Allow" })],
      [
        "refuses TLS instead",
        (first) => Object.assign(first, { Condition: { Bool: { "aws:SecureTransport": "true" } } }),
      ],
      [
        "has a further condition",
        (first) =>
          Object.assign(first, {
            Condition: {
              Bool: { "aws:SecureTransport": "false" },
              IpAddress: { "aws:SourceIp": "10.0.0.0/8" },
            },
          }),
      ],
      ["has no condition", (first) => Object.assign(first, { Condition: {} })],
    ] satisfies [string, (first: Record<string, unknown>) => void][]
  ).map(
    ([what, edit]): Case => ({
      refuses: `a TLS policy that ${what}`,
      resource: "BucketPolicy backups",
      edit: statement(edit),
      policy: "backup-bucket-tls-only",
      message: WITHOUT_TLS,
    }),
  ),
  {
    refuses: "a bucket without a lifecycle's expiry",
    resource: LIFECYCLE,
    set: { "rules.0.expiration": undefined },
    policy: "backup-retention",
    message: NO_EXPIRY,
  },
  {
    refuses: "an expiry of some backups only",
    resource: LIFECYCLE,
    edit: (lifecycle) => {
      const rules = lifecycle.props.rules as Record<string, unknown>[];
      rules.push({ id: "rest", status: "Enabled", ...structuredClone(rules[0]), expiration: undefined });
      Object.assign(rules[0] ?? {}, { filter: { prefix: "dumps/" } });
    },
    policy: "backup-retention",
    message: NO_EXPIRY,
  },
  {
    refuses: "an expiry on one date",
    resource: LIFECYCLE,
    set: { "rules.0.expiration.date": "2027-01-01T00:00:00Z" },
    policy: "backup-retention",
    message: `Bucket backups expires every backup on one date. Allowed: expiration.days instead of expiration.date. ${RETENTION}`,
  },
  {
    refuses: "archived logs that stay for ever",
    resource: LIFECYCLE,
    edit: (lifecycle) => {
      const rules = lifecycle.props.rules as { id?: string }[];
      lifecycle.props.rules = rules.filter(({ id }) => id !== "expire-logs");
    },
    policy: "backup-retention",
    message:
      'Bucket backups keeps archived logs, and whom they name, for ever. Allowed: an enabled rule without a filter narrower than logs/ and with expiration.days. Manual M55: "Logs: Rotate logs daily, Clean up disk space".',
  },
  {
    refuses: "old versions that stay for ever",
    resource: LIFECYCLE,
    set: { "rules.2.noncurrentVersionExpiration": undefined },
    policy: "backup-retention",
    message: `Bucket backups never deletes old versions. Allowed: noncurrentVersionExpiration in an enabled rule without a narrowing filter. ${RETENTION}`,
  },
  {
    refuses: "old versions that go before anybody noticed",
    resource: LIFECYCLE,
    set: { "rules.2.noncurrentVersionExpiration.noncurrentDays": 1 },
    policy: "backup-retention",
    message: `Bucket backups deletes old versions after 1 days. Allowed: noncurrentDays 7 to 90. ${RETENTION}`,
  },
  {
    refuses: "parts of broken uploads that stay for ever",
    resource: LIFECYCLE,
    set: { "rules.2.abortIncompleteMultipartUpload": undefined },
    policy: "backup-retention",
    message: `Bucket backups keeps the parts of broken uploads. Allowed: abortIncompleteMultipartUpload.daysAfterInitiation 1 to 7 in an enabled rule without a narrowing filter. ${RETENTION}`,
  },
  ...(
    [
      ["s3:DeleteObject", "s3:DeleteObject"],
      ["s3:Delete*", "s3:DeleteObject, s3:DeleteObjectVersion, s3:DeleteBucket, s3:DeleteBucketPolicy"],
      ["s3:deleteobjectversion", "s3:DeleteObjectVersion"],
      ["s3:PutLifecycle?onfiguration", "s3:PutLifecycleConfiguration"],
      ["s3:PutBucketV*", "s3:PutBucketVersioning"],
    ] as const
  ).map(
    ([action, shown]): Case => ({
      refuses: `a writer that may ${action}`,
      resource: "UserPolicy writer",
      edit: statement((first) => {
        (first.Action as string[]).push(action);
      }),
      policy: "backup-credentials-cannot-delete",
      message: `UserPolicy writer allows ${shown}. Allowed: ${NEEDED}. ${RETENTION}`,
    }),
  ),
  {
    refuses: "a policy that is no document",
    resource: "UserPolicy writer",
    set: { policy: "{" },
    policy: "backup-credentials-cannot-delete",
    message: `UserPolicy writer is not a policy document. Allowed: JSON with a Statement. ${RETENTION}`,
  },
  {
    refuses: "AWS's own policy that allows everything on S3",
    resource: "UserPolicyAttachment broad",
    add: [
      declare("aws:iam/userPolicyAttachment:UserPolicyAttachment", "broad", {
        user: "u",
        policyArn: "arn:aws:iam::aws:policy/AmazonS3FullAccess",
      }),
    ],
    policy: "no-broad-managed-policies",
    message: `UserPolicyAttachment broad attaches arn:aws:iam::aws:policy/AmazonS3FullAccess. Allowed: a policy that names the actions it needs. ${RETENTION}`,
  },
];

describe("policies on backups", () => {
  refusals(cases);

  const messages = (stack: Declared[], config = {}): string[] =>
    judge(stack, { config, only: ["backup-retention"] }).map(({ message }) => message);
  const expiring = (days: number): Declared[] =>
    change(happyStack(), LIFECYCLE, (lifecycle) => {
      set(lifecycle, "rules.0.expiration.days", days);
      // Logs are kept as long.
      set(lifecycle, "rules.4.expiration.days", days);
    });

  it("backup-retention refuses 89 days and accepts 90 and 91", () => {
    assert.deepEqual(messages(expiring(89)), [
      NO_EXPIRY,
      `Bucket backups expires backups after 89 days. Allowed: expiration.days 90 or more in every enabled rule. ${RETENTION}`,
    ]);
    assert.deepEqual(messages(expiring(90)), []);
    assert.deepEqual(messages(expiring(91)), []);
  });

  it("backup-retention refuses a shorter expiry of some backups beside the right one of all", () => {
    const stack = change(happyStack(), LIFECYCLE, (lifecycle) => {
      (lifecycle.props.rules as unknown[]).push({
        id: "soon",
        status: "Enabled",
        filter: { prefix: "backups/daily/" },
        expiration: { days: 7 },
      });
    });
    assert.deepEqual(messages(stack), [
      `Bucket backups expires backups after 7 days. Allowed: expiration.days 90 or more in every enabled rule. ${RETENTION}`,
    ]);
  });

  it("backup-retention can be made stricter", () => {
    assert.equal(messages(happyStack(), { "backup-retention": { days: 365 } }).length, 2);
    assert.deepEqual(messages(expiring(365), { "backup-retention": { days: 365 } }), []);
  });

  it("a credential that may do everything but one thing is one that may delete", () => {
    const stack = change(
      happyStack(),
      "UserPolicy writer",
      statement((first) => Object.assign(first, { Action: undefined, NotAction: ["s3:GetObject"] })),
    );
    assert.deepEqual(
      judge(stack).map(({ policy }) => policy),
      ["backup-credentials-cannot-delete", "mail-from-one-address"],
    );
  });

  const archiver = (action: string, resource: string | string[]): string[] =>
    judge([
      ...happyStack(),
      declare("aws:iam/userPolicy:UserPolicy", "archiver", {
        user: "u",
        policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Action: action, Resource: resource }],
        }),
      }),
    ]).map(({ policy }) => policy);
  const WAL = "arn:aws:s3:::fitnesscrm-local-backups/wal/*";

  it("the database's log may be deleted below wal/, and nothing else may", () => {
    assert.deepEqual(archiver("s3:DeleteObject", WAL), []);
    for (const resource of [
      "*",
      "arn:aws:s3:::*/wal/*",
      "arn:aws:s3:::fitnesscrm-local-backups/*",
      "arn:aws:s3:::fitnesscrm-local-backups/backups/*",
      "arn:aws:s3:::fitnesscrm-local-backups/wal*",
      [WAL, "arn:aws:s3:::fitnesscrm-local-backups/backups/*"],
    ]) {
      const found = archiver("s3:DeleteObject", resource);
      assert.deepEqual(found, ["backup-credentials-cannot-delete"], String(resource));
    }
  });

  it("old versions of the database's log stay", () => {
    for (const action of ["s3:DeleteObjectVersion", "s3:Delete*", "s3:*"]) {
      assert.deepEqual(archiver(action, WAL), ["backup-credentials-cannot-delete"], action);
    }
  });

  it("each bucket of a stack is judged by what is attached to it", () => {
    const second = declare("aws:s3/bucket:Bucket", "logs", { bucket: "logs" }, { protect: true });
    const refused = new Set(
      judge([...happyStack(), second]).map(
        ({ policy, message }) => `${policy}: ${message.split(" ", 2).join(" ")}`,
      ),
    );
    assert.deepEqual([...refused].sort(), [
      "backup-bucket-encrypted: Bucket logs",
      "backup-bucket-private: Bucket logs",
      "backup-bucket-tls-only: Bucket logs",
      "backup-bucket-versioned: Bucket logs",
      "backup-retention: Bucket logs",
    ]);
  });
});
