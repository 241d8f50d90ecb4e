import { effectOf, judgeDowntime } from "../deploy/downtime";
import type { Change, Preview } from "./events";

/** What it means when a resource goes, by its type. */
const HOLDS: Record<string, string> = {
  "docker:index/volume:Volume": "its data is lost",
  "docker:index/network:Network": "services cannot reach each other until they run in the new one",
  "aws:s3/bucket:Bucket": "the backups in it are lost",
  "postgresql:index/database:Database": "every table in it is lost",
  "postgresql:index/schema:Schema": "every table in it is lost",
  "postgresql:index/role:Role": "whoever logs in by it cannot any more",
};

const SERVICE = "docker:index/service:Service";
/** Services that own a data volume. */
const STATEFUL_SERVICES = ["db", "redis"];
/** Services whose restart users notice, worst first. */
const NOTICED = [...STATEFUL_SERVICES, "nginx"];

/** A change of what has to stay where it is. */
export interface Danger {
  change: Change;
  /** What it means, in a clause. */
  effect: string;
}

/** A service that stops before it starts anew, so that users notice. */
export interface Stop {
  service: string;
  /** What people notice. */
  effect: string;
}

export interface Judgement {
  /** Replacements and deletions of what has state. */
  dangers: Danger[];
  stops: Stop[];
  /** Whether database and cache may stop at this time, in one line. */
  downtime: { allowed: boolean; reason: string };
}

/** What the judgement depends on beside the preview. */
export interface Circumstances {
  at: Date;
  /** IANA zone of the stack. */
  zone: string;
  /** From `downtimeMode` of the stack's config. */
  mode: "window" | "anytime";
  /** The reason that a person gave for doing it all the same. */
  despite?: string;
}

/**
 * What a preview would do to data and to people at work (M37). Policies cannot tell: they see neither what is done nor what was
 * there before.
 */
export function judge({ changes }: Pick<Preview, "changes">, circumstances: Circumstances): Judgement {
  const stops = NOTICED.flatMap((service): Stop[] => {
    const isStopped = changes.some(
      ({ type, name, action }) => type === SERVICE && name === service && action !== "create",
    );
    const effect = isStopped ? effectOf(service) : undefined;
    return effect === undefined ? [] : [{ service, effect }];
  });
  const dangers = changes.flatMap((change): Danger[] => {
    const effect = isRemoval(change) ? effectOfLoss(change) : undefined;
    return effect === undefined ? [] : [{ change, effect }];
  });
  return {
    // The engine reports in another order each time.
    dangers: dangers.sort((a, b) => a.change.urn.localeCompare(b.change.urn)),
    stops,
    downtime: judgeDowntime({ ...circumstances, services: stops.map(({ service }) => service) }),
  };
}

function isRemoval({ action }: Change): boolean {
  return action === "replace" || action === "delete";
}

function effectOfLoss({ type, name }: Change): string | undefined {
  return type === SERVICE && STATEFUL_SERVICES.includes(name)
    ? "its volume stays, and requests fail until the new one runs"
    : HOLDS[type];
}

/**
 * Why a deployment of this must not simply start: one line, or undefined when it may. With a reason given, data may be
 * replaced and services stopped.
 */
export function refusal({ dangers, downtime }: Judgement, despite: string | undefined): string | undefined {
  if (!downtime.allowed) {
    return downtime.reason;
  }
  if (dangers.length === 0 || despite?.trim()) {
    return undefined;
  }
  const what = dangers.map(({ change }) => `${change.action} ${change.name}`).join(", ");
  return `${what}: this can lose data; if it is meant, give the reason with --despite REASON`;
}
