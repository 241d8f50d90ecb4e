/** What the rule needs to know about a local backup. */
export interface Prunable {
  readonly id: string;
  /** ISO time. */
  readonly createdAt: string;
  /** ISO time at which its copy in S3 was read back, or null. */
  readonly verifiedAt: string | null;
}

const DAY_MS = 86_400_000;

/**
 * Ids of the local backups that may go (M43): older than `retentionDays`, and a newer one is verified. So the newest verified
 * one always stays, and while nothing gets verified nothing goes.
 */
export function toPrune(backups: readonly Prunable[], retentionDays: number, now: Date): string[] {
  const time = (backup: Prunable) => Date.parse(backup.createdAt);
  const newestVerified = Math.max(
    ...backups.filter(({ verifiedAt }) => verifiedAt !== null).map(time),
    Number.NEGATIVE_INFINITY,
  );
  const limit = now.getTime() - retentionDays * DAY_MS;
  return backups
    .filter((backup) => time(backup) < limit && time(backup) < newestVerified)
    .map(({ id }) => id);
}
