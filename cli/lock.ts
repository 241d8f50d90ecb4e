import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { tryLock } from "../toolchain/lockFile";
import { identify, isSame, type ProcessIdentity } from "../toolchain/processes";
import { UserError } from "./errors";

/** Who holds a stack's lock. */
export interface LockHolder extends ProcessIdentity {
  readonly user: string;
  readonly host: string;
  readonly command: string;
  readonly since: string;
}

/**
 * Takes the lock of a stack's folder for one command. A holder that is gone (killed, or the machine restarted) is put aside.
 *
 * The lock covers what Pulumi's own does not: making the tools, the emulator and the settings. Pulumi's lock stays in force
 * for the update itself, between machines as well.
 *
 * @returns Gives the lock back.
 * @throws UserError naming the holder.
 */
export async function takeLock(folder: string, command: string): Promise<() => Promise<void>> {
  const mine: LockHolder = {
    ...(await identify(process.pid)),
    user: userInfo().username,
    host: hostname(),
    command,
    since: new Date().toISOString(),
  };
  // A home on a shared disk: whether another machine's process still runs cannot be known from here.
  const isAlive = async (holder: LockHolder): Promise<boolean> =>
    holder.host !== mine.host || (await isSame(holder));
  const attempt = await tryLock(join(folder, "lock"), mine, isAlive);
  if ("holder" in attempt) {
    const { user, host, pid, since, command: running } = attempt.holder;
    throw new UserError(
      `stack is locked: ${user} runs \`${running}\` on ${host} since ${since} (process ${pid}): wait for it, or end it ` +
        `with \`kill ${pid}\``,
    );
  }
  return attempt.release;
}
