import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ALARM_TAGS, topicName } from "../../alarmCatalogue";
import type { Config, Contact } from "../../config";
import type { EscalationStep } from "../../manual";
import { FILTER_SCOPE } from "../../rota";

export interface EscalationTopicsArgs {
  stack: string;
  escalation: Config["contacts"]["escalation"];
}

/**
 * An alarm that begins its life is set from "not enough data" to OK and says so: nobody of the chain, who never heard of a
 * trouble, wants to hear that there is none.
 */
const TROUBLE_ONLY = JSON.stringify({
  $or: [{ NewStateValue: ["ALARM"] }, { OldStateValue: ["ALARM"] }],
});

/** One SNS topic a step of the chain behind on-call, each with its contact subscribed (M61). */
export class EscalationTopics extends pulumi.ComponentResource {
  /** ARN of each step's topic. */
  readonly arns: Record<EscalationStep, pulumi.Output<string>>;

  constructor(name: string, args: EscalationTopicsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:monitoring:EscalationTopics", name, {}, opts);

    const { engineeringManager, cto, ceo } = args.escalation;
    const arnOf = (step: EscalationStep, contact: Contact): pulumi.Output<string> => {
      const topic = this.createTopic(name, step, args.stack);
      this.subscribe(name, step, topic, contact);
      return topic.arn;
    };
    this.arns = {
      "engineering-manager": arnOf("engineering-manager", engineeringManager),
      cto: arnOf("cto", cto),
      ceo: arnOf("ceo", ceo),
    };
    this.registerOutputs({ arns: this.arns });
  }

  private createTopic(name: string, step: EscalationStep, stack: string): aws.sns.Topic {
    return new aws.sns.Topic(
      `${name}-${step}`,
      {
        name: topicName(stack, step),
        displayName: `FitnessCRM escalation: ${step}`,
        tags: { [ALARM_TAGS.step]: step },
      },
      { parent: this },
    );
  }

  private subscribe(name: string, step: EscalationStep, topic: aws.sns.Topic, { email }: Contact): void {
    new aws.sns.TopicSubscription(
      `${name}-${step}`,
      {
        topic: topic.arn,
        protocol: "email",
        endpoint: email.toLowerCase(),
        filterPolicy: TROUBLE_ONLY,
        filterPolicyScope: FILTER_SCOPE,
      },
      { parent: this },
    );
  }
}
