import assert from "node:assert/strict";
import { PREFIXES } from "../../../../bucketLayout";
import { deployments } from "../../../../ops/deployments/command";
import { type DeploymentRecord, deploymentRecord } from "../../../../ops/deployments/record";

const RECORD: DeploymentRecord = {
  attempt: "20261125t231502z-3f9a",
  result: "succeeded",
  startedAt: "2026-11-25T23:15:02.000Z",
  endedAt: "2026-11-25T23:16:40.000Z",
  by: "ada@workstation",
  commit: "0123456789abcdef0123456789abcdef01234567",
  dirty: false,
  backup: null,
  changes: [{ service: "backend", from: null, to: "sha256:1" }],
  gates: [{ name: "before", result: "skipped", seconds: 0, notes: ["nothing runs yet"] }],
  images: { backend: "sha256:1" },
  pinned: null,
};

describe("the record of a deployment", () => {
  it("is taken as it is, with what a newer launcher has to say besides", () => {
    for (const record of [
      RECORD,
      {
        ...RECORD,
        result: "failed",
        reason: "gate after: /api/health answered 502",
        despite: "x",
        pinned: 3,
      },
      { ...RECORD, weather: { rain: true } },
    ]) {
      assert.deepEqual(deploymentRecord.parse(record), record);
    }
  });

  const WRONG: [what: string, change: object, where: string][] = [
    ["an attempt that leaves its prefix", { attempt: "../backups/x" }, "attempt"],
    ["an attempt with a dot", { attempt: "a.b" }, "attempt"],
    ["no attempt", { attempt: "" }, "attempt"],
    ["an attempt that is too long for a key", { attempt: "a".repeat(101) }, "attempt"],
    ["an unknown result", { result: "maybe" }, "result"],
    ["a time that is none", { endedAt: "later" }, "endedAt"],
    ["nobody who deployed", { by: "" }, "by"],
    ["a gate that does not exist", { gates: [{ ...RECORD.gates[0], name: "during" }] }, "gates.0.name"],
    [
      "a gate that ended before it began",
      { gates: [{ ...RECORD.gates[0], seconds: -1 }] },
      "gates.0.seconds",
    ],
    ["an image that is no text", { images: { backend: null } }, "images.backend"],
    ["a backup that is not said", { backup: undefined }, "backup"],
  ];
  for (const [what, change, where] of WRONG) {
    it(`is refused for ${what}`, () => {
      const { error } = deploymentRecord.safeParse({ ...RECORD, ...change });
      assert.deepEqual(
        error?.issues.map(({ path }) => path.join(".")),
        [where],
      );
    });
  }

  it("lies beside the backups, not among them", () => {
    assert.equal(PREFIXES.deployments, "deployments/");
    assert.equal(new Set(Object.values(PREFIXES)).size, Object.keys(PREFIXES).length);
  });
});

describe("the command for records of deployments", () => {
  const run = (...args: string[]) =>
    deployments(
      args,
      {
        settings: { bucket: "none", region: "us-east-1", endpoint: "http://127.0.0.1:9" },
        secrets: "/nowhere",
      },
      "/nowhere",
      async () => assert.fail("the input is read"),
    );

  for (const args of [[], ["get"], ["get", "a", "b"], ["put", "a"], ["list", "a"], ["delete", "a"]]) {
    it(`refuses ${JSON.stringify(args)} with what there is`, async () => {
      await assert.rejects(run(...args), {
        message: "deployments takes put with a record on standard input, get ATTEMPT, or list",
      });
    });
  }

  it("asks for no object outside of its prefix", async () => {
    await assert.rejects(run("get", "../backups/20261125T231502Z-3f9a/manifest"), {
      message:
        '"../backups/20261125T231502Z-3f9a/manifest" is no attempt\'s id such as 20261125t231502z-3f9a',
    });
  });
});
