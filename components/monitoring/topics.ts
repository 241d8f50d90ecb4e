import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Contact } from "../../config";
import { MANUAL, type Severity } from "../../manual";

export interface SeverityTopicsArgs {
  stack: string;
  contacts: {
    onCall: readonly Contact[];
    databaseAdmin: Contact;
    securityTeam: Contact;
  };
}

/** Tag of a topic or an alarm: its severity. The policy pack reads it. */
export const SEVERITY_TAG = "fitnesscrm:severity";

/** Severities that the manual calls critical or a breach: the specialists hear of them at once. */
const TOLD_TO_SPECIALISTS: readonly Severity[] = ["P0", "P1"];

/**
 * One SNS topic a severity (M60), with the manual's emergency contacts subscribed (M8): on-call hears of everything, the
 * database admin and the security team of P0 and P1.
 */
export class SeverityTopics extends pulumi.ComponentResource {
  /** ARN of each severity's topic. */
  readonly arns: Record<Severity, pulumi.Output<string>>;

  constructor(name: string, args: SeverityTopicsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:monitoring:SeverityTopics", name, {}, opts);

    const arnOf = (severity: Severity): pulumi.Output<string> => {
      const topic = this.createTopic(name, severity, args);
      this.subscribe(name, severity, topic, args);
      return topic.arn;
    };
    this.arns = { P0: arnOf("P0"), P1: arnOf("P1"), P2: arnOf("P2"), P3: arnOf("P3") };
    this.registerOutputs({ arns: this.arns });
  }

  private createTopic(name: string, severity: Severity, args: SeverityTopicsArgs): aws.sns.Topic {
    return new aws.sns.Topic(
      `${name}-${severity.toLowerCase()}`,
      {
        name: `fitnesscrm-${args.stack}-${severity.toLowerCase()}`,
        displayName: `FitnessCRM ${severity}: ${MANUAL.severities[severity]}`,
        tags: { [SEVERITY_TAG]: severity },
      },
      { parent: this },
    );
  }

  private subscribe(name: string, severity: Severity, topic: aws.sns.Topic, args: SeverityTopicsArgs): void {
    for (const address of recipients(severity, args.contacts)) {
      new aws.sns.TopicSubscription(
        `${name}-${severity.toLowerCase()}-${address}`,
        { topic: topic.arn, protocol: "email", endpoint: address },
        { parent: this },
      );
    }
  }
}

/** Addresses that hear of a severity, each once: SNS treats a second subscription of an address as the first. */
export function recipients(severity: Severity, contacts: SeverityTopicsArgs["contacts"]): string[] {
  const specialists = TOLD_TO_SPECIALISTS.includes(severity)
    ? [contacts.databaseAdmin, contacts.securityTeam]
    : [];
  return [...new Set([...contacts.onCall, ...specialists].map(({ email }) => email.toLowerCase()))];
}
