import assert from "node:assert/strict";
import { ScheduledTasks } from "../../../../components/operations/scheduledTasks";
import { taskDefinitions } from "../../../../tasks";
import { countByType, only, outputValue, record } from "../../../support/mocks";

describe("the operations calendar", () => {
  it("is one file with the zone and every task, which a change replaces by another", async () => {
    const { resources, result } = await record(
      "unit",
      () =>
        new ScheduledTasks("tasks", {
          stack: "unit",
          timeZone: "Europe/Vienna",
          tasks: taskDefinitions(),
        }),
    );
    const { data } = only(resources, "docker:index/serviceConfig:ServiceConfig").inputs;
    assert.deepEqual(JSON.parse(Buffer.from(String(data), "base64").toString()), {
      timeZone: "Europe/Vienna",
      tasks: taskDefinitions(),
    });
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:operations:ScheduledTasks": 1,
      "docker:index/serviceConfig:ServiceConfig": 1,
    });
    assert.deepEqual(await outputValue(result.names), [
      "backup",
      "log-archive",
      "report-morning",
      "report-security",
      "report-errors",
      "report-tables",
      "report-performance",
      "restore-drill",
      "maintenance-notice",
      "maintenance-window",
    ]);
  });
});
