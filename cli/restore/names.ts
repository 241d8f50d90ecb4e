/** What PostgreSQL keeps of a name, bytes. */
const MAX_NAME = 63;
/** Fourteen digits and the longest infix, `_replaced_`. */
const ROOM_FOR_BASE = MAX_NAME - 24;

/** A moment as part of a name: `20251124152500`, UTC. */
export function stampOf(date: Date): string {
  return date.toISOString().replace(/\D/g, "").slice(0, 14);
}

/** The moment of a stamp, ISO. */
export function timeOf(stamp: string): string {
  return stamp.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1-$2-$3T$4:$5:$6Z");
}

/** The moment's stamp, or the first one that is later than every stamp in use. */
export function nextStamp(now: Date, used: readonly string[]): string {
  const newest = [...used].sort().at(-1);
  return newest === undefined || stampOf(now) > newest
    ? stampOf(now)
    : stampOf(new Date(Date.parse(timeOf(newest)) + 1000));
}

/** Name of the database that a backup is loaded into. */
export function targetName(live: string, stamp: string): string {
  return `${live.slice(0, ROOM_FOR_BASE)}_restore_${stamp}`;
}

/** Name under which the database that was replaced is kept. */
export function replacedName(live: string, stamp: string): string {
  return `${live.slice(0, ROOM_FOR_BASE)}_replaced_${stamp}`;
}

/** Whether a database is one that {@link targetName} names: what a restore of `live` loads into, or has left behind. */
export function isTargetOf(live: string, name: string): boolean {
  const prefix = `${live.slice(0, ROOM_FOR_BASE)}_restore_`;
  return name.startsWith(prefix) && /^\d{14}$/.test(name.slice(prefix.length));
}
