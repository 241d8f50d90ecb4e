import assert from "node:assert/strict";
import { MetricsSender } from "../../../../components/monitoring/metricsSender";
import { countByType, only, outputValue, record } from "../../../support/mocks";

describe("the credentials of what sends metrics", () => {
  it("can send metrics of the stack's namespace, and do nothing else", async () => {
    const { resources, result } = await record("unit", () => new MetricsSender("metrics", { stack: "unit" }));
    assert.deepEqual(JSON.parse(String(only(resources, "aws:iam/userPolicy:UserPolicy").inputs.policy)), {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: ["cloudwatch:PutMetricData"],
          Resource: "*",
          Condition: { StringEquals: { "cloudwatch:namespace": "FitnessCRM" } },
        },
      ],
    });
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:monitoring:MetricsSender": 1,
      "aws:iam/user:User": 1,
      "aws:iam/userPolicy:UserPolicy": 1,
      "aws:iam/accessKey:AccessKey": 1,
    });
    assert.equal(await outputValue(result.key.user), "fitnesscrm-unit-metrics-1234567");
  });
});
