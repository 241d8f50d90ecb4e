import assert from "node:assert/strict";
import * as aws from "@pulumi/aws";
import { awsConfig, createQueue, sns, startEmulator, stopEmulator } from "./aws-emulator";
import { conformance } from "./harness";

const suite = { plugins: ["aws"], config: awsConfig, before: startEmulator, after: stopEmulator };

let queue = "";
interface Topic {
  displayName?: string;
  filterPolicy?: string;
  address?: string;
  scope?: string;
  raw?: boolean;
  principal?: unknown;
}

function topic(given: Topic): void {
  const { arn } = new aws.sns.Topic("p1", { displayName: given.displayName, tags: { severity: "P1" } });
  const policy = arn.apply((resource) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: given.principal ?? { Service: "cloudwatch.amazonaws.com" },
          Action: ["sns:Publish"],
          Resource: resource,
        },
      ],
    }),
  );
  new aws.sns.TopicPolicy("policy", { arn, policy });
  new aws.sns.TopicSubscription("mail", {
    topic: arn,
    protocol: "email",
    endpoint: given.address ?? "first@example.com",
    filterPolicy: given.filterPolicy,
    filterPolicyScope: given.scope,
  });
  new aws.sns.TopicSubscription("queue", {
    topic: arn,
    protocol: "sqs",
    endpoint: queue,
    rawMessageDelivery: given.raw,
  });
  new aws.sns.TopicSubscription("hook", {
    topic: arn,
    protocol: "https",
    endpoint: "https://127.0.0.1:9/hook",
  });
}

const steps = { p1: "same", policy: "same", mail: "same", queue: "same", hook: "same" } as const;

conformance({
  ...suite,
  title: "aws.sns",
  before: async () => {
    await startEmulator();
    queue = await createQueue("conf-aws-queue");
  },
  steps: [
    {
      name: "creates a topic, its policy and subscriptions, the mail one unconfirmed",
      program: async () =>
        topic({ filterPolicy: JSON.stringify({ severity: ["P0", "P1"], kind: ["alarm"] }) }),
      expect: { p1: "create", policy: "create", mail: "create", queue: "create", hook: "create" },
      check: async ({ state }) => {
        const { id, inputs, outputs } = state("p1");
        assert.match(id, /^arn:aws:sns:us-east-1:000000000000:p1-[0-9a-f]{7}$/);
        assert.equal(outputs.arn, id);
        assert.equal(outputs.owner, "000000000000");
        assert.equal(inputs.fifoTopic, false);
        assert.deepEqual(outputs.tagsAll, { project: "conformance", severity: "P1" });
        assert.equal(state("policy").id, id);
        const mail = state("mail");
        assert.equal(mail.outputs.arn, mail.id);
        assert.equal(mail.outputs.ownerId, "000000000000");
        assert.equal(typeof mail.outputs.pendingConfirmation, "boolean");
        assert.equal(mail.outputs.confirmationWasAuthenticated, mail.outputs.pendingConfirmation !== true);
        assert.equal(mail.inputs.confirmationTimeoutInMinutes, 1);
        assert.equal(state("queue").outputs.pendingConfirmation, false);
        const { Attributes } = await sns().getSubscriptionAttributes({ SubscriptionArn: mail.id });
        assert.deepEqual(JSON.parse(String(Attributes?.FilterPolicy)).kind, ["alarm"]);
      },
    },
    {
      name: "takes a filter of the same meaning as no change",
      program: async () =>
        topic({ filterPolicy: JSON.stringify({ kind: ["alarm"], severity: ["P1", "P0"] }, null, 1) }),
      expect: steps,
    },
    {
      name: "changes attributes in place",
      program: async () =>
        topic({
          displayName: "FitnessCRM P1",
          filterPolicy: JSON.stringify({ detail: { severity: ["P0"] } }),
          scope: "MessageBody",
          raw: true,
          principal: { AWS: "*" },
        }),
      expect: {
        ...steps,
        p1: { update: ["displayName"] },
        policy: { update: ["policy"] },
        mail: { update: ["filterPolicy", "filterPolicyScope"] },
        queue: { update: ["rawMessageDelivery"] },
      },
      check: async ({ state }) => {
        const { Attributes } = await sns().getSubscriptionAttributes({ SubscriptionArn: state("queue").id });
        assert.equal(Attributes?.RawMessageDelivery, "true");
      },
    },
    {
      name: "takes a filter away again and replaces the subscription of another address",
      program: async () => topic({ displayName: "FitnessCRM P1", address: "second@example.com" }),
      expect: {
        ...steps,
        policy: { update: ["policy"] },
        mail: { replace: ["endpoint"] },
        queue: { update: ["rawMessageDelivery"] },
      },
      check: async ({ state }) => {
        const { Subscriptions = [] } = await sns().listSubscriptionsByTopic({ TopicArn: state("p1").id });
        const addresses = Subscriptions.filter(({ Protocol }) => Protocol === "email").map(
          ({ Endpoint }) => Endpoint,
        );
        assert.deepEqual(addresses, ["second@example.com"]);
      },
    },
    {
      name: "notices what somebody changed or ended",
      drift: async () => {
        const { Topics = [] } = await sns().listTopics({});
        const TopicArn = Topics.find((one) => one.TopicArn?.includes(":p1-"))?.TopicArn;
        await sns().setTopicAttributes({ TopicArn, AttributeName: "DisplayName", AttributeValue: "other" });
        const { Subscriptions = [] } = await sns().listSubscriptionsByTopic({ TopicArn });
        const { SubscriptionArn } = Subscriptions.find(({ Protocol }) => Protocol === "sqs") ?? {};
        await sns().unsubscribe({ SubscriptionArn });
      },
      drifted: { p1: { update: ["displayName"] }, queue: "delete" },
      expect: { ...steps, p1: { update: ["displayName"] }, queue: "create" },
    },
  ],
  gone: async () => {
    const { Topics = [] } = await sns().listTopics({});
    assert.ok(!Topics.some(({ TopicArn }) => TopicArn?.includes(":p1-")));
  },
});
