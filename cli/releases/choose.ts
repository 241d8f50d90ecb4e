import { UserError } from "../errors";
import type { ReleaseEntry } from "./list";
import { isSameContent, type PastRelease, RELEASED, type Released } from "./release";

/** A release whose state can still be read. */
export type KnownRelease = ReleaseEntry & { release: PastRelease };

/** Where a rollback goes from and to. */
export interface Choice {
  /** The last release that succeeded. */
  live: KnownRelease;
  /** The update after it that failed, where there is one. */
  failed: ReleaseEntry | undefined;
  target: KnownRelease;
  /** What came after the target, oldest first. */
  undone: ReleaseEntry[];
}

/**
 * Chooses what a rollback brings back (M20).
 *
 * Without a number that is the last release that succeeded, when one has failed since or something else runs than it says;
 * else the newest one before it with which users would see something else.
 *
 * @param releases Newest first, read no further than needed.
 * @param serving Images that run now.
 * @throws UserError when there is no such release, or nothing to roll back.
 */
export async function chooseTarget(
  releases: AsyncIterable<ReleaseEntry>,
  to: number | undefined,
  serving: Partial<Record<Released, string>>,
  stack: string,
): Promise<Choice> {
  const newer: ReleaseEntry[] = [];
  let live: KnownRelease | undefined;
  let failed: ReleaseEntry | undefined;
  for await (const entry of releases) {
    if (isKnown(entry) && entry.result === "succeeded") {
      live ??= entry;
      const isDisturbed = failed !== undefined || isServedOtherwise(live, serving);
      if (to === entry.version || (to === undefined && isWanted(entry, live, isDisturbed))) {
        if (entry === live && !isDisturbed) {
          throw new UserError(
            `release ${entry.version} of stack ${stack} is what runs already: nothing to roll back`,
          );
        }
        return { live, failed, target: entry, undone: newer.reverse() };
      }
    } else if (entry.version === to) {
      throw new UserError(unusable(entry, stack));
    } else if (live === undefined && entry.release !== undefined) {
      failed ??= entry;
    }
    newer.push(entry);
  }
  throw new UserError(missing(to, live, stack), to === undefined ? 1 : 2);
}

function isKnown(entry: ReleaseEntry): entry is KnownRelease {
  return entry.release !== undefined;
}

function isWanted(entry: KnownRelease, live: KnownRelease, isDisturbed: boolean): boolean {
  return entry === live ? isDisturbed : !isSameContent(entry.release, live.release);
}

function isServedOtherwise({ release }: KnownRelease, serving: Partial<Record<Released, string>>): boolean {
  return RELEASED.some(
    (service) => serving[service] !== undefined && serving[service] !== release.images[service],
  );
}

function unusable({ version, result }: ReleaseEntry, stack: string): string {
  const why =
    result === "succeeded"
      ? "has no state any more that says what it was"
      : result === "failed"
        ? "has failed"
        : "has not ended";
  return `release ${version} of stack ${stack} ${why}: take one that succeeded, ./fitnesscrm releases lists them`;
}

function missing(to: number | undefined, live: ReleaseEntry | undefined, stack: string): string {
  if (to !== undefined) {
    return `release ${to} of stack ${stack} is not in the history of its state: ./fitnesscrm releases lists those that are`;
  }
  return live === undefined
    ? `stack ${stack} has no release that succeeded: nothing to go back to`
    : `release ${live.version} of stack ${stack} has no other release before it: nothing to go back to`;
}

/**
 * Id of the backup that was made before the first deployment that a rollback undoes: the data as the target left them (M21).
 * An update that its gate refused has none, and has changed nothing.
 */
export function backupBefore({
  undone,
}: Pick<Choice, "undone">): { id: string; version: number } | undefined {
  for (const { release, version } of undone) {
    if (release?.backup != null) {
      return { id: release.backup, version };
    }
  }
  return undefined;
}
