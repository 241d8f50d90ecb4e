/** `aws:sns`: topics, their policies, their subscriptions. */

import { setTimeout as delay } from "node:timers/promises";
import type { SNS } from "@aws-sdk/client-sns";
import type { TopicArgs, TopicState } from "@pulumi/aws/sns/topic";
import type { TopicPolicyArgs, TopicPolicyState } from "@pulumi/aws/sns/topicPolicy";
import type { TopicSubscriptionArgs, TopicSubscriptionState } from "@pulumi/aws/sns/topicSubscription";
import type { Context, ResourceHandler } from "../lib/types";
import {
  attributeChanges,
  fromAttributes,
  SUBSCRIPTION_ATTRIBUTES,
  TOPIC_ATTRIBUTES,
  toAttributes,
} from "./attributes";
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

const GONE = ["NotFoundException", "NotFound"];

type TopicInputs = Resolved<TopicArgs, { tagsAll?: Tags }>;
type TopicOutputs = Resolved<TopicState>;

const topic = (session: Session) =>
  resource<TopicInputs, TopicOutputs>(session, {
    token: "aws:sns/topic:Topic",
    noun: "SNS topic",
    args: [
      ...TOPIC_ATTRIBUTES.map(({ property }) => property as keyof TopicInputs & string),
      "name",
      "region",
      "tags",
    ],
    optional: ["fifoThroughputScope", "policy", "signatureVersion", "tracingConfig"],
    instead: { namePrefix: "name, or let Pulumi name it" },
    defaults: { contentBasedDeduplication: false, fifoTopic: false },
    outputs: ["arn", "beginningArchiveTime", "owner"],
    json: { archivePolicy: "document", deliveryPolicy: "document", policy: "policy" },
    replaceOn: ["name", "fifoTopic"],
    autoName: "name",
    tagged: true,
    check(inputs, fail, _olds, name) {
      const { fifoTopic } = inputs;
      if (typeof inputs.name !== "string" || typeof fifoTopic !== "boolean") return;
      const isOurs = new RegExp(`^${escaped(name)}-[0-9a-f]{7}$`).test(inputs.name);
      if (fifoTopic && isOurs) inputs.name = `${inputs.name}.fifo`;
      const pattern = fifoTopic ? /^[A-Za-z0-9_-]{1,251}\.fifo$/ : /^[A-Za-z0-9_-]{1,256}$/;
      if (!pattern.test(inputs.name)) {
        const form = `1 to 256 of A-Z, a-z, 0-9, "_" and "-"${fifoTopic ? ", and end in .fifo" : ""}`;
        fail("name", `is "${inputs.name}"; it must be ${form}`);
      }
      if (inputs.contentBasedDeduplication === true && !fifoTopic) {
        fail("contentBasedDeduplication", "needs fifoTopic");
      }
    },
    async create(aws, inputs) {
      const { TopicArn } = await aws.sns(inputs.region).createTopic({
        Name: inputs.name,
        Attributes: toAttributes(TOPIC_ATTRIBUTES, inputs),
        Tags: tagList(inputs.tagsAll),
      });
      return { id: String(TopicArn) };
    },
    async read(aws, id, known) {
      const sns = aws.sns(known.region);
      try {
        const { Attributes = {} } = await sns.getTopicAttributes({ TopicArn: id });
        const { Tags } = await sns.listTagsForResource({ ResourceArn: id });
        return {
          ...fromAttributes(TOPIC_ATTRIBUTES, Attributes),
          arn: id,
          beginningArchiveTime: Attributes.BeginningArchiveTime,
          name: id.slice(id.lastIndexOf(":") + 1),
          owner: Attributes.Owner,
          tagsAll: tagsFromList(Tags),
        };
      } catch (error) {
        if (isGone(error, ...GONE)) return undefined;
        throw error;
      }
    },
    async update(aws, id, old, news) {
      const sns = aws.sns(news.region);
      const wanted = {
        ...pick(old, ["policy", "signatureVersion", "tracingConfig", "fifoThroughputScope"]),
        ...news,
      };
      for (const { name, value } of attributeChanges(TOPIC_ATTRIBUTES, old, wanted)) {
        await sns.setTopicAttributes({ TopicArn: id, AttributeName: name, AttributeValue: value });
      }
      const { remove, put } = tagChanges(old.tagsAll, news.tagsAll);
      if (remove.length > 0) await sns.untagResource({ ResourceArn: id, TagKeys: remove });
      if (put.length > 0) await sns.tagResource({ ResourceArn: id, Tags: put });
    },
    async delete(aws, id, state) {
      await unlessGone(() => aws.sns(state.region).deleteTopic({ TopicArn: id }), ...GONE);
    },
  });

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function pick<T extends object>(bag: T, keys: readonly (keyof T)[]): Partial<T> {
  return Object.fromEntries(keys.map((key) => [key, bag[key]])) as Partial<T>;
}

type TopicPolicyInputs = Resolved<TopicPolicyArgs, { policy: string }>;
type TopicPolicyOutputs = Resolved<TopicPolicyState, { policy?: string }>;

const topicPolicy = (session: Session) =>
  resource<TopicPolicyInputs, TopicPolicyOutputs>(session, {
    token: "aws:sns/topicPolicy:TopicPolicy",
    noun: "SNS topic policy",
    args: ["arn", "policy", "region"],
    required: ["arn", "policy"],
    outputs: ["owner"],
    json: { policy: "policy" },
    replaceOn: ["arn"],
    async create(aws, inputs) {
      await putPolicy(aws.sns(inputs.region), inputs.arn, inputs.policy);
      return { id: inputs.arn };
    },
    async read(aws, id, known) {
      try {
        const { Attributes = {} } = await aws.sns(known.region).getTopicAttributes({ TopicArn: id });
        if (!Attributes.Policy) return undefined;
        return { arn: id, owner: Attributes.Owner, policy: Attributes.Policy };
      } catch (error) {
        if (isGone(error, ...GONE)) return undefined;
        throw error;
      }
    },
    async update(aws, id, _old, news) {
      await putPolicy(aws.sns(news.region), id, news.policy);
    },
    async delete(aws, id, state) {
      // A topic always has a policy: deleting ours puts AWS's own back.
      await unlessGone(
        () => putPolicy(aws.sns(state.region), id, defaultPolicy(id, state.owner ?? "")),
        ...GONE,
      );
    },
  });

async function putPolicy(sns: SNS, TopicArn: string, policy: string): Promise<void> {
  await sns.setTopicAttributes({ TopicArn, AttributeName: "Policy", AttributeValue: policy });
}

/** The policy that SNS gives to a new topic: its owner may do everything with it. */
function defaultPolicy(arn: string, owner: string): string {
  const actions = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
  ];
  return JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        Sid: "__default_statement_ID",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: actions.map((action) => `SNS:${action}`),
        Resource: arn,
        Condition: { StringEquals: { "AWS:SourceOwner": owner } },
      },
    ],
  });
}

type SubscriptionInputs = Resolved<TopicSubscriptionArgs, { topic: string }>;
type SubscriptionOutputs = Resolved<TopicSubscriptionState, { topic?: string }>;

const PROTOCOLS = ["application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"];

const topicSubscription = (session: Session) =>
  resource<SubscriptionInputs, SubscriptionOutputs>(session, {
    token: "aws:sns/topicSubscription:TopicSubscription",
    noun: "SNS subscription",
    args: [
      ...SUBSCRIPTION_ATTRIBUTES.map(({ property }) => property as keyof SubscriptionInputs & string),
      "confirmationTimeoutInMinutes",
      "endpoint",
      "endpointAutoConfirms",
      "protocol",
      "region",
      "topic",
    ],
    required: ["endpoint", "protocol", "topic"],
    optional: ["filterPolicyScope"],
    defaults: { confirmationTimeoutInMinutes: 1, endpointAutoConfirms: false, rawMessageDelivery: false },
    outputs: ["arn", "confirmationWasAuthenticated", "ownerId", "pendingConfirmation"],
    unreadable: ["confirmationTimeoutInMinutes", "endpointAutoConfirms"],
    json: {
      deliveryPolicy: "document",
      filterPolicy: "filter",
      redrivePolicy: "document",
      replayPolicy: "document",
    },
    replaceOn: ["endpoint", "protocol", "topic"],
    check(inputs, fail) {
      oneOf(fail, "protocol", inputs.protocol, PROTOCOLS);
      oneOf(fail, "filterPolicyScope", inputs.filterPolicyScope, ["MessageAttributes", "MessageBody"]);
      if (inputs.filterPolicyScope !== undefined && inputs.filterPolicy === undefined) {
        fail("filterPolicyScope", "needs filterPolicy");
      }
      const isFirehose = inputs.protocol === "firehose";
      if (isFirehose !== (inputs.subscriptionRoleArn !== undefined)) {
        if (isFirehose) fail("subscriptionRoleArn", "is required for the protocol firehose");
        else if (PROTOCOLS.includes(String(inputs.protocol)))
          fail("subscriptionRoleArn", "is for the protocol firehose only");
      }
    },
    async create(aws, inputs) {
      const { SubscriptionArn } = await aws.sns(inputs.region).subscribe({
        TopicArn: inputs.topic,
        Protocol: inputs.protocol,
        Endpoint: inputs.endpoint,
        Attributes: toAttributes(SUBSCRIPTION_ATTRIBUTES, inputs),
        // The id is wanted even while nobody has confirmed.
        ReturnSubscriptionArn: true,
      });
      return { id: String(SubscriptionArn) };
    },
    async finish(aws, id, inputs, context) {
      if (!waitsForConfirmation(inputs)) return;
      const minutes = inputs.protocol.startsWith("http") ? (inputs.confirmationTimeoutInMinutes ?? 1) : 2;
      await confirmed(aws.sns(inputs.region), id, minutes * 60, context);
    },
    async read(aws, id, known) {
      try {
        const { Attributes = {} } = await aws
          .sns(known.region)
          .getSubscriptionAttributes({ SubscriptionArn: id });
        const found = fromAttributes(SUBSCRIPTION_ATTRIBUTES, Attributes);
        // An empty filter filters nothing; it is how a filter is taken away.
        if (found.filterPolicy === "{}") delete found.filterPolicy;
        return {
          ...found,
          arn: id,
          confirmationWasAuthenticated: Attributes.ConfirmationWasAuthenticated === "true",
          endpoint: Attributes.Endpoint,
          ownerId: Attributes.Owner,
          pendingConfirmation: Attributes.PendingConfirmation === "true",
          protocol: Attributes.Protocol,
          topic: Attributes.TopicArn,
        };
      } catch (error) {
        if (isGone(error, ...GONE)) return undefined;
        throw error;
      }
    },
    async update(aws, id, old, news) {
      const sns = aws.sns(news.region);
      const changes = inWriteOrder(attributeChanges(SUBSCRIPTION_ATTRIBUTES, old, news));
      for (const { name, value } of changes) {
        await sns.setSubscriptionAttributes({
          SubscriptionArn: id,
          AttributeName: name,
          AttributeValue: value,
        });
      }
    },
    async delete(aws, id, state, context) {
      try {
        await aws.sns(state.region).unsubscribe({ SubscriptionArn: id });
      } catch (error) {
        if (isGone(error, ...GONE)) return;
        if (!/pending confirmation/i.test((error as Error).message)) throw error;
        // Nobody can end what nobody confirmed; AWS drops it by itself after some days.
        context.log(
          "info",
          `the subscription of ${state.endpoint} was never confirmed; AWS drops it by itself`,
        );
      }
    },
  });

/** Only endpoints that answer by themselves are waited for; a person may take days. */
export function waitsForConfirmation(inputs: { protocol: string; endpointAutoConfirms?: boolean }): boolean {
  if (inputs.protocol.startsWith("email")) return false;
  return !inputs.protocol.startsWith("http") || inputs.endpointAutoConfirms === true;
}

async function confirmed(
  sns: SNS,
  SubscriptionArn: string,
  seconds: number,
  context: Context,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const { Attributes = {} } = await sns.getSubscriptionAttributes({ SubscriptionArn });
    if (Attributes.PendingConfirmation !== "true") return;
    if (Date.now() > end)
      throw new Error(`the endpoint did not confirm the subscription within ${seconds} s`);
    await delay(500, undefined, { signal: context.signal });
  }
}

/**
 * Nested filters are valid for the scope MessageBody only: that scope is set before the filter, and
 * MessageAttributes after it. Empty values have their own spelling: `{}` is no filter.
 */
export function inWriteOrder(
  changes: readonly { name: string; value: string }[],
): { name: string; value?: string }[] {
  const rank = ({ name, value }: { name: string; value: string }): number =>
    name !== "FilterPolicyScope" ? 1 : value === "MessageBody" ? 0 : 2;
  return changes
    .filter(({ name, value }) => name !== "FilterPolicyScope" || value !== "")
    .sort((a, b) => rank(a) - rank(b))
    .map(({ name, value }) => {
      if (value !== "") return { name, value };
      return name === "FilterPolicy" ? { name, value: "{}" } : { name };
    });
}

// biome-ignore lint/suspicious/noExplicitAny: a plugin's handlers differ in their inputs and state, as in its type.
export const snsResources = (session: Session): ResourceHandler<Aws, any, any>[] => [
  topic(session),
  topicPolicy(session),
  topicSubscription(session),
];
