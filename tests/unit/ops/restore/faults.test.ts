import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTargetOf, targetName } from "../../../../cli/restore/names";
import { checkRoom, onDisk, removeLeftovers, withFolder } from "../../../../ops/restore/scratch";
import { targetPrefix } from "../../../../ops/restore/target";
import { decryptProblem } from "../../../../ops/restore/unpack";
import { refuseNewerBackup } from "../../../../ops/restore/version";

describe("a backup of another version of PostgreSQL", () => {
  const backup = (serverVersionNum: number, serverVersion: string) => ({
    id: "ID",
    serverVersion,
    serverVersionNum,
  });
  const server = { text: "17.6 (Debian 17.6-1)", number: 170006 };

  it("is refused when it is newer, with both versions", () => {
    assert.throws(
      () => refuseNewerBackup(backup(180001, "18.1"), server),
      /^Error: backup ID is of PostgreSQL 18\.1 and the server is 17\.6 \(Debian 17\.6-1\): restore it into version 18 or newer$/,
    );
  });

  it("is taken when it is older, or newer by a patch only", () => {
    refuseNewerBackup(backup(150010, "15.10"), server);
    refuseNewerBackup(backup(170009, "17.9"), server);
  });
});

describe("the scratch folder", () => {
  let scratch = "";
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), "fitnesscrm-scratch-"));
  });
  afterEach(() => rm(scratch, { recursive: true }));

  it("keeps nothing of work that fails, and nothing of work that succeeds", async () => {
    const fill = (folder: string) => writeFile(join(folder, "file"), "x");
    await withFolder(scratch, ".load-", fill);
    await assert.rejects(
      withFolder(scratch, ".load-", async (folder) => {
        await fill(folder);
        throw new Error("no");
      }),
      /no/,
    );
    assert.deepEqual(await readdir(scratch), []);
  });

  it("is freed of what killed runs left, said line by line, but not of locks, records or another's work", async () => {
    for (const name of [".load-abc123", ".load-def456", ".drill-abc123", ".records"]) {
      await mkdir(join(scratch, name, "deep"), { recursive: true });
    }
    await writeFile(join(scratch, ".load-lock"), "");
    const lines: string[] = [];
    await removeLeftovers(scratch, ".load-", (line) => lines.push(line));
    assert.deepEqual((await readdir(scratch)).sort(), [".drill-abc123", ".load-lock", ".records"]);
    assert.equal(lines.length, 2);
    assert.match(lines.join("\n"), /removing \S+\/\.load-abc123, which a run that was killed left behind/);
  });

  it("is found too small before anything is fetched", async () => {
    await checkRoom(scratch, 1);
    await assert.rejects(
      checkRoom(scratch, 1e18),
      /^Error: the disk with \S+ has \d+ MB free and this needs about/,
    );
  });

  it("is named when it runs full, whichever program says so; other reasons stay as they are", async () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    await assert.rejects(
      onDisk("/scratch", () => Promise.reject(full)),
      /^Error: the disk with \/scratch ran full/,
    );
    const tar = new Error("tar failed with code 2: tar: 3.dat: Cannot write: No space left on device");
    await assert.rejects(
      onDisk("/scratch", () => Promise.reject(tar)),
      /the disk with \/scratch ran full.*3\.dat/,
    );
    const other = new Error("age failed with code 1: no");
    await assert.rejects(
      onDisk("/scratch", () => Promise.reject(other)),
      (error) => error === other,
    );
    assert.equal(await onDisk("/scratch", () => Promise.resolve(7)), 7);
  });
});

describe("what age says", () => {
  const told = (text: string) =>
    String(decryptProblem(new Error(text), "/run/secrets/backup_identity", "/x/database.tar.age"));

  it("is the key's fault when no identity matches", () => {
    assert.match(
      told("age failed with code 1: age: error: no identity matched any of the recipients"),
      /^Error: the key \/run\/secrets\/backup_identity does not open database\.tar\.age: /,
    );
  });

  it("names the file otherwise, in one line", () => {
    assert.equal(
      told("age failed with code 1: age: error: failed to decrypt and authenticate payload chunk"),
      "Error: database.tar.age cannot be decrypted: failed to decrypt and authenticate payload chunk",
    );
    assert.equal(told("ended by SIGTERM"), "Error: ended by SIGTERM");
  });
});

describe("the names of half-restored databases", () => {
  for (const live of ["fitnesscrm", "a".repeat(63)]) {
    it(`that the launcher makes for ${live.slice(0, 12)} are those that a load takes and cleans up`, () => {
      const target = targetName(live, "20260102030405");
      assert.ok(target.startsWith(targetPrefix(live)));
      assert.ok(isTargetOf(live, target));
      assert.ok(target.length <= 63);
    });
  }
});
