import { z } from "zod";
import { messageOf, UserError } from "../errors";
import { runInOps } from "../ops";
import { restoreStack } from "../restore";
import { type BackupEntry, backupEntry } from "../restore/plan";
import type { RestoreSummary } from "../restore/report";
import type { Session } from "../session";
import { backupBefore, type Choice } from "./choose";

/**
 * The backup made before the first deployment that a rollback undoes (M21).
 *
 * @throws UserError when it is not there any more.
 */
export async function requireBackup(
  { docker, context }: Pick<Session, "docker" | "context">,
  choice: Pick<Choice, "undone" | "target">,
): Promise<BackupEntry> {
  const wanted = backupBefore(choice);
  const without = "nothing was changed; without --restore-database the rollback leaves the database as it is";
  if (wanted === undefined) {
    throw new UserError(
      `rollback --restore-database: no backup was made by a deployment after release ${choice.target.version}: ${without}`,
    );
  }
  const answer = await runInOps(docker, context.stack, "ops", ["backups"], { timeoutSeconds: 120 });
  const found = z
    .array(backupEntry)
    .parse(answer)
    .find(({ id }) => id === wanted.id);
  if (found === undefined) {
    throw new UserError(
      `rollback --restore-database: backup ${wanted.id}, made before release ${wanted.version}, is gone: ${without}`,
    );
  }
  return found;
}

/** After the code: the release that comes back works with the schema of its successor, not the other way round. */
export async function restoreDatabase(
  stack: string,
  { id }: BackupEntry,
  version: number,
): Promise<RestoreSummary | undefined> {
  try {
    return await restoreStack({ stack, id, yes: true });
  } catch (error) {
    throw new UserError(
      `rollback: release ${version} serves, and its database was not brought back: ${messageOf(error)}. To try it again: ` +
        `./fitnesscrm restore --id ${id}${stack === "local" ? "" : ` --stack ${stack}`}`,
    );
  }
}
