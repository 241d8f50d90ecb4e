import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/**
 * The address that notices and reports come from, and credentials that can send from it and do nothing else.
 *
 * Amazon asks the address by mail whether it agrees; until somebody follows the link, nothing is sent. An account in Amazon's
 * sandbox sends to addresses that agreed as well, and to no others.
 */
export class MailSender extends pulumi.ComponentResource {
  readonly key: aws.iam.AccessKey;

  constructor(name: string, args: { stack: string; from: string }, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:operations:MailSender", name, {}, opts);

    const identity = new aws.ses.EmailIdentity(
      name,
      { email: args.from },
      // Stacks that send from the same address share it, and mail of the account may need it without them.
      { parent: this, retainOnDelete: true },
    );
    const user = new aws.iam.User(
      `fitnesscrm-${args.stack}-${name}`,
      { forceDestroy: true },
      { parent: this },
    );
    new aws.iam.UserPolicy(
      name,
      {
        name: "send-mail",
        user: user.name,
        policy: identity.arn.apply((arn) =>
          JSON.stringify({
            Version: "2012-10-17",
            Statement: [
              {
                Effect: "Allow",
                Action: ["ses:SendRawEmail"],
                Resource: arn,
                Condition: { StringEquals: { "ses:FromAddress": args.from } },
              },
            ],
          }),
        ),
      },
      { parent: this },
    );
    this.key = new aws.iam.AccessKey(name, { user: user.name }, { parent: this });
    this.registerOutputs({ user: user.name });
  }
}
