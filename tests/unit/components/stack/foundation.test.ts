import assert from "node:assert/strict";
import { StackFoundation } from "../../../../components/stack/foundation";
import { countByType, only, type Recorded, record } from "../../../support/mocks";

describe("what stands still below the services", () => {
  let resources: Recorded[];
  before(async () => {
    resources = (
      await record(
        "unit",
        () => new StackFoundation("foundation", { stack: "unit", drills: false, certificates: false }),
      )
    ).resources;
  });

  it("is an overlay network with a fixed name", () => {
    assert.deepEqual(only(resources, "docker:index/network:Network").inputs, {
      name: "fitnesscrm-unit",
      driver: "overlay",
      labels: [{ label: "fitnesscrm.stack", value: "unit" }],
    });
  });

  for (const volume of [
    "postgres",
    "redis",
    "uploads",
    "backups",
    "restore",
    "edge-log",
    "engine",
    "engine-logs",
    "pages",
  ]) {
    it(`is the volume ${volume} with a fixed name`, () => {
      assert.deepEqual(only(resources, "docker:index/volume:Volume", volume).inputs, {
        name: `fitnesscrm-unit-${volume}`,
        labels: [{ label: "fitnesscrm.stack", value: "unit" }],
      });
    });

    it(`never replaces the volume ${volume} for labels that the engine did not give it`, () => {
      assert.deepEqual(only(resources, "docker:index/volume:Volume", volume).ignoreChanges, ["labels"]);
    });
  }

  it("has a small file system in memory beside them where there are fire drills, which a destroy may take along", async () => {
    const drills = await record(
      "unit",
      () => new StackFoundation("foundation", { stack: "unit", drills: true, certificates: false }),
    );
    const disk = only(drills.resources, "docker:index/volume:Volume", "drill-disk");
    assert.deepEqual(disk.inputs, {
      name: "fitnesscrm-unit-drill-disk",
      driver: "local",
      driverOpts: { type: "tmpfs", device: "tmpfs", o: "size=16m" },
      labels: [{ label: "fitnesscrm.stack", value: "unit" }],
    });
    assert.equal(disk.protect, false);
  });

  it("has the edge's certificate beside them where TLS ends there, protected like the rest", async () => {
    const { resources: found } = await record(
      "unit",
      () => new StackFoundation("foundation", { stack: "unit", drills: false, certificates: true }),
    );
    const volume = only(found, "docker:index/volume:Volume", "certificates");
    assert.equal(volume.inputs.name, "fitnesscrm-unit-certificates");
    assert.equal(volume.protect, true);
  });

  it("is protected, and nothing else belongs to it", () => {
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:stack:Foundation": 1,
      "docker:index/network:Network": 1,
      "docker:index/volume:Volume": 9,
    });
    const own = only(resources, "fitnesscrm:stack:Foundation").urn;
    for (const resource of resources.filter(({ custom }) => custom)) {
      assert.equal(resource.protect, true, resource.name);
      assert.equal(resource.parent, own, resource.name);
    }
  });
});
