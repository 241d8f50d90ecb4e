import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors";
import { tableRows } from "./catalog";

/** What is about to be done, in this order. */
export const STEPS = ["load", "uploads", "stop", "swap", "finish"] as const;
export type RestoreStep = (typeof STEPS)[number];

const stamp = z.string().regex(/^\d{14}$/);
const databaseName = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/);

const backup = z.object({
  /** null for a point in time. */
  id: z.string().nullable(),
  /** When the data stood like this, ISO. */
  createdAt: z.string(),
});

const journal = z.strictObject({
  version: z.literal(1),
  kind: z.enum(["restore", "undo"]),
  stack: z.string(),
  /** The application's database. */
  live: databaseName,
  /** The database that takes its place. */
  target: databaseName,
  /** What the live one is called afterwards. That it exists means that the swap was done. */
  replaced: databaseName,
  /** Part of every name that this restore gives. */
  stamp,
  backup,
  /** When it began; once it stops the application, when it began with that. ISO. */
  since: z.string(),
  step: z.enum(STEPS),
  /** Tasks of the backend before it was stopped; null while that was not looked at. */
  replicas: z.number().int().nonnegative().nullable(),
  uploads: z.discriminatedUnion("way", [
    /** They stay as they are. */
    z.strictObject({ way: z.literal("keep") }),
    /** New ones were put beside the current ones. */
    z.strictObject({ way: z.literal("new") }),
    /** Those that an earlier restore put aside come back. */
    z.strictObject({ way: z.literal("kept"), stamp }),
  ]),
  /** What the target held when it was loaded. */
  rows: z.array(tableRows).nullable(),
});

/** How far a restore has come: enough to finish or to reverse it, whatever has become of the process. */
export type Journal = z.infer<typeof journal>;

const note = z.object({
  fitnesscrm: z.literal("restore"),
  live: databaseName,
  kind: z.enum(["restore", "undo"]),
  backup,
  stamp,
  /** Whether the uploads of that time are kept beside it. */
  uploads: z.boolean(),
  /** The restore that is not finished yet; null when it is. */
  unfinished: journal.nullable(),
});

/**
 * Comment of a database that a restore has made or put aside. It says what the database is to whoever looks at the server, and
 * carries the journal to other machines.
 */
export type Note = z.infer<typeof note>;

export function noteOf(entry: Journal, state: "unfinished" | "finished"): Note {
  return {
    fitnesscrm: "restore",
    live: entry.live,
    kind: entry.kind,
    backup: entry.backup,
    stamp: entry.stamp,
    uploads: entry.uploads.way !== "keep",
    unfinished: state === "unfinished" ? { ...entry, rows: null } : null,
  };
}

/** The comment as a note, or undefined for any other comment. */
export function parseNote(comment: string | null): Note | undefined {
  try {
    const parsed = note.safeParse(JSON.parse(comment ?? ""));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export function parseJournal(text: string, where: string): Journal {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = journal.safeParse(value);
  if (!parsed.success) {
    throw new UserError(
      `${where}: is not the journal of a restore: move it away and run the command again, which reads what the ` +
        "database server knows of it",
    );
  }
  return parsed.data;
}

/** Where the journal of a restore is kept while it runs. */
export interface JournalStore {
  read(): Journal | undefined;
  /** Returns once it is on the disk. */
  write(entry: Journal): void;
  remove(): void;
}

/** Where a restore that is under way is written down; absent when none is. @param folder The stack's own folder. */
export function journalPath(folder: string): string {
  return join(folder, "restore.json");
}

/** @param folder The stack's own folder; the caller holds its lock. */
export function journalFile(folder: string): JournalStore {
  const path = journalPath(folder);
  return {
    read: () => {
      const text = readText(path);
      return text === undefined ? undefined : parseJournal(text, path);
    },
    write: (entry) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const partial = `${path}.partial`;
      const file = openSync(partial, "w", 0o600);
      try {
        writeSync(file, `${JSON.stringify(entry, null, 2)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(partial, path);
      syncFolder(path);
    },
    remove: () => {
      rmSync(path, { force: true });
      syncFolder(path);
    },
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

/** A rename is on the disk only when its folder is. */
function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
