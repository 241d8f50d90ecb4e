import type { SNS, Subscription } from "@aws-sdk/client-sns";
import { ESCALATION_STEPS, SEVERITIES } from "../../manual";
import { get } from "../http";

/** A subscription to one of a stack's topics. */
export interface FoundSubscription {
  topic: string;
  protocol: string;
  endpoint: string;
  confirmed: boolean;
}

/** What SNS shows in the place of an ARN until somebody has followed the link in the first mail. */
const PENDING = "PendingConfirmation";

export async function subscriptionsOf(sns: SNS, stack: string): Promise<FoundSubscription[]> {
  return (await rawSubscriptions(sns, stack)).map((one) => ({
    topic: topicOf(one),
    protocol: one.Protocol ?? "",
    endpoint: one.Endpoint ?? "",
    confirmed: one.SubscriptionArn !== PENDING,
  }));
}

async function rawSubscriptions(sns: SNS, stack: string): Promise<Subscription[]> {
  const topics = new Set(
    [...SEVERITIES, ...ESCALATION_STEPS].map((of) => `fitnesscrm-${stack}-${of.toLowerCase()}`),
  );
  const found: Subscription[] = [];
  let NextToken: string | undefined;
  do {
    const page = await sns.listSubscriptions(NextToken === undefined ? {} : { NextToken });
    found.push(...(page.Subscriptions ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return found.filter((one) => topics.has(topicOf(one)));
}

function topicOf({ TopicArn = "" }: Subscription): string {
  return TopicArn.split(":").at(-1) ?? "";
}

/**
 * Confirms the addresses of a local stack, to which nobody can send the mail with the link: the emulator sends none, and shows the
 * link's token on a page of its own.
 *
 * @returns How many were confirmed.
 */
export async function confirmSubscriptions(sns: SNS, endpoint: string, stack: string): Promise<number> {
  const pending = (await rawSubscriptions(sns, stack)).filter(({ SubscriptionArn, Protocol }) => {
    return SubscriptionArn === PENDING && Protocol === "email";
  });
  for (const { TopicArn, Protocol, Endpoint } of pending) {
    // Subscribing what is subscribed changes nothing and tells its ARN, which the list does not.
    const { SubscriptionArn } = await sns.subscribe({
      TopicArn,
      Protocol,
      Endpoint,
      ReturnSubscriptionArn: true,
    });
    const { body } = await get(`${endpoint}/_aws/sns/subscription-tokens/${SubscriptionArn}`, 5);
    const { subscription_token: Token } = JSON.parse(body) as { subscription_token?: string };
    await sns.confirmSubscription({ TopicArn, Token });
  }
  return pending.length;
}
