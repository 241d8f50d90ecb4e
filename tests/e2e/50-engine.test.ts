import assert from "node:assert/strict";
import { addClient, api } from "./support/app";
import { sql } from "./support/docker";
import { cutPower, engineIsNotOurs, startEngine, stopEngineGently } from "./support/engine";
import { mustOnStack, onStack, STACK, startLauncher } from "./support/launcher";
import { destroyStack, ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

describe("the Docker engine going away", function () {
  this.timeout(900_000);

  before(async function () {
    await ensureStack();
    const reason = await engineIsNotOurs();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
  });

  after(destroyStack);
  // An engine that stays away would fail every file after this one, for a reason that is not theirs.
  afterEach(startEngine);

  async function everythingBack(name: string): Promise<void> {
    // By itself: no launcher, no Pulumi.
    await waitFor("the API to answer again", async () => (await api("/api/health")).status === 200, 180);
    await waitFor(
      "every row there",
      async () => (await sql(`select count(*) from clients where name = '${name}'`)) === "1",
    );
    assert.equal(await sql("select count(*) from pg_roles where rolname like 'fitnesscrm_%'"), "5");
    await mustOnStack("preview", "--expect-no-changes");
    // The emulator keeps nothing over a restart; `up` gives it its bucket and alarms again.
    await mustOnStack("up");
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  }

  it("comes back by itself after a restart of the engine, with every row and role", async () => {
    await addClient("Regina Restart");
    await stopEngineGently();
    await startEngine();
    await everythingBack("Regina Restart");
  });

  it("comes back by itself after a power cut, with every row and role", async () => {
    await addClient("Paul Power");
    await cutPower();
    await startEngine();
    await everythingBack("Paul Power");
  });

  it("says so when the engine goes in the middle of an update, and the next up goes on", async () => {
    await addClient("Emil Engine");
    const running = startLauncher(["up", "--stack", STACK, "--set", "app.logLevel=WARNING"]);
    await waitFor("the update to begin", async () => running.output().includes("pulumi up"), 90);
    await cutPower();
    const { code, stderr } = await running.result;
    assert.notEqual(code, 0);
    assert.match(stderr, /docker/i);
    const health = await onStack("health");
    assert.equal(health.code, 1);
    assert.match(health.stdout, /FAIL {2}docker +the Docker engine does not answer/);
    await mustOnStack("up");
    await everythingBack("Emil Engine");
  });
});
