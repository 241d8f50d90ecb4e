import assert from "node:assert/strict";
import * as aws from "@pulumi/aws";
import { declareRota, onCallAt, type RotaSettings, stateChangeTime } from "../../../rota";
import {
  awsConfig,
  createQueue,
  sentMails,
  sns,
  startEmulator,
  stopEmulator,
  takeMessages,
} from "./aws-emulator";
import { conformance } from "./harness";

const suite = { plugins: ["aws" as const], config: awsConfig, before: startEmulator, after: stopEmulator };

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

/** The program's own rota, over both changes of the clocks and with a swap. */
const ROTA: RotaSettings = {
  contacts: {
    onCall: ["ada", "ben"].map((name) => ({ name, email: `${name}@example.com` })),
    rota: {
      from: "2026-01-02",
      plannedFrom: "2026-10-16",
      overrides: [{ engineer: "ben", from: "2026-10-24T00:00", until: "2026-10-25T12:00" }],
    },
  },
  timeZone: "America/New_York",
};

/** Around handoffs, the swap's edges and the change of the clocks. */
const MOMENTS = [
  "2026-10-16T21:00:00.000Z",
  "2026-10-23T20:59:59.999Z",
  "2026-10-23T21:00:00.000Z",
  "2026-10-24T03:59:59.000Z",
  "2026-10-24T04:00:00.000Z",
  "2026-10-25T16:00:00.000Z",
  "2026-11-01T05:30:00.123Z",
  "2026-11-06T21:59:59.999Z",
  "2026-11-06T22:00:00.000Z",
].map((iso) => new Date(iso));

const queues: Record<string, string> = {};

/** A topic with a queue and an address a name; no filter policy means everything. */
function rotaTopic(): void {
  const { arn } = new aws.sns.Topic("rota", {});
  const everybody = [
    ...declareRota(ROTA).engineers.map(
      ({ engineer, filterPolicy }) => [engineer.name, filterPolicy] as const,
    ),
    ["dee", undefined] as const,
  ];
  for (const [name, filterPolicy] of everybody) {
    const filter = filterPolicy !== undefined && { filterPolicy, filterPolicyScope: "MessageBody" };
    new aws.sns.TopicSubscription(`mail-${name}`, {
      topic: arn,
      protocol: "email",
      endpoint: `${name}@example.com`,
      ...filter,
    });
    new aws.sns.TopicSubscription(`queue-${name}`, {
      topic: arn,
      protocol: "sqs",
      endpoint: queues[name] ?? "",
      rawMessageDelivery: true,
      ...filter,
    });
  }
}

const NAMES = ["ada", "ben", "dee"];
const rotaMembers = NAMES.flatMap((name) => [`mail-${name}`, `queue-${name}`]);

/** Publishes what CloudWatch would at these moments, and says what reached whom. */
async function publish(TopicArn: string): Promise<void> {
  for (const at of MOMENTS) {
    const Message = JSON.stringify({
      AlarmName: "conf",
      NewStateValue: "ALARM",
      StateChangeTime: stateChangeTime(at),
    });
    await sns().publish({ TopicArn, Message, Subject: "conf" });
  }
}

async function until<T>(what: string, read: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + 30_000;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    assert.ok(Date.now() < end, `not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const timesIn = (texts: readonly string[]) =>
  texts.flatMap((text) => /"StateChangeTime": ?"([^"]+)"/.exec(text)?.[1] ?? []).sort();

conformance({
  ...suite,
  title: "aws.sns, a rota by filter policies",
  before: async () => {
    await startEmulator();
    for (const name of NAMES) queues[name] = await createQueue(`conf-rota-${name}`);
  },
  steps: [
    {
      name: "hands each page to the engineer who is on call, by queue and by mail, and all of them to who has no filter",
      program: async () => rotaTopic(),
      expect: Object.fromEntries(["rota", ...rotaMembers].map((name) => [name, "create" as const])),
      check: async ({ state }) => {
        await publish(state("rota").id);
        const received: Record<string, string[]> = Object.fromEntries(NAMES.map((name) => [name, []]));
        for (const name of NAMES) {
          const wanted = MOMENTS.filter((at) => name === "dee" || onCallAt(at, ROTA).engineer.name === name)
            .map(stateChangeTime)
            .sort();
          assert.ok(wanted.length > 2 && (name === "dee" || wanted.length < MOMENTS.length));
          await until(`messages for ${name}`, async () => {
            received[name]?.push(...(await takeMessages(queues[name] ?? "")));
            return (received[name]?.length ?? 0) >= wanted.length ? true : undefined;
          });
          assert.deepEqual(timesIn(received[name] ?? []), wanted, `queue of ${name}`);
          const mails = await until(`mail for ${name}`, async () => {
            const texts = (await sentMails())
              .filter(({ to }) => to === `${name}@example.com`)
              .map(({ text }) => text);
            return timesIn(texts).length >= wanted.length ? texts : undefined;
          });
          assert.deepEqual(timesIn(mails), wanted, `mail of ${name}`);
        }
      },
    },
    {
      name: "notices a filter that somebody changed or took away",
      drift: async () => {
        const { Topics = [] } = await sns().listTopics({});
        const TopicArn = Topics.find((one) => one.TopicArn?.includes(":rota-"))?.TopicArn;
        const { Subscriptions = [] } = await sns().listSubscriptionsByTopic({ TopicArn });
        const queueOf = (name: string) =>
          Subscriptions.find(({ Endpoint }) => Endpoint === queues[name])?.SubscriptionArn;
        await sns().setSubscriptionAttributes({
          SubscriptionArn: queueOf("ada"),
          AttributeName: "FilterPolicy",
          AttributeValue: JSON.stringify({ StateChangeTime: [{ prefix: "2031" }] }),
        });
        await sns().setSubscriptionAttributes({
          SubscriptionArn: queueOf("ben"),
          AttributeName: "FilterPolicy",
          AttributeValue: "{}",
        });
      },
      drifted: { "queue-ada": { update: ["filterPolicy"] }, "queue-ben": { update: ["filterPolicy"] } },
      expect: {
        ...Object.fromEntries(["rota", ...rotaMembers].map((name) => [name, "same" as const])),
        "queue-ada": { update: ["filterPolicy"] },
        "queue-ben": { update: ["filterPolicy"] },
      },
      check: async ({ state }) => {
        const { Attributes } = await sns().getSubscriptionAttributes({
          SubscriptionArn: state("queue-ben").id,
        });
        assert.equal(Attributes?.FilterPolicy, declareRota(ROTA).engineers[1]?.filterPolicy);
      },
    },
  ],
  gone: async () => {
    const { Topics = [] } = await sns().listTopics({});
    assert.ok(!Topics.some(({ TopicArn }) => TopicArn?.includes(":rota-")));
  },
});
