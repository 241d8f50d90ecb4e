/**
 * A span of time as beginnings of timestamps: `2026-11-27` is that whole day, `2026-11-27T2` its last four hours. What filters by
 * text only, such as a filter policy of SNS, can be told a span so.
 */

/** What a timestamp is made of behind its century, each of two digits. */
const FIELDS = [
  { separator: "", least: 0 },
  { separator: "-", least: 1 },
  { separator: "-", least: 1 },
  { separator: "T", least: 0 },
  { separator: ":", least: 0 },
] as const;

const MINUTE = 60_000;

/**
 * The fewest prefixes of ISO timestamps in UTC that all moments from `from` up to `until`, which is no longer in it, begin with, and
 * no other one does.
 *
 * @param from Full minute between the years 2000 and 2100, as `until`.
 */
export function periodPrefixes(from: number, until: number): string[] {
  if (from % MINUTE !== 0 || until % MINUTE !== 0) {
    throw new RangeError("a span of time must begin and end at full minutes");
  }
  return below("20", [], from, until);
}

/** Prefixes behind one that the span covers in part. */
function below(prefix: string, values: readonly number[], from: number, until: number): string[] {
  const field = FIELDS[values.length];
  if (field === undefined || until <= from) {
    return [];
  }
  const found: string[] = [];
  const last = largest(values);
  const start = (value: number) => startOf([...values, value]);
  for (let ten = 0; ten <= last; ten += 10) {
    const least = Math.max(ten, field.least);
    const most = Math.min(ten + 9, last);
    if (start(least) >= from && start(most + 1) <= until) {
      found.push(`${prefix}${field.separator}${ten / 10}`);
      continue;
    }
    for (let value = least; value <= most; value++) {
      const text = `${prefix}${field.separator}${String(value).padStart(2, "0")}`;
      if (start(value) >= from && start(value + 1) <= until) {
        found.push(text);
      } else if (start(value) < until && start(value + 1) > from) {
        found.push(...below(text, [...values, value], from, until));
      }
    }
  }
  return found;
}

/** The largest value of the field behind these. */
function largest(values: readonly number[]): number {
  const [year = 0, month = 1] = values;
  const daysOfMonth = new Date(Date.UTC(2000 + year, month, 0)).getUTCDate();
  return [99, 12, daysOfMonth, 23, 59][values.length] ?? 0;
}

/** The first moment of a timestamp of which only some fields are given. One field may be one too large: it carries. */
function startOf([year = 0, month = 1, day = 1, hour = 0, minute = 0]: readonly number[]): number {
  return Date.UTC(2000 + year, month - 1, day, hour, minute);
}
