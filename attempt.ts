/**
 * Attempts: what tells a deployment that changes something from an `up` that finds everything as declared, and a retry from
 * both (M16, M18).
 *
 * The last attempt is recorded on the stack's Docker host, in a Swarm config that no service uses. The program compares what it
 * declares with the record; the gates write it.
 */
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";

/** The facts of {@link PinnedRelease}, as the program hands them to the gate. */
export const pinnedRelease = z.object({
  /** Number of the update in the state's history. */
  version: z.number(),
  commit: z.string().nullable(),
  by: z.string(),
  at: z.string(),
});

/** A release that a rollback holds: nothing else is deployed until it is lifted (M20). */
export type PinnedRelease = z.infer<typeof pinnedRelease>;

const digests = z.record(z.string(), z.string());

const attemptRecord = z.object({
  attempt: z.string(),
  /** `started`: its gates let it change services. `verified`: they have seen it work. */
  stage: z.enum(["started", "verified"]),
  /** ISO time. */
  startedAt: z.string(),
  by: z.string(),
  /** Id of the backup made before it; null where there was nothing to save, or a reason to go on without. */
  backup: z.string().nullable(),
  /** 40 hex digits; null where there is no git checkout. */
  commit: z.string().nullable(),
  /** Files differed from the commit. */
  dirty: z.boolean(),
  /** What the gate before saw and did, a line each, and how long it took. */
  before: z.object({ notes: z.array(z.string()), seconds: z.number() }),
  /** Why it went on despite what was found. */
  despite: z.string().optional(),
  /** Digest of what was declared for each service. */
  services: digests,
  pin: pinnedRelease.optional(),
  /** The last release that was verified. */
  live: z
    .object({
      attempt: z.string(),
      commit: z.string().nullable(),
      /** References by service. */
      images: z.record(z.string(), z.string()),
      services: digests,
    })
    .optional(),
});

export type AttemptRecord = z.infer<typeof attemptRecord>;

/** Name of the Swarm config that holds a stack's record. */
export function recordName(stack: string): string {
  return `fitnesscrm-${stack}-attempt`;
}

/** @returns undefined for what is no record; the next deployment then counts as a new attempt. */
export function parseRecord(text: string): AttemptRecord | undefined {
  try {
    return attemptRecord.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Digest of what is declared for a service, whatever the order of its properties. */
export function digestOf(declared: unknown): string {
  return createHash("sha256").update(stable(declared)).digest("hex").slice(0, 16);
}

function stable(value: unknown): string {
  return (
    JSON.stringify(value, (_key, node: unknown) =>
      typeof node === "object" && node !== null && !Array.isArray(node)
        ? Object.fromEntries(Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1)))
        : node,
    ) ?? "undefined"
  );
}

/** Services whose declaration is other than it was, those that are new or gone included; sorted. */
export function changedServices(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]).sort();
}

/**
 * The attempt that a deployment of `services` is: the recorded one when it was verified and nothing has changed since, else
 * a new one.
 */
export function attemptFor(
  record: AttemptRecord | undefined,
  services: Readonly<Record<string, string>>,
  newAttempt: () => string,
): string {
  const isLive = record?.stage === "verified" && changedServices(record.services, services).length === 0;
  return isLive ? record.attempt : newAttempt();
}

/** `20261125t231502z-3f9a`: sorts by time, and is a word in labels, object keys and file names alike. */
export function newAttemptId(at: Date): string {
  const time = at
    .toISOString()
    .replace(/[-:]|\.\d+/g, "")
    .toLowerCase();
  return `${time}-${randomBytes(2).toString("hex")}`;
}
