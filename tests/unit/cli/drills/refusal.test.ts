import assert from "node:assert/strict";
import { escalationRefusalOf, refusalOf } from "../../../../cli/drills/refusal";

const emulator = { endpoint: "http://127.0.0.1:4566" };
const right = {
  drills: true,
  host: "",
  local: { awsPort: 4566, mailboxPort: 8025 },
  aws: { region: "us-east-1", emulator },
};

function refused(config: Partial<typeof right> | object, dockerHost?: string): string | undefined {
  return refusalOf({ stack: "test", config: { ...right, ...config }, dockerHost });
}

describe("fire drills", () => {
  it("run on a stack of this machine that is marked for them", () => {
    assert.equal(refused({}), undefined);
    assert.equal(refused({ host: "unix:///var/run/docker.sock" }), undefined);
    assert.equal(refused({}, "unix:///run/user/1000/docker.sock"), undefined);
    // The settings' host wins over the environment's.
    assert.equal(refused({ host: "unix:///var/run/docker.sock" }, "ssh://root@prod"), undefined);
  });

  for (const [what, config, dockerHost, reason] of [
    ["that is not marked", { drills: false }, undefined, /not marked as one for fire drills/],
    ["on another host", { host: "ssh://deploy@prod" }, undefined, /runs on ssh:\/\/deploy@prod/],
    ["on another host by the environment", {}, "tcp://10.0.0.1:2375", /runs on tcp:\/\/10\.0\.0\.1:2375/],
    ["without a mailbox of its own", { local: undefined }, undefined, /has no mailbox of its own/],
    ["with a real AWS account", { aws: { region: "us-east-1" } }, undefined, /has no mailbox of its own/],
  ] as const) {
    it(`refuse a stack ${what}, in one line`, () => {
      const text = refused(config, dockerHost);
      assert.match(text ?? "", reason);
      assert.doesNotMatch(text ?? "", /\n/);
    });
  }

  it("refuse to wait for a chain that takes hours, and say what to set", () => {
    const chain = (critical: number, other: number): string | undefined =>
      escalationRefusalOf({ stack: "test", alarms: { respondSeconds: { critical, other } } });
    assert.equal(chain(120, 120), undefined);
    assert.match(
      chain(120, 121) ?? "",
      /respondSeconds\.other is 121.*--set alarms\.respondSeconds\.other=30$/,
    );
    assert.match(chain(1800, 14_400) ?? "", /critical is 1800, .*other is 14400/);
  });
});
