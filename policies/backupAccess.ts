import { MANUAL } from "../manual";
import { allowed, type Statement, statementsOf } from "./lib/iam";
import type { Basis } from "./lib/rule";
import { type Rule, resourceRule } from "./lib/rule";

const BASIS: Basis = {
  row: "M43",
  says: `Retention: ${MANUAL.backup.retentionDaysLocal} days local, ${MANUAL.backup.retentionDaysS3} days S3`,
};

/** What would let a stolen credential destroy the backups, at once or by way of the bucket's settings. */
const DESTROYS = [
  "s3:DeleteObject",
  "s3:DeleteObjectVersion",
  "s3:DeleteBucket",
  "s3:DeleteBucketPolicy",
  "s3:PutBucketPolicy",
  "s3:PutBucketVersioning",
  "s3:PutBucketPublicAccessBlock",
  "s3:PutLifecycleConfiguration",
  "s3:BypassGovernanceRetention",
] as const;

/** Where the database's log lies: pgBackRest deletes what expired there, which the bucket keeps as an old version. */
const LOG = /^arn:[^*?]+\/wal\/\*$/;

function isOnLogOnly({ Resource }: Statement): boolean {
  const resources = Resource === undefined ? [] : [Resource].flat();
  return resources.length > 0 && resources.every((resource) => LOG.test(resource));
}

const documents = resourceRule(
  {
    name: "backup-credentials-cannot-delete",
    section: "Backup & Recovery",
    basis: BASIS,
    demands:
      "No credential of the stack can delete a backup: a stolen server cannot destroy what would restore it. Below wal/ the database's log may be deleted, though not its old versions.",
    types: [
      "aws:iam/policy:Policy",
      "aws:iam/userPolicy:UserPolicy",
      "aws:iam/groupPolicy:GroupPolicy",
      "aws:iam/rolePolicy:RolePolicy",
    ],
  },
  ({ props }, judge) => {
    judge.must(
      () => statementsOf(props.policy) !== undefined,
      "is not a policy document",
      "JSON with a Statement",
    );
    const destroys = () => {
      const statements = statementsOf(props.policy) ?? [];
      return [
        ...allowed(
          statements.filter((statement) => !isOnLogOnly(statement)),
          DESTROYS,
        ),
        ...allowed(
          statements.filter(isOnLogOnly),
          DESTROYS.filter((action) => action !== "s3:DeleteObject"),
        ),
      ];
    };
    judge.must(
      () => destroys().length === 0,
      () => `allows ${destroys().join(", ")}`,
      "the actions that are needed, by name: s3:PutObject, s3:GetObject, s3:ListBucket and the like",
    );
  },
);

const attachments = resourceRule(
  {
    name: "no-broad-managed-policies",
    section: "Backup & Recovery",
    basis: BASIS,
    demands: "No credential of the stack gets one of AWS's own policies that allow everything.",
    types: [
      "aws:iam/userPolicyAttachment:UserPolicyAttachment",
      "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
      "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    ],
  },
  ({ props }, judge) =>
    judge.must(
      () => !/:aws:policy\/.*(FullAccess|Administrator|PowerUser)/.test(String(props.policyArn)),
      () => `attaches ${String(props.policyArn)}`,
      "a policy that names the actions it needs",
    ),
);

export const BACKUP_ACCESS: readonly Rule[] = [documents, attachments];
