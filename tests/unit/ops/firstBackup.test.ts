import assert from "node:assert/strict";
import { type FirstBackupParts, firstBackup } from "../../../ops/firstBackup";

describe("the first backup of a stack", () => {
  /** Runs it where backups come to `results` in turn; an error is thrown. */
  async function attempt(results: (string | Error)[], more: Partial<FirstBackupParts> = {}) {
    const did: string[] = [];
    await firstBackup({
      anyVerified: async () => false,
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

  it("is made at once", async () => {
    assert.deepEqual(await attempt(["ok"]), ["ok"]);
  });

  it("is not made where one is verified", async () => {
    assert.deepEqual(await attempt(["ok"], { anyVerified: async () => true }), []);
  });

  it("is tried again every five minutes when it fails or another one runs", async () => {
    assert.deepEqual(await attempt(["failed", new Error("backup is running"), "ok"]), [
      "failed",
      "5 min",
      "error",
      "the first backup: backup is running",
      "5 min",
      "ok",
    ]);
  });

  it("is left to the calendar after an hour, which is said", async () => {
    const did = await attempt([]);
    assert.equal(did.filter((each) => each === "failed").length, 12);
    assert.equal(did.filter((each) => each === "5 min").length, 11);
    assert.match(did.at(-1) ?? "", /was not made within an hour/);
  });

  it("is given up when the container stops", async () => {
    assert.deepEqual(await attempt([], { wait: async () => false }), ["failed"]);
  });
});
