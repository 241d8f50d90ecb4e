import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readCheckout } from "../../../release";
import { TempFolders, withEnvironment, writeFiles } from "../../support/temp";

describe("the checkout that a release comes from", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  function git(folder: string, ...args: string[]): string {
    return execFileSync(
      "git",
      [
        "-C",
        folder,
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.com",
        "-c",
        "commit.gpgsign=false",
        ...args,
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    ).trim();
  }

  function repository(): { folder: string; commit: string } {
    const folder = folders.create({
      "app/backend/main.py": "x\n",
      "other/file": "y\n",
      ".gitignore": "*.log\n",
    });
    git(folder, "init", "--quiet");
    git(folder, "add", ".");
    git(folder, "commit", "--quiet", "--message", "first");
    return { folder, commit: git(folder, "rev-parse", "HEAD") };
  }

  it("is its commit, and clean when nothing differs", () => {
    const { folder, commit } = repository();
    assert.match(commit, /^[0-9a-f]{40}$/);
    assert.deepEqual(readCheckout(folder), { commit, dirty: false });
    assert.deepEqual(readCheckout(join(folder, "app")), { commit, dirty: false });
  });

  it("is dirty when a file of the folder differs or is new, staged or not", () => {
    for (const edit of [
      (folder: string) => writeFileSync(join(folder, "app/backend/main.py"), "changed\n"),
      (folder: string) => writeFiles(folder, { "app/new.py": "new\n" }),
      (folder: string) => {
        writeFiles(folder, { "app/new.py": "new\n" });
        git(folder, "add", ".");
      },
    ]) {
      const { folder, commit } = repository();
      edit(folder);
      assert.deepEqual(readCheckout(join(folder, "app")), { commit, dirty: true });
    }
  });

  it("is not dirty for what is elsewhere in the repository, or ignored", () => {
    const { folder, commit } = repository();
    writeFiles(folder, { "other/file": "changed\n", "app/debug.log": "x\n" });
    assert.deepEqual(readCheckout(join(folder, "app")), { commit, dirty: false });
  });

  it("is unknown where there is none, never a failure", async () => {
    const none = { commit: null, dirty: false };
    const folder = folders.create();
    // Not the checkout that a temporary folder may happen to lie in.
    await withEnvironment({ GIT_CEILING_DIRECTORIES: join(folder, "..") }, () => {
      assert.deepEqual(readCheckout(folder), none);
    });
    assert.deepEqual(readCheckout(join(folder, "missing")), none);
    git(folder, "init", "--quiet");
    assert.deepEqual(readCheckout(folder), none, "a repository without a commit");
  });

  it("is unknown where git is missing", async () => {
    const { folder } = repository();
    const bin = join(folders.create(), "bin");
    mkdirSync(bin);
    await withEnvironment({ PATH: bin }, () => {
      assert.deepEqual(readCheckout(folder), { commit: null, dirty: false });
    });
  });

  it("is the folder's own, whatever repository the caller works on", async () => {
    const { folder, commit } = repository();
    const other = repository();
    writeFiles(other.folder, { "other/file": "changed\n" });
    await withEnvironment(
      { GIT_DIR: join(other.folder, ".git"), GIT_WORK_TREE: other.folder, GIT_INDEX_FILE: undefined },
      () => {
        assert.deepEqual(readCheckout(folder), { commit, dirty: false });
      },
    );
  });
});
