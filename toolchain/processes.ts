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

/** What a process that runs is called; undefined when there is none, or it has ended. */
export async function runningName(pid: number): Promise<string | undefined> {
  try {
    const { name, ended } = await readStat(pid);
    return ended ? undefined : name;
  } catch {
    return undefined;
  }
}

/** @throws Error when there is no such process, or the system has no `/proc`. */
async function readStat(pid: number): Promise<{ name: string; fields: string[]; ended: boolean }> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold spaces and parentheses itself.
  const end = line.lastIndexOf(")");
  const fields = line.slice(end + 2).split(" ");
  // A zombie has ended, though its number and its name are still taken.
  return { name: line.slice(line.indexOf("(") + 1, end), fields, ended: /^[ZX]/.test(fields[0] ?? "") };
}

/** The identity of a running process; `started` is undefined when the process is gone or the system has no `/proc`. */
export async function identify(pid: number): Promise<ProcessIdentity> {
  try {
    const [{ fields, ended }, boot] = await Promise.all([
      readStat(pid),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    if (ended) return { pid };
    // The start time is the 20th field after the name.
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
