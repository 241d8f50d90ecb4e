import { z } from "zod";

/** What became of one deployment (M56), an object in the backup bucket. Holds no secret: whoever may list backups may read it. */
export interface DeploymentRecord {
  /** Id of the attempt, and name of the object. */
  attempt: string;
  result: "succeeded" | "failed";
  /** Why it failed, in one line. */
  reason?: string;
  /** ISO time. */
  startedAt: string;
  /** ISO time. */
  endedAt: string;
  /** Who deployed, e.g. `ada@workstation`. */
  by: string;
  commit: string | null;
  /** Files differed from the commit. */
  dirty: boolean;
  /** Id of the backup made before it. */
  backup: string | null;
  /** The reason that a person gave for deploying where a gate would have refused. */
  despite?: string;
  /** Services whose image changed; `from` is null for one that is new. */
  changes: { service: string; from: string | null; to: string }[];
  /** In the order in which they ran. */
  gates: {
    name: "before" | "migrate" | "after";
    result: "passed" | "failed" | "skipped";
    seconds: number;
    notes: string[];
  }[];
  /** References by service. */
  images: Record<string, string>;
  /** Version of the release that a rollback holds. */
  pinned: number | null;
}

/** A word that an object's key can end in. */
const ATTEMPT = /^[a-z0-9]+(-[a-z0-9]+)*$/;

const isoTime = z.string().refine((text) => !Number.isNaN(Date.parse(text)), "must be an ISO time");

/** Loose at the top: what a newer launcher has to say is kept by an older container, too. */
export const deploymentRecord: z.ZodType<DeploymentRecord> = z.looseObject({
  attempt: z.string().max(100).regex(ATTEMPT, "must be an attempt's id such as 20261125t231502z-3f9a"),
  result: z.enum(["succeeded", "failed"]),
  reason: z.string().optional(),
  startedAt: isoTime,
  endedAt: isoTime,
  by: z.string().min(1),
  commit: z.string().nullable(),
  dirty: z.boolean(),
  backup: z.string().nullable(),
  despite: z.string().optional(),
  changes: z.array(z.object({ service: z.string(), from: z.string().nullable(), to: z.string() })),
  gates: z.array(
    z.object({
      name: z.enum(["before", "migrate", "after"]),
      result: z.enum(["passed", "failed", "skipped"]),
      seconds: z.number().min(0),
      notes: z.array(z.string()),
    }),
  ),
  images: z.record(z.string(), z.string()),
  pinned: z.number().nullable(),
});

/** @throws Error of one line when it is no attempt's id. */
export function requireAttempt(text: string): string {
  if (!ATTEMPT.test(text)) {
    throw new Error(`${JSON.stringify(text)} is no attempt's id such as 20261125t231502z-3f9a`);
  }
  return text;
}
