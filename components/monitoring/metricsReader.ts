import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Credentials that can read metrics and alarms, for reports, and do nothing else. */
export class MetricsReader extends pulumi.ComponentResource {
  readonly key: aws.iam.AccessKey;

  constructor(name: string, args: { stack: string }, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:monitoring:MetricsReader", name, {}, opts);

    const user = new aws.iam.User(
      `fitnesscrm-${args.stack}-${name}`,
      { forceDestroy: true },
      { parent: this },
    );
    new aws.iam.UserPolicy(
      name,
      {
        name: "read",
        user: user.name,
        policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Action: ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"],
              // Reading metrics cannot be narrowed to a namespace.
              Resource: "*",
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
