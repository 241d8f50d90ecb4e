/** The folders in which restores and drills work: made, removed, and looked after. */
import { mkdtemp, readdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { megabytes } from "../backup/folder";
import { reasonOf } from "../health";

/** A server that was killed with its run may still be ending, and write. */
const REMOVE = { recursive: true, force: true, maxRetries: 20, retryDelay: 250 } as const;

/** Does `work` in a new folder `PREFIX…` below `parent`, which is removed whatever happens. */
export async function withFolder<T>(
  parent: string,
  prefix: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(parent, prefix));
  try {
    return await work(folder);
  } finally {
    await rm(folder, REMOVE);
  }
}

/** Removes the folders of runs that were killed. The caller holds the lock `PREFIXlock`, so nobody works in them. */
export async function removeLeftovers(
  parent: string,
  prefix: string,
  log: (line: string) => void = () => undefined,
): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix) && name !== `${prefix}lock`) {
      log(`removing ${join(parent, name)}, which a run that was killed left behind`);
      await rm(join(parent, name), REMOVE);
    }
  }
}

/** @throws Error of one line when the disk has less than `needed` bytes free. */
export async function checkRoom(scratch: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(scratch);
  if (bavail * bsize < needed) {
    throw new Error(
      `the disk with ${scratch} has ${megabytes(bavail * bsize)} free and this needs about ${megabytes(needed)}: make room`,
    );
  }
}

/** Does `work`, and says which disk it was that ran full under it. */
export async function onDisk<T>(scratch: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = reasonOf(error);
    throw /ENOSPC|No space left|EDQUOT|quota exceeded/i.test(reason)
      ? new Error(`the disk with ${scratch} ran full: make room (${reason})`, { cause: error })
      : error;
  }
}
