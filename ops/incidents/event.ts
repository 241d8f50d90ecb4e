import { z } from "zod";
import { INCIDENT_STEPS, type IncidentStep, SEVERITIES, type Severity } from "../../manual";

/** What was so when an incident was opened, found by itself. */
export interface IncidentFacts {
  /** What is live; null where nothing was deployed, or nobody could say. */
  release: { attempt: string; commit: string | null; images: Record<string, string> } | null;
  /** Alarms that were on. */
  alarms: { name: string; severity: Severity | null; since: string }[];
  /** Parts that were unwell, with the reason. */
  unhealthy: { name: string; reason: string }[];
  /** What could not be asked, a line each. */
  unknown: string[];
}

interface EventFields {
  /** Id of the incident. */
  incident: string;
  /** Id of the event, and name of its object: sorts by time. */
  id: string;
  /** ISO time. */
  at: string;
  /** As `ada@workstation`. */
  by: string;
}

/**
 * One thing that happened in an incident (M52). It is written once and never changed, so that two people who note something in the same
 * second lose nothing, and the record can be trusted afterwards. Texts are whatever people wrote.
 */
export type IncidentEvent = EventFields &
  (
    | { kind: "opened"; title: string; severity: Severity; facts: IncidentFacts }
    | { kind: "note"; step: IncidentStep; text: string; severity?: Severity }
    | { kind: "closed" }
  );

/** Ids are words that an object's key and a file's name can end in. */
export const EVENT_ID = /^\d{8}t\d{6}z-[0-9a-f]{4,12}$/;

const id = z.string().regex(EVENT_ID, "must be an id such as 20261126t101500z-3f9a");
const isoTime = z.string().refine((text) => !Number.isNaN(Date.parse(text)), "must be an ISO time");

/** A terminal or a page that shows the record must not be told anything by it. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
const plain = (longest: number) =>
  z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(longest, `must be ${longest} characters or less`)
    .refine((text) => !CONTROL.test(text), "must not contain control characters");

export const incidentTitle = plain(200).refine((text) => !/[\n\t]/.test(text), "must be one line");
export const incidentText = plain(10_000);
export const incidentStep = z.enum(Object.keys(INCIDENT_STEPS) as [IncidentStep, ...IncidentStep[]]);
const severity = z.enum(SEVERITIES);

const fields = { incident: id, id, at: isoTime, by: plain(200) };

export const incidentEvent: z.ZodType<IncidentEvent> = z.discriminatedUnion("kind", [
  z.object({
    ...fields,
    kind: z.literal("opened"),
    title: incidentTitle,
    severity,
    facts: z.object({
      release: z
        .object({
          attempt: z.string(),
          commit: z.string().nullable(),
          images: z.record(z.string(), z.string()),
        })
        .nullable(),
      alarms: z.array(z.object({ name: z.string(), severity: severity.nullable(), since: z.string() })),
      unhealthy: z.array(z.object({ name: z.string(), reason: z.string() })),
      unknown: z.array(z.string()),
    }),
  }),
  z.object({
    ...fields,
    kind: z.literal("note"),
    step: incidentStep,
    text: incidentText,
    severity: severity.optional(),
  }),
  z.object({ ...fields, kind: z.literal("closed") }),
]);

/** @throws Error of one line when it is no incident's id. */
export function requireIncident(text: string): string {
  if (!EVENT_ID.test(text)) {
    throw new Error(`${JSON.stringify(text)} is no incident's id such as 20261126t101500z-3f9a`);
  }
  return text;
}
