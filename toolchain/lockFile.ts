import { createHash } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isSame, type ProcessIdentity } from "./processes";

/** A lock that was got, or who has it. */
export type LockAttempt<H> = { readonly release: () => Promise<void> } | { readonly holder: H };

/**
 * Takes a lock that one process of this machine can hold, and says who holds it otherwise. A holder that is gone is replaced.
 *
 * @param file Path of the lock; its folder is made.
 * @param mine Who asks. Anything that helps a person may stand beside the process's identity.
 * @param isAlive Whether a holder still counts; by default, whether that very process runs.
 */
export async function tryLock<H extends ProcessIdentity>(
  file: string,
  mine: H,
  isAlive: (holder: H) => Promise<boolean> = isSame,
): Promise<LockAttempt<H>> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const claim = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  const text = JSON.stringify(mine);
  await writeFile(claim, text, { mode: 0o600 });
  try {
    for (;;) {
      if (await linked(claim, file)) {
        return { release: () => giveBack(file, text) };
      }
      const found = await readHolder<H>(file);
      if (found === undefined) {
        continue;
      }
      if (found.holder !== undefined && (await isAlive(found.holder))) {
        return { holder: found.holder };
      }
      // Several may find the same dead holder, and one of them may replace it: that right is a lock itself. Without it, a slow
      // one would replace the lock that a quick one has just got.
      const right = await tryLock(`${file}.after-${digest(found.text)}`, mine, isAlive);
      if ("holder" in right) {
        await sleep(RETRY_MILLISECONDS);
        continue;
      }
      try {
        if ((await readFile(file, "utf8").catch(() => undefined)) === found.text) {
          await rename(claim, file);
          return { release: () => giveBack(file, text) };
        }
      } finally {
        await right.release();
      }
    }
  } finally {
    await rm(claim, { force: true });
  }
}

const RETRY_MILLISECONDS = 10;

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

async function linked(claim: string, file: string): Promise<boolean> {
  try {
    // A link appears with its content, unlike a file that is created and then written.
    await link(claim, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") {
      return false;
    }
    throw error;
  }
}

async function readHolder<H>(file: string): Promise<{ text: string; holder?: H } | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
  try {
    return { text, holder: JSON.parse(text) as H };
  } catch {
    // Damaged: nobody can hold it.
    return { text };
  }
}

async function giveBack(file: string, mine: string): Promise<void> {
  const current = await readFile(file, "utf8").catch(() => undefined);
  if (current === mine) {
    await rm(file, { force: true });
  }
}
