import type { Manifest } from "../backup/manifest";

/** A server's version as it says it: `17.6 (Debian 17.6-1)`, and 170006. */
export interface ServerVersion {
  readonly text: string;
  readonly number: number;
}

const major = (number: number): number => Math.floor(number / 10_000);

/**
 * A dump of a newer major version may hold what the server does not know; one of an older version is what upgrades are made of.
 *
 * @throws Error of one line with both versions.
 */
export function refuseNewerBackup(
  { id, serverVersion, serverVersionNum }: Pick<Manifest, "id" | "serverVersion" | "serverVersionNum">,
  server: ServerVersion,
): void {
  if (major(server.number) < major(serverVersionNum)) {
    throw new Error(
      `backup ${id} is of PostgreSQL ${serverVersion} and the server is ${server.text}: restore it into version ` +
        `${major(serverVersionNum)} or newer`,
    );
  }
}
