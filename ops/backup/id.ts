import { randomBytes } from "node:crypto";

/** `YYYYMMDDTHHMMSSZ-xxxx`: the snapshot's time in UTC, and 4 hex digits. Sorts by time. */
export const ID_PATTERN = /^\d{8}T\d{6}Z-[0-9a-f]{4}$/;
/** The folder of a backup that is being made. */
export const PARTIAL = ".partial-";

/** A new id for a moment. */
export function newId(at: Date): string {
  const stamp = at.toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  return `${stamp}-${randomBytes(2).toString("hex")}`;
}

export function isId(text: string): boolean {
  return ID_PATTERN.test(text);
}
