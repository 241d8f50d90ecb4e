import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { UserError } from "./errors";
import { processStart } from "./processes";

/** Who holds a stack's lock. */
export interface LockHolder {
  pid: number;
  /** Start of that process, so that a number which was given out again is not taken for it. */
  started: string;
  user: string;
  host: string;
  command: string;
  since: string;
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
export function takeLock(folder: string, command: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "lock");
  const own: LockHolder = {
    pid: process.pid,
    started: processStart(process.pid) ?? "",
    user: userInfo().username,
    host: hostname(),
    command,
    since: new Date().toISOString(),
  };
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    // A link is made in one step or not at all, and the lock is never seen half written.
    for (let attempt = 0; ; attempt++) {
      try {
        linkSync(draft, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
          throw error;
        }
        const holder = readHolder(path);
        if (holder !== undefined && (attempt > 0 || isAlive(holder))) {
          throw new UserError(
            `stack is locked: ${holder.user} runs \`${holder.command}\` on ${holder.host} since ${holder.since} ` +
              `(process ${holder.pid}): wait for it, or end it with \`kill ${holder.pid}\``,
          );
        }
        rmSync(path, { force: true });
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (readHolder(path)?.pid === process.pid) {
      rmSync(path, { force: true });
    }
  };
}

function readHolder(path: string): LockHolder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LockHolder;
  } catch {
    return undefined;
  }
}

function isAlive(holder: LockHolder): boolean {
  if (holder.host !== hostname()) {
    return true;
  }
  return processStart(holder.pid) === holder.started && holder.started !== "";
}
