import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isLocked, LockTakenError, withLock } from "../../../ops/lock";
import { TempFolders, withEnvironment } from "../../support/temp";

const LOCK_MODULE = resolve(__dirname, "../../../ops/lock.ts");

describe("a lock of the kernel", () => {
  const folders = new TempFolders();
  const children: ChildProcess[] = [];
  after(() => {
    for (const child of children) {
      child.kill("SIGKILL");
    }
    folders.remove();
  });

  const newLock = (): string => join(folders.create(), "backup.lock");
  const since = new Date("2026-03-08T07:00:00.000Z");
  const instantly = { waitSeconds: 0, now: () => since };

  it("lets one work at a time, and tells the other who does", async () => {
    const lock = newLock();
    const answer = await withLock(
      lock,
      async () => {
        assert.equal(await isLocked(lock), true);
        await assert.rejects(
          withLock(lock, async () => assert.fail("two at once"), instantly),
          (error: unknown) => {
            assert.ok(error instanceof LockTakenError);
            assert.equal(error.message, "backup is running since 2026-03-08T07:00:00.000Z: wait for its end");
            assert.deepEqual(error.holder, { what: "backup", since: since.toISOString() });
            return true;
          },
        );
        return 7;
      },
      instantly,
    );
    assert.equal(answer, 7);
    assert.equal(await isLocked(lock), false);
    assert.equal(await withLock(lock, async () => 8, instantly), 8);
  });

  it("is free again after work that failed, whose error is passed on", async () => {
    const lock = newLock();
    await assert.rejects(
      withLock(lock, async () => Promise.reject(new Error("disk full")), instantly),
      new Error("disk full"),
    );
    assert.equal(await isLocked(lock), false);
  });

  it("names what it was taken for", async () => {
    const lock = newLock();
    await withLock(
      lock,
      async () => {
        await assert.rejects(
          withLock(lock, async () => 1, instantly),
          /^LockTakenError: a drill is running/,
        );
      },
      { ...instantly, what: "a drill" },
    );
  });

  it("waits when it is asked to", async () => {
    const lock = newLock();
    const order: string[] = [];
    let end = (): void => {};
    const first = withLock(lock, async () => {
      await new Promise<void>((done) => {
        end = done;
      });
      order.push("first");
    });
    await until(() => isLocked(lock));
    const second = withLock(lock, async () => order.push("second"), { waitSeconds: 30 });
    end();
    await Promise.all([first, second]);
    assert.deepEqual(order, ["first", "second"]);
  });

  it("is not in the way of anybody who looks at it, and a look is in nobody's way", async () => {
    const lock = newLock();
    assert.equal(await isLocked(lock), false);
    assert.deepEqual(readdirSync(resolve(lock, "..")), []);
    await withLock(lock, async () => undefined);
    for (let round = 0; round < 10; round++) {
      const looks = Array.from({ length: 3 }, () => isLocked(lock));
      assert.equal(await withLock(lock, async () => round), round);
      await Promise.all(looks);
    }
  });

  it("is freed by the kill of the process that holds it", async () => {
    const lock = newLock();
    const program = `require(${JSON.stringify(LOCK_MODULE)}).withLock(process.argv[1], async () => {
      process.stdout.write("held");
      await new Promise(() => setInterval(() => {}, 1000));
    });`;
    const child = spawn(process.execPath, ["--import", "tsx", "--eval", program, lock], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    assert.ok(child.stdout);
    await once(child.stdout, "data");
    assert.equal(await isLocked(lock), true);
    await assert.rejects(
      withLock(lock, async () => 1, instantly),
      LockTakenError,
    );
    child.kill("SIGKILL");
    await once(child, "exit");
    await until(async () => !(await isLocked(lock)));
    assert.equal(await withLock(lock, async () => 2, instantly), 2);
  });

  it("tells the work when its holder was killed and the lock is lost", async () => {
    const lock = newLock();
    const message = await withLock(lock, async (lost) => {
      const aborted = once(lost, "abort");
      for (const pid of holders()) {
        process.kill(pid, "SIGKILL");
      }
      await aborted;
      return String(lost.reason);
    });
    assert.equal(message, `Error: the lock ${lock} was lost: its holder was killed`);
    assert.equal(await isLocked(lock), false);
  });

  it("says what keeps it from being taken", async () => {
    const lock = join(folders.create(), "missing", "backup.lock");
    await assert.rejects(
      withLock(lock, async () => 1, instantly),
      (error: Error) =>
        error.message.startsWith(`lock ${lock}: flock: cannot open lock file`) &&
        !error.message.includes("\n"),
    );
    await withEnvironment({ PATH: folders.create() }, () =>
      assert.rejects(
        withLock(newLock(), async () => 1, instantly),
        /the flock program of util-linux is missing$/,
      ),
    );
  });
});

/** The processes that hold locks for this one; there is one at the time. */
function holders(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
        return Number(parent) === process.pid && readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "cat";
      } catch {
        return false;
      }
    });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await condition()); ) {
    assert.ok(Date.now() < end, "the condition has not come true within 10 seconds");
    await new Promise((done) => setTimeout(done, 10));
  }
}
