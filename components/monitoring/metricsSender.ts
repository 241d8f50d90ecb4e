import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { METRIC_NAMESPACE } from "../../metricNames";

/** Credentials that can send metrics of the stack's namespace and do nothing else. */
export class MetricsSender extends pulumi.ComponentResource {
  readonly key: aws.iam.AccessKey;

  constructor(name: string, args: { stack: string }, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:monitoring:MetricsSender", name, {}, opts);

    const user = new aws.iam.User(
      `fitnesscrm-${args.stack}-${name}`,
      { forceDestroy: true },
      { parent: this },
    );
    new aws.iam.UserPolicy(
      name,
      {
        name: "send",
        user: user.name,
        policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Action: ["cloudwatch:PutMetricData"],
              // Metrics have no ARN: the namespace is what can be narrowed.
              Resource: "*",
              Condition: { StringEquals: { "cloudwatch:namespace": METRIC_NAMESPACE } },
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
