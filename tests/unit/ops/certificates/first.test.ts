import assert from "node:assert/strict";
import { type FirstCertificateParts, firstCertificate } from "../../../../ops/certificates/first";

describe("the first certificate of a stack", () => {
  /** Runs it where the task comes to `results` in turn; an error is thrown. */
  async function attempt(results: (string | Error)[], more: Partial<FirstCertificateParts> = {}) {
    const did: string[] = [];
    await firstCertificate({
      wanted: async () => "there is none yet",
      make: async () => {
        const result = results.shift() ?? "failed";
        did.push(result instanceof Error ? "error" : result);
        if (result instanceof Error) throw result;
        return { result };
      },
      wait: async (milliseconds) => {
        did.push(`${milliseconds / 60_000} min`);
        return true;
      },
      log: (line) => void did.push(line),
      ...more,
    });
    return did;
  }

  it("is got at once", async () => {
    assert.deepEqual(await attempt(["ok"]), ["ok"]);
  });

  it("is not asked for where there is one", async () => {
    assert.deepEqual(await attempt(["ok"], { wanted: async () => undefined }), []);
  });

  it("is asked for four times an hour, which is one less than an authority suffers", async () => {
    assert.deepEqual(await attempt(["failed", new Error("certificates is running"), "ok"]), [
      "failed",
      "15 min",
      "error",
      "the certificate: certificates is running",
      "15 min",
      "ok",
    ]);
  });

  it("is left to the calendar after two hours, which is said", async () => {
    const did = await attempt([]);
    assert.equal(did.filter((each) => each === "failed").length, 8);
    assert.equal(did.filter((each) => each === "15 min").length, 7);
    assert.match(did.at(-1) ?? "", /no certificate was got within two hours/);
  });

  it("is given up when the container stops", async () => {
    assert.deepEqual(await attempt([], { wait: async () => false }), ["failed"]);
  });
});
