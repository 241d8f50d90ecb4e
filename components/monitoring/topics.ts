import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ALARM_TAGS, topicName } from "../../alarmCatalogue";
import type { Config, Contact } from "../../config";
import { MANUAL, type Severity } from "../../manual";
import { declareRota, FILTER_SCOPE } from "../../rota";

export interface SeverityTopicsArgs {
  stack: string;
  contacts: Pick<Config["contacts"], "onCall" | "databaseAdmin" | "securityTeam" | "rota" | "webhooks">;
  /** By whose clock the rota goes. */
  timeZone: string;
}

/** Severities that the manual calls critical or a breach: the specialists hear of them at once. */
const TOLD_TO_SPECIALISTS: readonly Severity[] = ["P0", "P1"];

/** Who hears of a severity, and by what. */
interface Subscription {
  /** Tells the topic's subscriptions apart. */
  readonly key: string;
  readonly protocol: string;
  readonly endpoint: string;
  /** What of it; everything where not set. */
  readonly filterPolicy?: string | undefined;
}

/**
 * One SNS topic a severity (M60), with the manual's emergency contacts subscribed (M8). Each engineer of the rota hears of
 * everything that happens while they are on call, by a filter on the time of the alarm (M57, M58); the database admin and the
 * security team hear of P0 and P1, webhooks of everything.
 */
export class SeverityTopics extends pulumi.ComponentResource {
  /** ARN of each severity's topic. */
  readonly arns: Record<Severity, pulumi.Output<string>>;

  constructor(name: string, args: SeverityTopicsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:monitoring:SeverityTopics", name, {}, opts);

    const everybody = rotaSubscriptions(args);
    const arnOf = (severity: Severity): pulumi.Output<string> => {
      const topic = this.createTopic(name, severity, args);
      this.subscribe(`${name}-${severity.toLowerCase()}`, topic, [
        ...everybody,
        ...specialists(severity, args),
        ...webhooks(args),
      ]);
      return topic.arn;
    };
    this.arns = { P0: arnOf("P0"), P1: arnOf("P1"), P2: arnOf("P2"), P3: arnOf("P3") };
    this.registerOutputs({ arns: this.arns });
  }

  private createTopic(name: string, severity: Severity, args: SeverityTopicsArgs): aws.sns.Topic {
    return new aws.sns.Topic(
      `${name}-${severity.toLowerCase()}`,
      {
        name: topicName(args.stack, severity),
        displayName: `FitnessCRM ${severity}: ${MANUAL.severities[severity]}`,
        tags: { [ALARM_TAGS.severity]: severity },
      },
      { parent: this },
    );
  }

  private subscribe(prefix: string, topic: aws.sns.Topic, subscriptions: readonly Subscription[]): void {
    for (const { key, protocol, endpoint, filterPolicy } of subscriptions) {
      new aws.sns.TopicSubscription(
        `${prefix}-${key}`,
        {
          topic: topic.arn,
          protocol,
          endpoint,
          ...(filterPolicy !== undefined && { filterPolicy, filterPolicyScope: FILTER_SCOPE }),
          ...(protocol.startsWith("http") && { endpointAutoConfirms: true }),
        },
        { parent: this },
      );
    }
  }
}

function byEmail({ email }: Contact, filterPolicy?: string): Subscription {
  const address = email.toLowerCase();
  return { key: address, protocol: "email", endpoint: address, filterPolicy };
}

function rotaSubscriptions(args: SeverityTopicsArgs): Subscription[] {
  return declareRota(args).engineers.map(({ engineer, filterPolicy }) => byEmail(engineer, filterPolicy));
}

function specialists(severity: Severity, { contacts }: SeverityTopicsArgs): Subscription[] {
  return TOLD_TO_SPECIALISTS.includes(severity)
    ? [contacts.databaseAdmin, contacts.securityTeam].map((contact) => byEmail(contact))
    : [];
}

/** PagerDuty and its like confirm a subscription themselves; a URL's path often is a key, and no name for a resource. */
function webhooks({ contacts }: SeverityTopicsArgs): Subscription[] {
  return contacts.webhooks.map((url, index) => ({
    key: `webhook-${index + 1}`,
    protocol: url.startsWith("https:") ? "https" : "http",
    endpoint: url,
  }));
}
