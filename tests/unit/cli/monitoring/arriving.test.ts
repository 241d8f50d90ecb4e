import assert from "node:assert/strict";
import type { GetMetricStatisticsCommandOutput } from "@aws-sdk/client-cloudwatch";
import { metricsArrive } from "../../../../cli/monitoring/arriving";
import { BACKUP_METRICS, METRICS } from "../../../../metricNames";

const PERIOD = 1;

/** CloudWatch that knows of each metric its lowest values, the newest last and of the period before this one. */
function cloudwatch(values: () => Partial<Record<string, number[]>>) {
  const asked: string[] = [];
  return {
    asked,
    getMetricStatistics: async ({ MetricName = "" }): Promise<GetMetricStatisticsCommandOutput> => {
      asked.push(MetricName);
      const found = values()[MetricName] ?? [];
      return {
        $metadata: {},
        Datapoints: found.map((Minimum, index) => ({
          Timestamp: new Date(Date.now() - (found.length - index) * PERIOD * 1000),
          Minimum,
        })),
      };
    },
  };
}

const arrives = (values: () => Partial<Record<string, number[]>>): Promise<boolean> =>
  metricsArrive(cloudwatch(values) as never, "unit", PERIOD, 1);

describe("the metrics of a new stack", () => {
  const all = {
    [METRICS.silence]: [0],
    [BACKUP_METRICS["backup-age"]]: [12],
    [METRICS.serviceDown]: [1, 1, 0],
  };

  it("arrive once the agent's, ops's and the edge's are there and say that it serves", async () => {
    assert.equal(await arrives(() => all), true);
  });

  it("are waited for while it does not serve yet", async () => {
    let questions = 0;
    assert.equal(
      await arrives(() => ({ ...all, [METRICS.serviceDown]: questions++ < 3 ? [1] : [1, 0] })),
      true,
    );
    assert.ok(questions > 3);
  });

  it("are not waited for for ever", async () => {
    assert.equal(await arrives(() => ({ [METRICS.silence]: [0] })), false);
  });
});
