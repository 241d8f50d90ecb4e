import assert from "node:assert/strict";
import { DockerHost, type StackServiceInfo } from "../../../cli/docker";
import { endDatabase } from "../../../cli/endDatabase";
import type { RunResult } from "../../../cli/exec";

class FakeDocker extends DockerHost {
  readonly asked: string[] = [];
  constructor(
    private readonly names: string[],
    private readonly containers: string,
    private readonly killCode = 0,
  ) {
    super("");
  }

  override async services(): Promise<StackServiceInfo[]> {
    return this.names.map((service) => ({
      id: service,
      name: `fitnesscrm-unit-${service}`,
      service,
      publishedPorts: [],
    }));
  }

  override async runChecked(_what: string, args: readonly string[]): Promise<string> {
    this.asked.push(args.join(" "));
    return args[1] === "ls" ? this.containers : "";
  }

  override async run(args: readonly string[]): Promise<RunResult> {
    this.asked.push(args.join(" "));
    return { code: this.killCode, stdout: "", stderr: "" };
  }
}

describe("a database whose data and archive are to be gone", () => {
  const scale = "service scale --detach fitnesscrm-unit-db=0";
  const list =
    "container ls --quiet --filter label=fitnesscrm.stack=unit --filter label=fitnesscrm.service=db";

  it("is not started again, and is then killed", async () => {
    const docker = new FakeDocker(["backend", "db"], "abc\n");
    await endDatabase(docker, "unit");
    assert.deepEqual(docker.asked, [scale, list, "container kill abc"]);
  });

  it("may have ended by itself", async () => {
    for (const docker of [new FakeDocker(["db"], ""), new FakeDocker(["db"], "abc\n", 1)]) {
      await endDatabase(docker, "unit");
      assert.deepEqual(docker.asked.slice(0, 2), [scale, list]);
    }
  });

  it("may not be there: no other service is touched", async () => {
    const docker = new FakeDocker(["backend", "redis"], "abc\n");
    await endDatabase(docker, "unit");
    assert.deepEqual(docker.asked, []);
  });
});
