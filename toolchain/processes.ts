import { readFile } from "node:fs/promises";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time and boot, as the kernel counts them; undefined where it does not tell. */
  readonly started?: string;
}

/** Whether a process with this number runs. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of somebody else's may be seen but not signalled.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The identity of a running process; `started` is undefined when the process is gone or the system has no `/proc`. */
export async function identify(pid: number): Promise<ProcessIdentity> {
  try {
    const [line, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    // The name in parentheses may hold spaces and parentheses itself; the start time is the 20th field after it.
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended, though its number is still taken.
    if (fields[0] === "Z") return { pid };
    return { pid, started: `${fields[19]}@${boot.trim()}` };
  } catch {
    return { pid };
  }
}

/** Whether exactly this process still runs. */
export async function isSame(identity: ProcessIdentity): Promise<boolean> {
  if (identity.started === undefined) return isRunning(identity.pid);
  return (await identify(identity.pid)).started === identity.started;
}
