import assert from "node:assert/strict";
import { containersOf, docker, serviceName } from "./support/docker";
import { mustOnStack, onStack } from "./support/launcher";
import { ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

interface Health {
  healthy: boolean;
  components: { name: string; healthy: boolean; reason: string }[];
}

async function health(): Promise<{ code: number; health: Health }> {
  const { code, stdout } = await onStack("health", "--json");
  return { code, health: JSON.parse(stdout) as Health };
}

async function unwell(name: string): Promise<string | undefined> {
  const { code, health: answer } = await health();
  const component = answer.components.find((each) => each.name === name);
  return code === 1 && component?.healthy === false ? component.reason : undefined;
}

async function wellAgain(): Promise<void> {
  await waitFor("every part healthy again", async () => (await health()).health.healthy, 120);
}

describe("health, with each part broken in turn (M5)", function () {
  this.timeout(600_000);

  before(ensureStack);
  afterEach(async () => {
    await mustOnStack("up");
    await wellAgain();
  });

  for (const service of ["db", "redis", "backend", "frontend", "nginx", "ops", "restore"]) {
    it(`names ${service} when it does not run`, async () => {
      await docker("service", "update", "--quiet", "--detach", "--replicas", "0", serviceName(service));
      const reason = await waitFor(`health to name ${service}`, () => unwell(service));
      assert.match(reason, /stopped \(0 tasks wanted\)/);
    });
  }

  for (const service of ["agent", "engine"]) {
    it(`names ${service} when no node runs it`, async () => {
      await docker(
        "service",
        "update",
        "--quiet",
        "--detach",
        "--constraint-add",
        "node.labels.fitnesscrm.down==true",
        serviceName(service),
      );
      await waitFor(`health to name ${service}`, () => unwell(service));
    });
  }

  it("says what the health check of a frozen backend says", async () => {
    const frozen = await containersOf("backend");
    for (const container of frozen) {
      await docker("container", "pause", container);
    }
    try {
      const reason = await waitFor("health to name the backend", () => unwell("api"), 90);
      assert.match(reason, /api\/health (does not answer|answers 50)/);
    } finally {
      for (const container of frozen) {
        // The engine may have replaced it meanwhile, which is what it is for.
        await docker("container", "unpause", container).catch(() => undefined);
      }
    }
  });

  for (const role of ["aws", "mailbox"]) {
    it(`names the ${role} helper when it does not run`, async () => {
      await docker("container", "pause", serviceName(role));
      try {
        const reason = await waitFor(`health to name ${role}`, () => unwell(role));
        assert.match(reason, /does not answer/);
      } finally {
        await docker("container", "unpause", serviceName(role));
      }
    });
  }
});
