import assert from "node:assert/strict";
import * as aws from "@pulumi/aws";
import { awsConfig, ses, startEmulator, stopEmulator } from "./aws-emulator";
import { conformance } from "./harness";

const identity = (email: string) => async () => {
  new aws.ses.EmailIdentity("sender", { email });
};

const addresses = async (): Promise<string[]> =>
  (await ses().listIdentities({ IdentityType: "EmailAddress" })).Identities ?? [];

conformance({
  plugins: ["aws"],
  config: awsConfig,
  before: startEmulator,
  after: stopEmulator,
  title: "aws.ses",
  steps: [
    {
      name: "asks an address whether it may be sent from",
      program: identity("first@example.com"),
      expect: { sender: "create" },
      check: async ({ state }) => {
        const { id, outputs } = state("sender");
        assert.equal(id, "first@example.com");
        assert.equal(outputs.arn, "arn:aws:ses:us-east-1:000000000000:identity/first@example.com");
        assert.equal(outputs.email, "first@example.com");
        assert.deepEqual(await addresses(), ["first@example.com"]);
      },
    },
    {
      name: "changes nothing the second time",
      program: identity("first@example.com"),
      expect: { sender: "same" },
    },
    {
      name: "takes another address for another identity",
      program: identity("second@example.com"),
      expect: { sender: { replace: ["email"] } },
      check: async () => assert.deepEqual(await addresses(), ["second@example.com"]),
    },
    {
      name: "notices that somebody took it away",
      drift: async () => {
        await ses().deleteIdentity({ Identity: "second@example.com" });
      },
      drifted: { sender: "delete" },
      expect: { sender: "create" },
    },
  ],
  gone: async () => assert.deepEqual(await addresses(), []),
});
