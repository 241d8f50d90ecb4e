/** A failed login, as the application's log has it. */
export interface Failure {
  readonly at: Date;
  readonly account: string;
  readonly address: string;
}

/** Many failed logins of one account, or from one address, in a short time (M49). */
export interface Burst {
  readonly by: "account" | "address";
  readonly name: string;
  readonly count: number;
  readonly from: Date;
  readonly until: Date;
}

/** How many failures within how many minutes are more than somebody who mistypes. */
export const BURST = { failures: 5, minutes: 10 } as const;

/**
 * Bursts, the largest first: runs of failures of which each `BURST.failures` in a row are within `BURST.minutes`. Two that touch are one.
 */
export function burstsOf(
  failures: readonly Failure[],
  limit: typeof BURST | { failures: number; minutes: number } = BURST,
): Burst[] {
  const bursts = (["account", "address"] as const).flatMap((by) =>
    [...grouped(failures, by)].flatMap(([name, times]) =>
      runs(times, limit).map((run) => ({ by, name, ...run })),
    ),
  );
  return bursts.sort((a, b) => b.count - a.count || a.from.getTime() - b.from.getTime());
}

function grouped(failures: readonly Failure[], by: "account" | "address"): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const failure of failures) {
    const name = failure[by];
    if (name !== "") {
      const times = groups.get(name) ?? [];
      times.push(failure.at.getTime());
      groups.set(name, times);
    }
  }
  return groups;
}

function runs(
  times: readonly number[],
  limit: { failures: number; minutes: number },
): { count: number; from: Date; until: Date }[] {
  const sorted = [...times].sort((a, b) => a - b);
  const found: { first: number; last: number }[] = [];
  for (let last = limit.failures - 1; last < sorted.length; last++) {
    const first = last - limit.failures + 1;
    if ((sorted[last] ?? 0) - (sorted[first] ?? 0) > limit.minutes * 60_000) {
      continue;
    }
    const open = found.at(-1);
    if (open !== undefined && first <= open.last) {
      open.last = last;
    } else {
      found.push({ first, last });
    }
  }
  return found.map(({ first, last }) => ({
    count: last - first + 1,
    from: new Date(sorted[first] ?? 0),
    until: new Date(sorted[last] ?? 0),
  }));
}
