/** SNS keeps most settings as a map of strings; these tables say which property is which attribute. */

export interface Attribute {
  readonly property: string;
  readonly name: string;
  readonly type: "string" | "boolean" | "number";
}

type Table = Readonly<Record<string, string>>;

function table(type: Attribute["type"], names: Table): Attribute[] {
  return Object.entries(names).map(([property, name]) => ({ property, name, type }));
}

/** Delivery feedback, the same three settings for each kind of endpoint. */
const FEEDBACK: Table = {
  application: "Application",
  firehose: "Firehose",
  http: "HTTP",
  lambda: "Lambda",
  sqs: "SQS",
};
const feedback = Object.entries(FEEDBACK).flatMap(([property, name]) => [
  ...table("string", {
    [`${property}FailureFeedbackRoleArn`]: `${name}FailureFeedbackRoleArn`,
    [`${property}SuccessFeedbackRoleArn`]: `${name}SuccessFeedbackRoleArn`,
  }),
  ...table("number", { [`${property}SuccessFeedbackSampleRate`]: `${name}SuccessFeedbackSampleRate` }),
]);

export const TOPIC_ATTRIBUTES: readonly Attribute[] = [
  ...feedback,
  ...table("string", {
    archivePolicy: "ArchivePolicy",
    deliveryPolicy: "DeliveryPolicy",
    displayName: "DisplayName",
    fifoThroughputScope: "FifoThroughputScope",
    kmsMasterKeyId: "KmsMasterKeyId",
    policy: "Policy",
    tracingConfig: "TracingConfig",
  }),
  ...table("boolean", { contentBasedDeduplication: "ContentBasedDeduplication", fifoTopic: "FifoTopic" }),
  ...table("number", { signatureVersion: "SignatureVersion" }),
];

export const SUBSCRIPTION_ATTRIBUTES: readonly Attribute[] = [
  ...table("string", {
    deliveryPolicy: "DeliveryPolicy",
    filterPolicy: "FilterPolicy",
    filterPolicyScope: "FilterPolicyScope",
    redrivePolicy: "RedrivePolicy",
    replayPolicy: "ReplayPolicy",
    subscriptionRoleArn: "SubscriptionRoleArn",
  }),
  ...table("boolean", { rawMessageDelivery: "RawMessageDelivery" }),
];

/** The attributes of the properties that are set and not false, which is what every switch is from the start. */
export function toAttributes(
  attributes: readonly Attribute[],
  bag: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const set = attributes.filter(({ property }) => bag[property] !== undefined && bag[property] !== false);
  return Object.fromEntries(set.map(({ property, name }) => [name, String(bag[property])]));
}

/** The attributes to write to get from one bag of properties to another; one that is unset becomes empty. */
export function attributeChanges(
  attributes: readonly Attribute[],
  old: Readonly<Record<string, unknown>>,
  news: Readonly<Record<string, unknown>>,
): { name: string; value: string }[] {
  return attributes
    .filter(({ property }) => (old[property] ?? "") !== (news[property] ?? ""))
    .map(({ property, name }) => ({ name, value: String(news[property] ?? "") }));
}

/** The properties that a service's attributes stand for; what it does not report is left out. */
export function fromAttributes(
  attributes: readonly Attribute[],
  live: Readonly<Record<string, string>>,
): Record<string, string | number | boolean> {
  const found: Record<string, string | number | boolean> = {};
  for (const { property, name, type } of attributes) {
    const text = live[name];
    if (type === "boolean") found[property] = text === "true";
    else if (text !== undefined && text !== "") found[property] = type === "number" ? Number(text) : text;
  }
  return found;
}
