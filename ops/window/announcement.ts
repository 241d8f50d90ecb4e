/** What became of the notice of one maintenance window: a file beside the window's journal (M38, M41). */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Window } from "../../maintenanceWindow";
import { writeWhole } from "./wholeFile";

const isoTime = z.string().refine((text) => !Number.isNaN(Date.parse(text)));

export const announcement = z.strictObject({
  /** Beginning of the window, ISO time. */
  from: isoTime,
  /**
   * `sending`: mail goes out, or ops was stopped in it; `announced`: everybody was told; `incomplete`: not everybody has mail, for the
   * reason.
   */
  state: z.enum(["sending", "announced", "incomplete"]),
  /** False where the stack sends none (`maintenance.noticeMail`): banner and status page alone tell of the window. */
  mail: z.boolean(),
  startedAt: isoTime,
  endedAt: isoTime.nullable(),
  /** Users whose mail was taken by the mail service, of those who have a usable address. */
  told: z.int().min(0),
  of: z.int().min(0),
  reason: z.string(),
  /** When the window had ended and the notices were taken back; null until then. */
  clearedAt: isoTime.nullable(),
});

/** The notice of one window. Times are ISO. It has a file of its own, so that it and the window's journal never overwrite each other. */
export type Announcement = z.infer<typeof announcement>;

/** Begins the names of files that are no journals. */
export const NOTICE = "notice-";

/** Where the deliveries of a window's notice are kept until the window has ended. */
export function deliveriesFile(folder: string, from: Date): string {
  return join(folder, `${nameOf(from)}.jsonl`);
}

/** The notice of a window; null where none was begun, or its file is damaged. @param folder Where the journals lie. */
export async function readAnnouncement(folder: string, from: Date): Promise<Announcement | null> {
  try {
    return announcement.parse(JSON.parse(await readFile(join(folder, `${nameOf(from)}.json`), "utf8")));
  } catch {
    return null;
  }
}

/** Writes it; on the disk when this resolves, and never half of it. */
export async function writeAnnouncement(folder: string, value: Announcement): Promise<void> {
  await writeWhole(folder, `${nameOf(new Date(value.from))}.json`, value);
}

/**
 * Takes the notices of a window back, however it ended (M41): the record says when, and who got mail is forgotten. Banner and status page
 * follow the window's journal within a minute.
 *
 * @param end How the window ended, such as `done`.
 * @returns What users had been told, in one line.
 */
export async function clearAnnouncement(
  folder: string,
  { from }: Pick<Window, "from">,
  end: string,
  now: Date,
): Promise<string> {
  const known = await readAnnouncement(folder, from);
  if (known !== null) {
    await writeAnnouncement(folder, { ...known, clearedAt: known.clearedAt ?? now.toISOString() });
  }
  await rm(deliveriesFile(folder, from), { force: true });
  return `banner and status page say that the window is ${end}; ${toldText(known)}`;
}

/** Who was told by mail, in a few words for operators. */
export function toldText(known: Announcement | null): string {
  if (known === null) {
    return "no notice of it was sent by mail";
  }
  if (!known.mail) {
    return "by maintenance.noticeMail no notice of it goes by mail";
  }
  const users = `${known.told} of ${known.of} ${known.of === 1 ? "user" : "users"}`;
  return known.state === "announced"
    ? `${users} told by mail`
    : known.reason === ""
      ? `${users} told by mail so far`
      : known.reason;
}

function nameOf(from: Date): string {
  return `${NOTICE}${from.toISOString().replaceAll(":", "-")}`;
}
