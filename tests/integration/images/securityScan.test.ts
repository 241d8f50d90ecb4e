import assert from "node:assert/strict";
import { DockerHost } from "../../../cli/docker";
import { lookAtImage } from "../../../cli/security/look";
import { docker, image } from "./sandbox";

describe("the look into an image's packages", function () {
  this.timeout(300_000);
  const host = new DockerHost("");
  /** A stack's name of the test's own: its containers are counted. */
  const stack = `scantest-${process.pid}`;

  afterEach(async () => {
    assert.equal(
      await docker(["container", "ls", "--all", "--quiet", "--filter", `label=fitnesscrm.scan=${stack}`]),
      "",
      "a container is left",
    );
  });

  it("finds a fix that its security archive has, as whoever the image runs", async () => {
    const look = await lookAtImage(host, stack, await image("tests/integration/images/outdated"));
    assert.ok(look.state === "looked", JSON.stringify(look));
    assert.equal(look.warning, undefined);
    assert.ok(look.packages > 50, `${look.packages} packages`);
    assert.deepEqual(
      look.updates.map(({ name, fixed, security }) => ({ name, fixed, security })),
      [{ name: "bash", fixed: "99:1", security: true }],
    );
    assert.match(look.updates[0]?.installed ?? "", /^5\./);
    assert.match(look.system, /^Debian GNU\/Linux 13/);
  });

  it("says that an archive is away, instead of that nothing is missing", async () => {
    const look = await lookAtImage(
      host,
      stack,
      await image("tests/integration/images/outdated", { buildArgs: { AWAY: "http://127.0.0.1:9/debian" } }),
    );
    assert.ok(look.state === "failed", JSON.stringify(look));
    assert.match(look.reason, /^its package archives cannot be reached: Failed to fetch … /);
  });

  it("compares an image of this project with the archives that it was made from", async () => {
    const look = await lookAtImage(host, stack, await image("images/redis"));
    assert.ok(look.state === "looked", JSON.stringify(look));
    assert.ok(look.packages > 50, `${look.packages} packages`);
  });

  it("finds nothing that the base of an image refresh lacks (M13)", async () => {
    const base = await image("images/base", { buildArgs: { PACKAGES: new Date().toISOString() } });
    const look = await lookAtImage(host, stack, base);
    assert.ok(look.state === "looked", JSON.stringify(look));
    assert.deepEqual(look.updates, []);
  });

  it("says that an image is not there", async () => {
    assert.deepEqual(await lookAtImage(host, stack, `sha256:${"0".repeat(64)}`), {
      state: "failed",
      reason: "it is not on this Docker host",
    });
  });
});
