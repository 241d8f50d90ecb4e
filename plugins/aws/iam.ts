/** `aws:iam`: users, their inline policies, their access keys. */

import { createHmac } from "node:crypto";
import type { IAM } from "@aws-sdk/client-iam";
import type { AccessKeyArgs, AccessKeyState } from "@pulumi/aws/iam/accessKey";
import type { UserArgs, UserState } from "@pulumi/aws/iam/user";
import type { UserPolicyArgs, UserPolicyState } from "@pulumi/aws/iam/userPolicy";
import type { ResourceHandler } from "../lib/types";
import { type Aws, isGone, unlessGone } from "./clients";
import {
  oneOf,
  type Resolved,
  resource,
  type Session,
  type Tags,
  tagChanges,
  tagList,
  tagsFromList,
} from "./resource";

const GONE = "NoSuchEntityException";

type UserInputs = Resolved<UserArgs, { tagsAll?: Tags }>;
type UserOutputs = Resolved<UserState>;

const user = (session: Session) =>
  resource<UserInputs, UserOutputs>(session, {
    token: "aws:iam/user:User",
    noun: "IAM user",
    args: ["forceDestroy", "name", "path", "permissionsBoundary", "tags"],
    defaults: { forceDestroy: false, path: "/" },
    outputs: ["arn", "uniqueId"],
    unreadable: ["forceDestroy"],
    replaceOn: [],
    autoName: "name",
    regional: false,
    tagged: true,
    async create(aws, inputs) {
      await aws.iam().createUser({
        UserName: inputs.name,
        Path: inputs.path,
        PermissionsBoundary: inputs.permissionsBoundary,
        Tags: tagList(inputs.tagsAll),
      });
      return { id: String(inputs.name) };
    },
    async read(aws, id, known) {
      try {
        // A renamed user keeps the id that it was made with, as in the official plugin.
        const { User } = await aws.iam().getUser({ UserName: known.name ?? id });
        return {
          arn: User?.Arn,
          name: User?.UserName,
          path: User?.Path,
          permissionsBoundary: User?.PermissionsBoundary?.PermissionsBoundaryArn,
          tagsAll: tagsFromList(User?.Tags),
          uniqueId: User?.UserId,
        };
      } catch (error) {
        if (isGone(error, GONE)) return undefined;
        throw error;
      }
    },
    async update(aws, id, old, news) {
      const iam = aws.iam();
      const UserName = news.name ?? id;
      if (old.name !== news.name || old.path !== news.path) {
        await iam.updateUser({ UserName: old.name ?? id, NewUserName: UserName, NewPath: news.path });
      }
      if (old.permissionsBoundary !== news.permissionsBoundary) {
        if (news.permissionsBoundary) {
          await iam.putUserPermissionsBoundary({ UserName, PermissionsBoundary: news.permissionsBoundary });
        } else {
          await iam.deleteUserPermissionsBoundary({ UserName });
        }
      }
      // Against what is there now: the emulator forgets the tags of a user that it moves.
      const { Tags } = await iam.listUserTags({ UserName });
      const { remove, put } = tagChanges(tagsFromList(Tags), news.tagsAll);
      if (remove.length > 0) await iam.untagUser({ UserName, TagKeys: remove });
      if (put.length > 0) await iam.tagUser({ UserName, Tags: put });
    },
    async delete(aws, id, state) {
      const iam = aws.iam();
      const UserName = state.name ?? id;
      try {
        if (state.forceDestroy === true) await strip(iam, UserName);
        await iam.deleteUser({ UserName });
      } catch (error) {
        if (!isGone(error, GONE)) throw error;
      }
    },
  });

/** Takes from a user what Pulumi did not give it and what would keep it from being deleted. */
async function strip(iam: IAM, UserName: string): Promise<void> {
  const { Groups } = await iam.listGroupsForUser({ UserName });
  for (const { GroupName } of Groups ?? []) await iam.removeUserFromGroup({ UserName, GroupName });
  const { AccessKeyMetadata } = await iam.listAccessKeys({ UserName });
  for (const { AccessKeyId } of AccessKeyMetadata ?? []) await iam.deleteAccessKey({ UserName, AccessKeyId });
  const { PolicyNames } = await iam.listUserPolicies({ UserName });
  for (const PolicyName of PolicyNames ?? []) await iam.deleteUserPolicy({ UserName, PolicyName });
  const { AttachedPolicies } = await iam.listAttachedUserPolicies({ UserName });
  for (const { PolicyArn } of AttachedPolicies ?? []) await iam.detachUserPolicy({ UserName, PolicyArn });
  const { MFADevices } = await iam.listMFADevices({ UserName });
  for (const { SerialNumber } of MFADevices ?? []) await iam.deactivateMFADevice({ UserName, SerialNumber });
  await unlessGone(() => iam.deleteLoginProfile({ UserName }), GONE);
}

type UserPolicyInputs = Resolved<UserPolicyArgs, { policy: string }>;
type UserPolicyOutputs = Resolved<UserPolicyState, { policy?: string }>;

/** `<user>:<policy>`; a policy's name may hold a colon, a user's may not. */
function parsePolicyId(id: string): { UserName: string; PolicyName: string } {
  const at = id.indexOf(":");
  if (at < 1 || at === id.length - 1) throw new Error(`the id "${id}" is not of the form <user>:<policy>`);
  return { UserName: id.slice(0, at), PolicyName: id.slice(at + 1) };
}

const userPolicy = (session: Session) =>
  resource<UserPolicyInputs, UserPolicyOutputs>(session, {
    token: "aws:iam/userPolicy:UserPolicy",
    noun: "IAM user policy",
    args: ["name", "policy", "user"],
    required: ["policy", "user"],
    instead: { namePrefix: "name, or let Pulumi name it" },
    outputs: [],
    json: { policy: "policy" },
    replaceOn: ["name", "user"],
    autoName: "name",
    regional: false,
    async create(aws, inputs) {
      const name = { UserName: inputs.user, PolicyName: inputs.name };
      await aws.iam().putUserPolicy({ ...name, PolicyDocument: inputs.policy });
      return { id: `${inputs.user}:${inputs.name}` };
    },
    async read(aws, id) {
      const name = parsePolicyId(id);
      try {
        const { PolicyDocument } = await aws.iam().getUserPolicy(name);
        return {
          name: name.PolicyName,
          policy: decodeURIComponent(PolicyDocument ?? ""),
          user: name.UserName,
        };
      } catch (error) {
        if (isGone(error, GONE)) return undefined;
        throw error;
      }
    },
    async update(aws, id, _old, news) {
      await aws.iam().putUserPolicy({ ...parsePolicyId(id), PolicyDocument: news.policy });
    },
    async delete(aws, id) {
      await unlessGone(() => aws.iam().deleteUserPolicy(parsePolicyId(id)), GONE);
    },
  });

type AccessKeyInputs = Resolved<AccessKeyArgs>;
type AccessKeyOutputs = Resolved<AccessKeyState>;
const STATUSES = ["Active", "Inactive"] as const;

const accessKey = (session: Session) =>
  resource<AccessKeyInputs, AccessKeyOutputs>(session, {
    token: "aws:iam/accessKey:AccessKey",
    noun: "IAM access key",
    args: ["status", "user"],
    required: ["user"],
    instead: { pgpKey: "the state's own encryption, which keeps the secret" },
    defaults: { status: "Active" },
    outputs: ["createDate", "secret", "sesSmtpPasswordV4"],
    unreadable: ["secret", "sesSmtpPasswordV4"],
    secretOutputs: ["secret", "sesSmtpPasswordV4"],
    replaceOn: ["user"],
    regional: false,
    check(inputs, fail) {
      oneOf(fail, "status", inputs.status, STATUSES);
    },
    async create(aws, inputs) {
      const { AccessKey } = await aws.iam().createAccessKey({ UserName: inputs.user });
      if (!AccessKey?.AccessKeyId || !AccessKey.SecretAccessKey) throw new Error("the service gave no key");
      const secret = AccessKey.SecretAccessKey;
      return {
        id: AccessKey.AccessKeyId,
        once: { secret, sesSmtpPasswordV4: smtpPassword(secret, aws.region) },
      };
    },
    async finish(aws, id, inputs) {
      if (inputs.status === "Inactive") {
        await aws.iam().updateAccessKey({ UserName: inputs.user, AccessKeyId: id, Status: "Inactive" });
      }
    },
    async read(aws, id, known) {
      const iam = aws.iam();
      try {
        const UserName = known.user ?? (await iam.getAccessKeyLastUsed({ AccessKeyId: id })).UserName;
        const { AccessKeyMetadata } = await iam.listAccessKeys({ UserName });
        const key = AccessKeyMetadata?.find(({ AccessKeyId }) => AccessKeyId === id);
        if (key === undefined) return undefined;
        return {
          createDate: key.CreateDate?.toISOString().replace(/\.\d+Z$/, "Z"),
          status: key.Status,
          user: key.UserName,
        };
      } catch (error) {
        if (isGone(error, GONE)) return undefined;
        throw error;
      }
    },
    async update(aws, id, _old, news) {
      const Status = STATUSES.find((known) => known === news.status);
      await aws.iam().updateAccessKey({ UserName: news.user, AccessKeyId: id, Status });
    },
    async delete(aws, id, state) {
      await unlessGone(() => aws.iam().deleteAccessKey({ UserName: state.user, AccessKeyId: id }), GONE);
    },
  });

/** The SMTP password of Amazon SES that belongs to a secret access key, as SES's documentation derives it. */
export function smtpPassword(secret: string, region: string): string {
  const steps = ["11111111", region, "ses", "aws4_request", "SendRawEmail"];
  const signature = steps.reduce<Buffer | string>(
    (key, text) => createHmac("sha256", key).update(text).digest(),
    `AWS4${secret}`,
  );
  return Buffer.concat([Buffer.from([0x04]), Buffer.from(signature)]).toString("base64");
}

// biome-ignore lint/suspicious/noExplicitAny: a plugin's handlers differ in their inputs and state, as in its type.
export const iamResources = (session: Session): ResourceHandler<Aws, any, any>[] => [
  user(session),
  userPolicy(session),
  accessKey(session),
];
