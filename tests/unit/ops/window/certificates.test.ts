import assert from "node:assert/strict";
import { systemClock } from "../../../../ops/tasks/clock";
import { windowSteps } from "../../../../ops/window/steps";
import { WINDOW_SETTINGS } from "../../../support/windowSettings";

describe("the window's step for the certificate", () => {
  /** What the step says and comes to, where the certificate's task does what is given. */
  async function step(renewCertificate?: () => Promise<string>) {
    const said: string[] = [];
    const steps = windowSteps({
      backup: {
        stack: "unit",
        database: { host: "db", port: 5432, name: "crm" },
        timeZone: WINDOW_SETTINGS.timeZone,
        bucket: "none",
        prefix: "backups/",
        region: "us-east-1",
        recipients: [],
        retentionDaysLocal: 30,
        metricNamespace: "FitnessCRM",
      },
      window: { ...WINDOW_SETTINGS, publicUrl: "http://crm.example.com" },
      secrets: "/nowhere",
      scratch: "/nowhere",
      backups: { madeSince: async () => undefined, make: async () => "" },
      ...(renewCertificate !== undefined && { renewCertificate }),
      backendUrl: "http://127.0.0.1:1",
      edgeUrl: "http://127.0.0.1:1",
      clock: systemClock,
    });
    const result = await steps
      .find(({ name }) => name === "certificates")
      ?.run({
        window: { from: new Date(0), to: new Date(1) },
        signal: new AbortController().signal,
        log: (line) => void said.push(line),
      });
    return { said, result };
  }

  it("renews it before it looks, where that is ours to do", async () => {
    const { said, result } = await step(async () => "the certificate of crm.example.com is good for 60 days");
    assert.deepEqual(said, ["the certificate of crm.example.com is good for 60 days"]);
    assert.deepEqual(result, { skipped: "http://crm.example.com has no certificate" });
  });

  it("only looks where it is not", async () => {
    assert.deepEqual((await step()).said, []);
  });

  it("fails with the reason of a renewal that fails", () =>
    assert.rejects(
      step(async () => {
        throw new Error("acme.example.com gave no certificate: connection refused");
      }),
      /^Error: acme\.example\.com gave no certificate: connection refused$/,
    ));
});
