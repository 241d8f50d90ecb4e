import type * as aws from "@pulumi/aws";
import type * as command from "@pulumi/command";
import type * as docker from "@pulumi/docker";
import type * as postgresql from "@pulumi/postgresql";
import type { Unwrap } from "@pulumi/pulumi";

/**
 * The resource types that the pack judges, by type token. Types only: loading the SDKs would cost more than all rules
 * together.
 */
export interface Types {
  "aws:cloudwatch/alarmMuteRule:AlarmMuteRule": aws.cloudwatch.AlarmMuteRuleArgs;
  "aws:cloudwatch/metricAlarm:MetricAlarm": aws.cloudwatch.MetricAlarmArgs;
  "aws:iam/groupPolicy:GroupPolicy": aws.iam.GroupPolicyArgs;
  "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": aws.iam.GroupPolicyAttachmentArgs;
  "aws:iam/policy:Policy": aws.iam.PolicyArgs;
  "aws:iam/rolePolicy:RolePolicy": aws.iam.RolePolicyArgs;
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": aws.iam.RolePolicyAttachmentArgs;
  "aws:iam/userPolicy:UserPolicy": aws.iam.UserPolicyArgs;
  "aws:iam/userPolicyAttachment:UserPolicyAttachment": aws.iam.UserPolicyAttachmentArgs;
  "aws:s3/bucket:Bucket": aws.s3.BucketArgs;
  "aws:s3/bucketAcl:BucketAcl": aws.s3.BucketAclArgs;
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": aws.s3.BucketLifecycleConfigurationArgs;
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": aws.s3.BucketOwnershipControlsArgs;
  "aws:s3/bucketPolicy:BucketPolicy": aws.s3.BucketPolicyArgs;
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": aws.s3.BucketPublicAccessBlockArgs;
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": aws.s3.BucketServerSideEncryptionConfigurationArgs;
  "aws:s3/bucketV2:BucketV2": aws.s3.BucketV2Args;
  "aws:s3/bucketVersioning:BucketVersioning": aws.s3.BucketVersioningArgs;
  "aws:sns/topic:Topic": aws.sns.TopicArgs;
  "aws:sns/topicSubscription:TopicSubscription": aws.sns.TopicSubscriptionArgs;
  "command:local:Command": command.local.CommandArgs;
  "docker:index/container:Container": docker.ContainerArgs;
  "docker:index/network:Network": docker.NetworkArgs;
  "docker:index/service:Service": docker.ServiceArgs;
  "docker:index/serviceConfig:ServiceConfig": docker.ServiceConfigArgs;
  "docker:index/volume:Volume": docker.VolumeArgs;
  "postgresql:index/defaultPrivileges:DefaultPrivileges": postgresql.DefaultPrivilegesArgs;
  "postgresql:index/extension:Extension": postgresql.ExtensionArgs;
  "postgresql:index/grant:Grant": postgresql.GrantArgs;
  "postgresql:index/role:Role": postgresql.RoleArgs;
  /** The stack itself: its outputs are its properties. */
  "pulumi:pulumi:Stack": { release?: ReleaseOutput };
}

/** The stack's output `release`, as far as the rules read it. */
export interface ReleaseOutput {
  readonly attempt?: string;
  readonly startedAt?: string;
  readonly by?: string;
  readonly backup?: string | null;
  readonly commit?: string | null;
  readonly dirty?: boolean;
  readonly images?: Readonly<Record<string, string>>;
  readonly app?: object;
}

export type Token = keyof Types;

/** The inputs of a resource, every `pulumi.Input` resolved. Reading a value that is not known yet throws. */
export type Props<T extends Token> = { [K in T]: Unwrap<Types[K]> }[T];

/** Short names, for messages: `Service` of `docker:index/service:Service`. */
export function kindOf(token: string): string {
  return token.split(":").at(-1) ?? token;
}
