/** Who of several is reached by timestamps that begin with one of their prefixes, at every moment and not at samples. Pure. */

/** Timestamps in UTC to the minute, by what may come next: every one of this century's. */
const SHAPE = "20##-##-##T##:##";

/** A moment at which others are reached than should be. */
export interface Gap {
  /** Beginning of the timestamps, such as `2026-12-04T22`. */
  readonly at: string;
  /** How many are reached. */
  readonly reached: number;
}

/**
 * The first moments, from `since` on, at which a wrong number of them is reached.
 *
 * @param lists Each one's prefixes.
 * @param since Beginning of the first timestamp that counts.
 */
export function firstGap(
  lists: readonly (readonly string[])[],
  since: string,
  isRight: (reached: number) => boolean,
): Gap | undefined {
  const walk = (prefix: string, open: readonly (readonly string[])[], reached: number): Gap | undefined => {
    if (prefix < since.slice(0, prefix.length)) {
      return undefined;
    }
    const sure = open.filter((list) => list.includes(prefix)).length + reached;
    const rest = open
      .filter((list) => !list.includes(prefix))
      .map((list) => list.filter((other) => other.startsWith(prefix)))
      .filter((list) => list.length > 0);
    if (rest.length === 0) {
      return isRight(sure) ? undefined : { at: prefix, reached: sure };
    }
    for (const next of continuations(prefix)) {
      const gap = walk(next, rest, sure);
      if (gap !== undefined) {
        return gap;
      }
    }
    return undefined;
  };
  return walk("20", lists, 0);
}

/** What may follow: digits that make a time of the calendar, and the separators between them. */
function continuations(prefix: string): string[] {
  const next = SHAPE[prefix.length];
  if (next === undefined) {
    return [];
  }
  return (next === "#" ? [..."0123456789"] : [next]).map((char) => prefix + char).filter(isTime);
}

/** True when a timestamp of the calendar begins so. */
function isTime(prefix: string): boolean {
  const [year = "", month = "", day = "", hour = "", minute = ""] = prefix.split(/[-T:]/);
  const daysOfMonth =
    month.length === 2 && year.length === 4
      ? new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
      : 31;
  return fits(month, 1, 12) && fits(day, 1, daysOfMonth) && fits(hour, 0, 23) && fits(minute, 0, 59);
}

/** True when a number of two digits in a range begins so. */
function fits(digits: string, least: number, most: number): boolean {
  const from = Number(digits.padEnd(2, "0"));
  const to = Number(digits.padEnd(2, "9"));
  return digits === "" || (from <= most && to >= least);
}
