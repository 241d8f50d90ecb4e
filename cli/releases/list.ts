import type { History, UpdateInfo } from "./history";
import { attemptIn, isSameRelease, type PastRelease, releaseIn } from "./release";

/** One release, or one update that failed, by its number in the state's history. */
export interface ReleaseEntry {
  version: number;
  result: UpdateInfo["result"];
  /** When it had ended, ISO; when it began while it is at work. */
  time: string;
  /** The last one that succeeded. */
  current: boolean;
  /** undefined where the state is gone, or where an update failed before its gate had written anything down. */
  release: PastRelease | undefined;
}

/**
 * Reads releases from a state's history: updates whose release differs from the one before, and those that failed (M19).
 *
 * Newest first, and lazily: a checkpoint is read only when whoever asks wants an older release. One of an update that changed
 * nothing is not read at all.
 */
export async function* releasesIn(history: History): AsyncGenerator<ReleaseEntry, undefined> {
  const updates = (await history.updates()).reverse();
  const last = updates.find(({ kind, result }) => result === "succeeded" && /^(update|destroy)$/.test(kind));
  let isCurrent = last?.kind === "update";
  // An update without a change of the release repeats the one before it; the first of a row is the one that brought it.
  let row: ReleaseEntry | undefined;
  let failed: ReleaseEntry[] = [];
  for (const update of updates) {
    if (update.kind !== "update" || (update.result === "succeeded" && !hasChanges(update))) {
      continue;
    }
    const state = await history.state(update.version);
    if (update.result !== "succeeded") {
      failed.push(entryOf(update, state && attemptIn(state), false));
      continue;
    }
    const entry = entryOf(update, state && releaseIn(state), isCurrent);
    if (
      row?.release !== undefined &&
      entry.release !== undefined &&
      isSameRelease(row.release, entry.release)
    ) {
      // Whether a rollback holds it may change without a deployment, and the newest state knows.
      row = { ...entry, current: row.current, release: { ...entry.release, pinned: row.release.pinned } };
      continue;
    }
    yield* inOrder(row, failed);
    row = entry;
    failed = [];
    isCurrent = false;
  }
  yield* inOrder(row, failed);
}

/** {@link releasesIn}, up to a number of them. */
export async function readReleases(history: History, limit: number): Promise<ReleaseEntry[]> {
  const found: ReleaseEntry[] = [];
  for await (const entry of releasesIn(history)) {
    found.push(entry);
    if (found.length >= limit) {
      break;
    }
  }
  return found;
}

function inOrder(row: ReleaseEntry | undefined, failed: readonly ReleaseEntry[]): ReleaseEntry[] {
  // One that did not come as far as its gate has left the facts of the one before it in the state.
  const own = failed.map((entry, index) => {
    const attempt = entry.release?.attempt;
    const isRepeated = failed.slice(index + 1).some(({ release }) => release?.attempt === attempt);
    return isRepeated ? { ...entry, release: undefined } : entry;
  });
  return [...(row === undefined ? [] : [row]), ...own].sort((a, b) => b.version - a.version);
}

function hasChanges({ changes }: UpdateInfo): boolean {
  return changes === null || Object.entries(changes).some(([what, count]) => what !== "same" && count > 0);
}

function entryOf(
  { version, result, endedAt, startedAt }: UpdateInfo,
  release: PastRelease | undefined,
  current: boolean,
): ReleaseEntry {
  return { version, result, time: endedAt ?? startedAt, current, release };
}
