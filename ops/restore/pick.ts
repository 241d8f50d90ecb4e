/** Which backup a restore takes. An id begins with its time: the greatest one is the newest. */

export type From = "local" | "s3" | "any";

export interface Wanted {
  /** The newest one when left out. */
  readonly id?: string;
  readonly from: From;
}

export interface Picked {
  readonly id: string;
  /** Where it can be read, in the order in which to try. */
  readonly places: readonly ("local" | "s3")[];
}

/**
 * @param local Ids of the complete backups on this machine; `remote` those in S3, or undefined when S3 was not asked.
 * @throws Error of one line when there is no such backup.
 */
export function pick(
  wanted: Wanted,
  local: readonly string[],
  remote: readonly string[] | undefined,
): Picked {
  const here = wanted.from === "s3" ? [] : local;
  const there = wanted.from === "local" ? [] : (remote ?? []);
  const id = wanted.id ?? [...here, ...there].sort().at(-1);
  const places = [
    ...(id !== undefined && here.includes(id) ? (["local"] as const) : []),
    ...(id !== undefined && there.includes(id) ? (["s3"] as const) : []),
  ];
  if (id === undefined || places.length === 0) {
    const where = { local: "on this machine", s3: "in S3", any: "here or in S3" }[wanted.from];
    throw new Error(
      wanted.id === undefined
        ? `there is no backup ${where}: make one with ./fitnesscrm backup`
        : `there is no complete backup ${wanted.id} ${where}: see ./fitnesscrm backups`,
    );
  }
  return { id, places };
}
