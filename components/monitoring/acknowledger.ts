import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Credentials that look after a stack's acknowledged alarms (M59) and can do nothing else. */
export class Acknowledger extends pulumi.ComponentResource {
  readonly key: aws.iam.AccessKey;

  constructor(name: string, args: { stack: string }, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:monitoring:Acknowledger", name, {}, opts);

    const user = new aws.iam.User(
      `fitnesscrm-${args.stack}-${name}`,
      { forceDestroy: true },
      { parent: this },
    );
    new aws.iam.UserPolicy(
      name,
      {
        name: "acknowledge",
        user: user.name,
        policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            // Alarms are listed all or none.
            { Effect: "Allow", Action: ["cloudwatch:DescribeAlarms"], Resource: "*" },
            {
              Effect: "Allow",
              Action: [
                "cloudwatch:EnableAlarmActions",
                "cloudwatch:ListTagsForResource",
                "cloudwatch:UntagResource",
              ],
              Resource: `arn:*:cloudwatch:*:*:alarm:fitnesscrm-${args.stack}-*`,
            },
          ],
        }),
      },
      { parent: this },
    );
    this.key = new aws.iam.AccessKey(name, { user: user.name }, { parent: this });
    this.registerOutputs({ user: user.name });
  }
}
