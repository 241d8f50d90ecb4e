import assert from "node:assert/strict";
import { parseTarget } from "../../../cli/host/target";

const FORM = "must be ssh://user@server or ssh://user@server:port";

describe("the server of a stack", () => {
  for (const [setting, target] of [
    ["ssh://root@crm.example.com", { server: "crm.example.com", user: "root" }],
    ["ssh://deploy@192.0.2.7:2222", { server: "192.0.2.7", user: "deploy", port: 2222 }],
    ["ssh://deploy@[2001:db8::7]:2222", { server: "2001:db8::7", user: "deploy", port: 2222 }],
    ["ssh://alias_of-mine", { server: "alias_of-mine" }],
    ["ssh://a.b@server/", { server: "server", user: "a.b" }],
  ] as const) {
    it(`takes ${setting}`, () => {
      assert.deepEqual(parseTarget(setting, "F"), { ...target, setting });
    });
  }

  for (const [setting, reason] of [
    [undefined, `is not set: ${FORM}`],
    ["", `is not set: ${FORM}`],
    ["ssh://<set me>", `is "ssh://<set me>": ${FORM}`],
    ["unix:///var/run/docker.sock", `is "unix:///var/run/docker.sock": ${FORM}`],
    ["crm.example.com", `is "crm.example.com": ${FORM}`],
    ["ssh://root@server/path", `is "ssh://root@server/path": ${FORM}`],
    ["ssh://root@server?x=1", `is "ssh://root@server?x=1": ${FORM}`],
    ["ssh://root@-oProxyCommand=x", `is "ssh://root@-oProxyCommand=x": ${FORM}`],
    ["ssh://-l@server", `is "ssh://-l@server": "-l" is not a user's name`],
    ["ssh://a%20b@server", `is "ssh://a%20b@server": "a b" is not a user's name`],
  ] as const) {
    it(`refuses ${JSON.stringify(setting)}`, () => {
      assert.throws(() => parseTarget(setting, "Pulumi.prod.yaml"), {
        message: `Pulumi.prod.yaml: fitnesscrm:host ${reason}`,
        exitCode: 2,
      });
    });
  }

  it("refuses a password without repeating it", () => {
    assert.throws(
      () => parseTarget("ssh://root:hunter2@server", "F"),
      (error: Error) =>
        /holds a password: remove it/.test(error.message) && !error.message.includes("hunter2"),
    );
  });
});
