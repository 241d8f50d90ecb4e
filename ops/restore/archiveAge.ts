import type { Client } from "pg";

export interface RestorablePoint {
  /** When the server last put a piece of its log into S3: what was committed before can be restored to a point in time. */
  readonly lastArchivedAt: Date | null;
  /** The piece that fails now, and since when, in one line; null while archiving works. */
  readonly failing: string | null;
}

/**
 * How far the database's log is in S3, as the server itself counts. Any role may ask. The server commits something every two
 * minutes for this (`archive.sh`), so that a database at rest does not look like an archive that is broken.
 *
 * `lastArchivedAt` is null while nothing was archived since the statistics began, as in a new cluster or without an archive.
 */
export async function restorablePoint(client: Pick<Client, "query">): Promise<RestorablePoint> {
  const { rows } = await client.query<{
    archived: Date | null;
    failedAt: Date | null;
    failedWal: string | null;
  }>(
    `SELECT last_archived_time AS archived, last_failed_time AS "failedAt", last_failed_wal AS "failedWal"
     FROM pg_catalog.pg_stat_archiver`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the server has no pg_stat_archiver");
  const { archived, failedAt, failedWal } = row;
  const failing = failedAt !== null && (archived === null || failedAt > archived);
  return {
    lastArchivedAt: archived,
    failing: failing
      ? `the database's log is not archived: ${failedWal ?? "a piece"} failed last at ${failedAt.toISOString()}`
      : null,
  };
}
