import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveRelease, noteRelease } from "../../../../ops/deployments/live";

describe("the release that backups name", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fitnesscrm-live-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is not known before a deployment has succeeded", async () => {
    assert.equal(await liveRelease(folder), "unknown");
    await noteRelease(folder, { result: "failed", images: { backend: "sha256:1" } });
    assert.equal(await liveRelease(folder), "unknown");
  });

  it("is that of the last deployment that succeeded", async () => {
    await noteRelease(folder, { result: "succeeded", images: { backend: "sha256:1" } });
    await noteRelease(folder, { result: "failed", images: { backend: "sha256:2" } });
    assert.equal(await liveRelease(folder), "sha256:1");
    await noteRelease(folder, { result: "succeeded", images: { backend: "sha256:3" } });
    assert.equal(await liveRelease(folder), "sha256:3");
  });
});
