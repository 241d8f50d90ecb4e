import assert from "node:assert/strict";
import { pinRefusal } from "../../../../cli/deploy/refusal";
import { describeServing } from "../../../../cli/deploy/serving";

const LIVE = {
  attempt: "20260301t120000z-0a1b",
  commit: "0123456789abcdef0123456789abcdef01234567",
  images: { backend: "sha256:b1", frontend: "sha256:f1", nginx: "sha256:n1", db: "sha256:d1" },
  services: {},
};
const NOW = { backend: "sha256:b1", frontend: "sha256:f1", nginx: "sha256:n1" };

describe("what serves after an update that failed", () => {
  it("is the release before when nothing that users talk to has changed", () => {
    assert.equal(
      describeServing({ attempt: "new" }, LIVE, NOW, "local"),
      "the release before (commit 0123456789ab) serves",
    );
  });

  it("is named by its attempt where there is no commit", () => {
    assert.equal(
      describeServing({ attempt: "new" }, { ...LIVE, commit: null }, NOW, "local"),
      "the release before (attempt 20260301t120000z-0a1b) serves",
    );
  });

  it("names the parts that are of the failed attempt, and the way back", () => {
    assert.equal(
      describeServing({ attempt: "new" }, LIVE, { ...NOW, backend: "sha256:b2" }, "prod"),
      "backend of this attempt (new) serves: ./fitnesscrm rollback --stack prod brings the release before (commit 0123456789ab) back",
    );
    assert.match(
      describeServing({ attempt: "new" }, LIVE, { ...NOW, backend: "x", nginx: "y" }, "local"),
      /^backend and nginx of this attempt \(new\) serve: \.\/fitnesscrm rollback brings/,
    );
  });
});

describe("a deployment while a rollback holds a release", () => {
  it("is refused with who holds it, since when, and what lifts it", () => {
    const pin = { version: 12, commit: LIVE.commit, by: "ada@workstation", at: "2026-03-01T12:00:00Z" };
    assert.equal(
      pinRefusal(pin, "prod"),
      "stack prod is held at release 12 (commit 0123456789ab) by the rollback of ada@workstation at 2026-03-01T12:00:00Z: " +
        "./fitnesscrm unpin --stack prod lifts it, --keep-pin changes everything but the release",
    );
    assert.match(
      pinRefusal({ ...pin, commit: null }, "local"),
      /at release 12 by .*: \.\/fitnesscrm unpin lifts it/,
    );
  });
});
