import { INCIDENT_STEPS, type IncidentStep, type Severity } from "../../manual";
import type { IncidentEvent, IncidentFacts } from "../../ops/incidents/event";
import { UserError } from "../errors";

/** One line of an incident's timeline. */
export interface TimelineEntry {
  /** ISO time. */
  at: string;
  by: string;
  /** Null for the opening and the closing. */
  step: IncidentStep | null;
  text: string;
}

/** An incident, put together from its events (M52). */
export interface Incident {
  id: string;
  title: string;
  /** As it was judged last. */
  severity: Severity;
  /** ISO time. */
  openedAt: string;
  openedBy: string;
  /** ISO time; null while it is open. */
  closedAt: string | null;
  closedBy: string | null;
  /** What was noted for each of the manual's steps, oldest first. */
  steps: Record<IncidentStep, TimelineEntry[]>;
  /** Everything, oldest first. */
  timeline: TimelineEntry[];
  /** What was so at the opening. */
  facts: IncidentFacts;
}

export const STEPS = Object.keys(INCIDENT_STEPS) as IncidentStep[];

/** Puts incidents together, newest first. Events may come twice and in any order; those of an incident without its opening are left out. */
export function incidentsOf(events: readonly IncidentEvent[]): Incident[] {
  const byIncident = new Map<string, Map<string, IncidentEvent>>();
  for (const event of events) {
    const own = byIncident.get(event.incident) ?? new Map<string, IncidentEvent>();
    byIncident.set(event.incident, own.set(event.id, event));
  }
  return [...byIncident.values()]
    .flatMap((own) => incidentOf([...own.values()]) ?? [])
    .sort((a, b) => (a.id < b.id ? 1 : -1));
}

function incidentOf(events: readonly IncidentEvent[]): Incident | undefined {
  const ordered = [...events].sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || (a.id < b.id ? -1 : 1));
  const opened = ordered.find((event) => event.kind === "opened");
  if (opened === undefined) {
    return undefined;
  }
  const notes = ordered.filter((event) => event.kind === "note");
  const closed = ordered.find((event) => event.kind === "closed");
  const timeline = ordered.map(entryOf);
  return {
    id: opened.incident,
    title: opened.title,
    severity: notes.reduce<Severity>((latest, note) => note.severity ?? latest, opened.severity),
    openedAt: opened.at,
    openedBy: opened.by,
    closedAt: closed?.at ?? null,
    closedBy: closed?.by ?? null,
    steps: Object.fromEntries(
      STEPS.map((step) => [step, timeline.filter((entry) => entry.step === step)]),
    ) as Incident["steps"],
    timeline,
    facts: opened.facts,
  };
}

function entryOf(event: IncidentEvent): TimelineEntry {
  const { at, by } = event;
  if (event.kind === "opened") {
    return { at, by, step: null, text: `opened as ${event.severity}: ${event.title}` };
  }
  if (event.kind === "closed") {
    return { at, by, step: null, text: "closed" };
  }
  const judged = event.severity === undefined ? "" : `${event.severity}: `;
  return { at, by, step: event.step, text: `${judged}${event.text}` };
}

/**
 * The incident that is meant: the one that is named, or the only one that is open.
 *
 * @throws UserError that names those that it may be.
 */
export function chooseIncident(incidents: readonly Incident[], id: string | undefined): Incident {
  if (id !== undefined) {
    const found = incidents.find((incident) => incident.id === id);
    if (found === undefined) {
      throw new UserError(
        `incident ${JSON.stringify(id)} does not exist: ./fitnesscrm incident list shows those that do`,
        2,
      );
    }
    return found;
  }
  const open = incidents.filter(({ closedAt }) => closedAt === null);
  const [only, ...others] = open;
  if (only === undefined) {
    throw new UserError('no incident is open: ./fitnesscrm incident open "TITLE" --severity P1 opens one', 2);
  }
  if (others.length > 0) {
    throw new UserError(
      `${open.length} incidents are open: say which one by --incident ID: ${open.map(({ id: one, title }) => `${one} (${title})`).join(", ")}`,
      2,
    );
  }
  return only;
}

/** @throws UserError for one that is closed: its record is not changed any more. */
export function requireOpen(incident: Incident): Incident {
  if (incident.closedAt !== null) {
    throw new UserError(
      `incident ${incident.id} was closed at ${incident.closedAt}: open another one, and name this one in it`,
      2,
    );
  }
  return incident;
}

/** @throws UserError when nobody has noted what was learned: an incident without it comes again (M52). */
export function requireLessons(incident: Incident): void {
  if (incident.steps["lessons-learned"].length === 0) {
    throw new UserError(
      `incident ${incident.id} has no lessons learned, so it stays open: add --lessons "TEXT", or ` +
        './fitnesscrm incident note "TEXT" --step lessons-learned',
      2,
    );
  }
}
