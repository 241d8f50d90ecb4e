import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UPLOADS_SCRIPT } from "../../../../cli/restore/uploads";
import { TempFolders, writeFiles, writeScript } from "../../../support/temp";
import { contents } from "./world";

const STAMP = "20250131100000";
const OLDER = "20250130100000";
const OLD = {
  "a.txt": "old a",
  "-rf": "old dash",
  ".hidden": "old hidden",
  "dir/b.txt": "old b",
  "x y\nz": "odd",
};
const NEW = { "a.txt": "new a", "dir/c.txt": "new c" };

describe("script for the uploads volume", () => {
  const folders = new TempFolders();
  afterEach(() => folders.remove());

  function volume(): string {
    return folders.create(OLD);
  }

  function script(folder: string, args: string[], options: { input?: Buffer; path?: string } = {}) {
    return spawnSync("/bin/bash", ["-c", UPLOADS_SCRIPT, "restore", folder, ...args], {
      input: options.input ?? "",
      encoding: "utf8",
      env: {
        ...process.env,
        ...(options.path !== undefined && { PATH: `${options.path}:${process.env.PATH}` }),
      },
      // A group of its own, so that it can be killed as a whole.
      detached: true,
    } as Parameters<typeof spawnSync>[2]) as ReturnType<typeof spawnSync> & {
      stdout: string;
      stderr: string;
    };
  }

  function tar(files: Record<string, string>, ...options: string[]): Buffer {
    const result = spawnSync("tar", ["-c", "-C", folders.create(files), ...options, "."]);
    assert.equal(result.status, 0);
    return result.stdout;
  }

  it("puts new uploads beside the current ones, readable for nobody else", () => {
    const folder = volume();
    assert.equal(script(folder, ["stage", STAMP], { input: tar(NEW) }).status, 0);
    assert.deepEqual(contents(folder), OLD);
    const incoming = join(folder, `.incoming-${STAMP}`);
    assert.deepEqual(contents(incoming), NEW);
    assert.equal(script(folder, ["discard", STAMP]).status, 0);
    assert.ok(!existsSync(incoming));
    assert.deepEqual(contents(folder), OLD);
  });

  it("keeps owner and mode of what it unpacks", function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: only root can give files away");
      this.skip();
    }
    const folder = volume();
    const input = tar(NEW, "--owner=1234", "--group=4321", "--mode=0640");
    assert.equal(script(folder, ["stage", STAMP], { input }).status, 0);
    const found = statSync(join(folder, `.incoming-${STAMP}`, "a.txt"));
    assert.deepEqual([found.uid, found.gid, found.mode & 0o7777], [1234, 4321, 0o640]);
  });

  it("fails on an archive that is cut, and leaves the current uploads alone", () => {
    const folder = volume();
    const whole = tar({ "big.bin": "x".repeat(100_000) });
    const result = script(folder, ["stage", STAMP], { input: whole.subarray(0, 50_000) });
    assert.notEqual(result.status, 0);
    assert.match(result.stderr, /Unexpected EOF/);
    assert.deepEqual(contents(folder), OLD);
  });

  it("never unpacks what looks like its own folders", () => {
    const folder = volume();
    const input = tar({ ...NEW, [`.replaced-${OLDER}/x`]: "evil", [`dir/.replaced-${OLDER}`]: "harmless" });
    assert.equal(script(folder, ["stage", STAMP], { input }).status, 0);
    assert.deepEqual(readdirSync(join(folder, `.incoming-${STAMP}`)).sort(), ["a.txt", "dir"]);
    assert.ok(existsSync(join(folder, `.incoming-${STAMP}`, "dir", `.replaced-${OLDER}`)));
  });

  it("swaps, keeps what was there, and does nothing the second time", () => {
    const folder = volume();
    writeFiles(folder, { [`.replaced-${OLDER}/x`]: "older" });
    script(folder, ["stage", STAMP], { input: tar(NEW) });
    for (let time = 0; time < 2; time++) {
      const result = script(folder, ["swap", STAMP]);
      assert.equal(result.status, 0, result.stderr);
      assert.deepEqual(contents(folder), NEW);
      assert.deepEqual(contents(join(folder, `.replaced-${STAMP}`)), OLD);
      assert.deepEqual(contents(join(folder, `.replaced-${OLDER}`)), { x: "older" });
    }
  });

  it("swaps back and forth with what an earlier restore has put aside", () => {
    const folder = volume();
    script(folder, ["stage", OLDER], { input: tar(NEW) });
    script(folder, ["swap", OLDER]);
    for (let time = 0; time < 2; time++) {
      assert.equal(script(folder, ["swap", STAMP, OLDER]).status, 0);
      assert.deepEqual(contents(folder), OLD);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.startsWith(".replaced")),
        [`.replaced-${STAMP}`],
      );
      assert.deepEqual(contents(join(folder, `.replaced-${STAMP}`)), NEW);
    }
  });

  it("ends at the same state wherever it is killed, file by file", () => {
    let kills = 0;
    for (let nth = 1; ; nth++) {
      const folder = volume();
      script(folder, ["stage", STAMP], { input: tar(NEW) });
      const bin = killingMove(nth);
      const first = script(folder, ["swap", STAMP], { path: bin });
      if (first.status === 0) {
        break;
      }
      kills++;
      assert.equal(first.signal, "SIGKILL");
      const second = script(folder, ["swap", STAMP]);
      assert.equal(second.status, 0, second.stderr);
      assert.deepEqual(contents(folder), NEW, `killed at move ${nth}`);
      assert.deepEqual(contents(join(folder, `.replaced-${STAMP}`)), OLD, `killed at move ${nth}`);
    }
    // Five entries go, one folder changes its name, two entries come.
    assert.equal(kills, 8);
  });

  /** A `mv` that moves one file after the other and kills its whole group in place of the nth move. */
  function killingMove(nth: number): string {
    const bin = folders.create();
    writeFileSync(join(bin, "count"), "0");
    writeScript(
      bin,
      "mv",
      `#!/bin/bash
step() {
  count=$(($(<'${bin}/count') + 1))
  echo "$count" >'${bin}/count'
  if [[ $count -eq ${nth} ]]; then kill -KILL 0; fi
  /bin/mv "$@"
}
if [[ $1 == -t ]]; then
  for file in "\${@:4}"; do step -t "$2" -- "$file"; done
else
  step "$@"
fi
`,
    );
    return bin;
  }

  it("lists what is kept by size, drops it, and says whether there is anything of the application's", () => {
    const folder = volume();
    writeFiles(folder, { [`.replaced-${STAMP}/x`]: "1", [`.replaced-${OLDER}/y`]: "2" });
    const lines = script(folder, ["list", ""]).stdout.trim().split("\n");
    assert.deepEqual(
      lines.map((line) => line.replace(/^\d+\s+/, "")),
      [`./.replaced-${OLDER}`, `./.replaced-${STAMP}`],
    );
    assert.equal(script(folder, ["empty", ""]).stdout, "");
    assert.equal(script(folder, ["drop", STAMP]).status, 0);
    assert.deepEqual(contents(folder), OLD);
    assert.ok(!existsSync(join(folder, `.replaced-${STAMP}`)));
    const bare = folders.create({ [`.replaced-${OLDER}/y`]: "2" });
    assert.equal(script(bare, ["empty", ""]).stdout, "empty\n");
    assert.equal(script(bare, ["list", ""]).status, 0);
  });

  it("refuses an action that it does not know, and a folder that is not there", () => {
    const folder = volume();
    assert.equal(script(folder, ["burn", STAMP]).stderr, "uploads: unknown action burn\n");
    assert.notEqual(script(join(folder, "nowhere"), ["list", ""]).status, 0);
  });
});
