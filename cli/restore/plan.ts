import { z } from "zod";
import { UserError } from "../errors";

/** Options of `./fitnesscrm restore`, as the command line has them. */
export interface RestoreOptions {
  stack: string;
  latest?: boolean;
  id?: string;
  from?: string;
  toTime?: string;
  dryRun?: boolean;
  undo?: boolean;
  confirm?: boolean;
  yes?: boolean;
  json?: boolean;
}

export type From = "any" | "local" | "s3";

export type Choice = { latest: true } | { id: string } | { toTime: string };

export type Request =
  | { what: "restore"; choice: Choice; from: From; dryRun: boolean }
  /** Back to what the last restore put aside. */
  | { what: "undo" }
  /** Drop what restores have put aside. */
  | { what: "confirm" }
  /** Put right what a killed restore has left, and no more. */
  | { what: "settle" };

/** One backup, as the container command `backups` and `./fitnesscrm backups --json` have it. */
export const backupEntry = z.object({
  id: z.string(),
  createdAt: z.string(),
  bytes: z.number(),
  sha256: z.string(),
  label: z.string().nullable(),
  release: z.string(),
  local: z.boolean(),
  s3: z.boolean(),
  verifiedAt: z.string().nullable(),
});
export type BackupEntry = z.infer<typeof backupEntry>;

const ID = /^\d{8}T\d{6}Z-[0-9a-f]{4}$/;
/** Date, time and zone. Without its zone a time means something else on every machine. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$/;

/** @throws UserError with exit code 2 for what does not fit together. */
export function parseRequest(options: RestoreOptions, now: Date): Request {
  const chosen = [
    ["--latest", options.latest],
    ["--id", options.id],
    ["--to-time", options.toTime],
    ["--undo", options.undo],
    ["--confirm", options.confirm],
  ].flatMap(([name, value]) => (value === undefined || value === false ? [] : [String(name)]));
  if (chosen.length > 1) {
    throw new UserError(`restore: ${chosen.join(" and ")} exclude each other`, 2);
  }
  const from = parseFrom(options.from);
  if (options.undo || options.confirm) {
    const extra = options.from !== undefined ? "--from" : options.dryRun ? "--dry-run" : undefined;
    if (extra !== undefined) {
      throw new UserError(`restore ${chosen[0]}: ${extra} has no meaning for it`, 2);
    }
    return { what: options.undo ? "undo" : "confirm" };
  }
  const dryRun = options.dryRun ?? false;
  if (options.id !== undefined) {
    if (!ID.test(options.id)) {
      throw new UserError(
        `restore --id ${options.id}: is not the id of a backup, such as 20250131T070000Z-1a2b: ./fitnesscrm backups ` +
          "lists them",
        2,
      );
    }
    return { what: "restore", choice: { id: options.id }, from, dryRun };
  }
  if (options.toTime !== undefined) {
    if (options.from !== undefined) {
      throw new UserError("restore --to-time: --from has no meaning for it, the log is in S3", 2);
    }
    return { what: "restore", choice: { toTime: parseTime(options.toTime, now) }, from, dryRun };
  }
  // On a new machine `restore --from s3` is what people type, and there is one thing it can mean.
  if (options.latest || options.from !== undefined || dryRun) {
    return { what: "restore", choice: { latest: true }, from, dryRun };
  }
  return { what: "settle" };
}

function parseFrom(from: string | undefined): From {
  if (from === undefined) {
    return "any";
  }
  if (from !== "local" && from !== "s3") {
    throw new UserError(`restore --from ${from}: must be s3 or local`, 2);
  }
  return from;
}

function parseTime(text: string, now: Date): string {
  const time = new Date(text);
  if (!TIME.test(text) || Number.isNaN(time.getTime())) {
    throw new UserError(
      `restore --to-time ${text}: must be a time with its zone, such as 2025-01-31T14:05:00Z or 2025-01-31T09:05:00-05:00`,
      2,
    );
  }
  if (time > now) {
    throw new UserError(`restore --to-time ${text}: lies in the future`, 2);
  }
  return time.toISOString();
}

/** The backup that was asked for. @throws UserError when there is none. */
export function chooseBackup(
  backups: readonly BackupEntry[],
  choice: { latest: true } | { id: string },
  from: From,
  stack: string,
): BackupEntry {
  const where = from === "any" ? "" : from === "s3" ? " in S3" : " on this machine";
  const there = backups.filter(({ local, s3 }) => (from !== "s3" && local) || (from !== "local" && s3));
  if ("id" in choice) {
    const found = there.find(({ id }) => id === choice.id);
    if (found === undefined) {
      throw new UserError(
        `backup ${choice.id} of stack ${stack} does not exist${where}: ./fitnesscrm backups lists those that do`,
      );
    }
    return found;
  }
  const [newest] = newestFirst(there);
  if (newest === undefined) {
    throw new UserError(`stack ${stack} has no backup${where}: ./fitnesscrm backup makes one`);
  }
  return newest;
}

/** The newest backup that is not younger than a moment; its uploads are the nearest to it. */
export function newestBefore(backups: readonly BackupEntry[], time: string): BackupEntry | undefined {
  return newestFirst(backups).find(({ createdAt }) => Date.parse(createdAt) <= Date.parse(time));
}

function newestFirst(backups: readonly BackupEntry[]): BackupEntry[] {
  return [...backups].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
}

/** `3 hours`: how long ago a moment is, in the largest unit that gives at least 2 of it. */
export function ageOf(iso: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(iso)) / 1000));
  const units: [string, number][] = [
    ["days", 86_400],
    ["hours", 3600],
    ["minutes", 60],
  ];
  const unit = units.find(([, length]) => seconds >= 2 * length);
  return unit === undefined
    ? `${seconds} second${seconds === 1 ? "" : "s"}`
    : `${Math.floor(seconds / unit[1])} ${unit[0]}`;
}

/** `2025-01-31 07:00:00 UTC` */
export function momentOf(iso: string): string {
  return new Date(iso)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}

/** What a person is asked before the application's data changes. */
export function restoreQuestion(stack: string, what: string, createdAt: string, now: Date): string {
  return (
    `Restore stack ${stack} to ${what} of ${momentOf(createdAt)}, ${ageOf(createdAt, now)} old? ` +
    "Everything written since then is lost to the application (it is kept until `./fitnesscrm restore --confirm`)."
  );
}
