import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { TempFolders } from "../../../support/temp";

const PROJECT = resolve(__dirname, "../../../..");

describe("a gate whose update was killed", function () {
  this.timeout(30_000);
  const folders = new TempFolders();
  after(() => folders.remove());

  it("ends by itself, and not before", async () => {
    const file = join(folders.create({}), "pid");
    const program =
      `require(${JSON.stringify(join(PROJECT, "cli/deploy/parents.ts"))}).endWithParents();` +
      `require("node:fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000);`;
    // A shell in between, as the command plugin has one.
    const parent = spawn(
      "sh",
      ["-c", '"$0" --import "$1" --eval "$2" & wait', process.execPath, "tsx", program],
      {
        cwd: PROJECT,
        stdio: "ignore",
      },
    );
    const pid = Number(await until(() => (existsSync(file) ? readFileSync(file, "utf8") : undefined)));
    assert.ok(isAlive(pid));
    parent.kill("SIGKILL");
    await until(() => (isAlive(pid) ? undefined : "gone"));
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function until(condition: () => string | undefined): Promise<string> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const value = condition();
    if (value) {
      return value;
    }
    await new Promise((again) => setTimeout(again, 50));
  }
  throw new Error("not within 20 s");
}
