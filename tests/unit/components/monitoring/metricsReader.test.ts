import assert from "node:assert/strict";
import { MetricsReader } from "../../../../components/monitoring/metricsReader";
import { countByType, only, outputValue, record } from "../../../support/mocks";

describe("the credentials of what reads metrics", () => {
  it("can read metrics and alarms, and change nothing", async () => {
    const { resources, result } = await record(
      "unit",
      () => new MetricsReader("metrics-reader", { stack: "unit" }),
    );
    assert.deepEqual(JSON.parse(String(only(resources, "aws:iam/userPolicy:UserPolicy").inputs.policy)), {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"],
          Resource: "*",
        },
      ],
    });
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:monitoring:MetricsReader": 1,
      "aws:iam/user:User": 1,
      "aws:iam/userPolicy:UserPolicy": 1,
      "aws:iam/accessKey:AccessKey": 1,
    });
    assert.equal(await outputValue(result.key.user), "fitnesscrm-unit-metrics-reader-1234567");
  });
});
