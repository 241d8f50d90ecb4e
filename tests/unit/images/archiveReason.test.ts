import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

const FILE = resolve(__dirname, "../../../images/postgres/archive-reason.sh");

function reason(output: string | Buffer): string {
  const script = `. "$0"; reason "$(cat)"`;
  const { status, stdout } = spawnSync("bash", ["-euc", script, FILE], { input: output });
  assert.equal(status, 0);
  return stdout.toString("latin1");
}

describe("archive-reason.sh", () => {
  it("gives the first error of several lines, without its hints", () => {
    assert.equal(
      reason(
        "P00   WARN: slow\nP00  ERROR: [103]: unable to find a valid repository:\n       HINT: look\nP00  ERROR: x",
      ),
      "[103]: unable to find a valid repository:",
    );
  });

  it("gives the first line where there is no error", () => {
    assert.equal(reason("\n   P00   WARN: something\nmore"), "P00   WARN: something");
  });

  it("shows no bytes that are no letters", () => {
    const garbled = Buffer.concat([
      Buffer.from("P00  ERROR: [029]: at "),
      Buffer.from([1, 0xff, 0x1b]),
      Buffer.from("."),
    ]);
    assert.equal(reason(garbled), "[029]: at ???.");
  });

  it("is one line of 300 characters at the most", () => {
    assert.equal(reason(`ERROR: ${"x".repeat(1_000)}`), "x".repeat(300));
  });

  it("is empty when nothing was said", () => {
    assert.equal(reason(""), "");
  });
});
