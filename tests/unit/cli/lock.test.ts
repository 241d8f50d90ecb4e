import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../cli/errors";
import { type LockHolder, takeLock } from "../../../cli/lock";
import { identify } from "../../../toolchain/processes";
import { TempFolders } from "../../support/temp";

describe("a stack's lock", () => {
  const folders = new TempFolders();
  const children: ChildProcess[] = [];
  after(() => {
    for (const child of children) {
      child.kill("SIGKILL");
    }
    folders.remove();
  });

  function startProcess(): number {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    children.push(child);
    return child.pid ?? assert.fail("sleep did not start");
  }

  async function endedProcess(): Promise<LockHolder> {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    const holder = await holderOf(child.pid ?? 0);
    child.kill("SIGKILL");
    await once(child, "exit");
    return holder;
  }

  async function holderOf(pid: number, more: Partial<LockHolder> = {}): Promise<LockHolder> {
    return {
      ...(await identify(pid)),
      user: "ada",
      host: hostname(),
      command: "fitnesscrm up --stack prod",
      since: "2026-01-02T03:04:05.000Z",
      ...more,
    };
  }

  function folderWith(lock?: LockHolder | string): string {
    const folder = join(folders.create(), "stacks/unit");
    mkdirSync(folder, { recursive: true });
    if (lock !== undefined) {
      writeFileSync(join(folder, "lock"), typeof lock === "string" ? lock : JSON.stringify(lock));
    }
    return folder;
  }

  const isFree = async (folder: string): Promise<boolean> => {
    try {
      await (await takeLock(folder, "probe"))();
      return true;
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
      return false;
    }
  };

  it("is held until it is given back, and leaves nothing behind", async () => {
    const folder = folderWith();
    const release = await takeLock(folder, "fitnesscrm up");
    assert.equal(await isFree(folder), false);
    await release();
    assert.equal(await isFree(folder), true);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("makes its folder, for its owner only", async () => {
    const folder = join(folders.create(), "new/stack");
    const release = await takeLock(folder, "fitnesscrm up");
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, "lock")).mode & 0o777, 0o600);
    await release();
  });

  it("names its holder in the file: process, user, machine, command, time", async () => {
    const folder = folderWith();
    const release = await takeLock(folder, "fitnesscrm down");
    const { since, started, ...rest } = JSON.parse(readFileSync(join(folder, "lock"), "utf8")) as LockHolder;
    assert.deepEqual(rest, {
      pid: process.pid,
      user: userInfo().username,
      host: hostname(),
      command: "fitnesscrm down",
    });
    assert.ok(Math.abs(Date.now() - Date.parse(since)) < 60_000);
    assert.equal(started, (await identify(process.pid)).started);
    await release();
  });

  it("tells the second who has it, since when, and what to do", async () => {
    const pid = startProcess();
    const folder = folderWith(await holderOf(pid));
    await assert.rejects(takeLock(folder, "fitnesscrm up"), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(
        error.message,
        `stack is locked: ada runs \`fitnesscrm up --stack prod\` on ${hostname()} since 2026-01-02T03:04:05.000Z ` +
          `(process ${pid}): wait for it, or end it with \`kill ${pid}\``,
      );
      assert.equal(error.exitCode, 1);
      return true;
    });
    assert.deepEqual(readdirSync(folder), ["lock"], "the refused one left something behind");
  });

  it("of a process that was killed is put aside", async () => {
    assert.equal(await isFree(folderWith(await endedProcess())), true);
  });

  it("is put aside when another process has got the dead one's number", async () => {
    const pid = startProcess();
    const stale = { ...(await holderOf(pid)), started: "1@another-boot" };
    assert.equal(await isFree(folderWith(stale)), true);
  });

  it("of another machine holds: whether that one still runs cannot be known", async () => {
    const dead = await endedProcess();
    assert.equal(await isFree(folderWith({ ...dead, host: `not-${hostname()}` })), false);
  });

  for (const text of ["", "{", '{"pid": 1', "\0\0\0"]) {
    it(`that says ${JSON.stringify(text)}, as a lost power supply leaves it, is put aside`, async () => {
      assert.equal(await isFree(folderWith(text)), true);
    });
  }

  it("goes to one of many that ask at once, also when all of them find a dead holder", async () => {
    for (const lock of [undefined, await endedProcess(), "{"]) {
      const folder = folderWith(lock);
      const takers = await Promise.allSettled(
        Array.from({ length: 12 }, (_, index) => takeLock(folder, `taker ${index}`)),
      );
      const got = takers.filter((taker) => taker.status === "fulfilled");
      assert.equal(got.length, 1);
      await got[0]?.value();
      assert.equal(existsSync(join(folder, "lock")), false);
    }
  });

  it("that somebody else took meanwhile is not given back by its former holder", async () => {
    const folder = folderWith();
    const release = await takeLock(folder, "fitnesscrm up");
    const other = JSON.stringify(await holderOf(startProcess()));
    writeFileSync(join(folder, "lock"), other);
    await release();
    assert.equal(readFileSync(join(folder, "lock"), "utf8"), other);
  });
});
