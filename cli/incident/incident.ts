import type { z } from "zod";
import { newAttemptId } from "../../attempt";
import type { IncidentStep, Severity } from "../../manual";
import { type IncidentEvent, incidentEvent, incidentText, incidentTitle } from "../../ops/incidents/event";
import { deployer } from "../deploy/environment";
import { UserError } from "../errors";
import { inStep, openSession, progressReporter, type Session } from "../session";
import { collectFacts } from "./collect";
import { chooseIncident, type Incident, incidentsOf, requireLessons, requireOpen } from "./record";
import { formatIncidents, formatNext, incidentMarkdown } from "./show";
import { IncidentStore } from "./store";

export interface IncidentOptions {
  stack: string;
  json?: boolean;
  /** Who, instead of the user of this machine. */
  by?: string;
  /** Which incident; the only open one by default. */
  incident?: string;
}

/** `./fitnesscrm incident open TITLE`: collects facts by itself, which are the first thing that is forgotten. */
export async function openIncident(
  title: string,
  options: IncidentOptions & { severity: Severity; note?: string },
): Promise<void> {
  const checked = { title: valid(incidentTitle, "the title", title), note: optional(options.note, "--note") };
  const { session, store } = opened(options);
  const facts = await inStep(progressReporter(), "Collect what is so", () => collectFacts(session));
  const incident = newAttemptId(new Date());
  const events = [
    event(options, incident, { kind: "opened", title: checked.title, severity: options.severity, facts }),
    ...(checked.note === undefined
      ? []
      : [event(options, incident, { kind: "note", step: "detection", text: checked.note })]),
  ];
  const kept = await addAll(store, events);
  const [made] = incidentsOf(events);
  if (made !== undefined) {
    print(
      options,
      made,
      `Incident ${incident} is open, ${options.severity}.\n\n${incidentMarkdown(made)}\n\n${formatNext(made)}`,
    );
  }
  tellKept(kept);
}

/** `./fitnesscrm incident note TEXT --step STEP`. */
export async function noteIncident(
  text: string,
  options: IncidentOptions & { step: IncidentStep; severity?: Severity },
): Promise<void> {
  const note = valid(incidentText, "the note", text);
  const { store } = opened(options);
  const { incident, events } = await find(store, options.incident);
  const added = event(options, requireOpen(incident).id, {
    kind: "note",
    step: options.step,
    text: note,
    ...(options.severity !== undefined && { severity: options.severity }),
  });
  const kept = await store.add(added);
  const [now = incident] = incidentsOf([...events, added]);
  print(options, now, `Noted in incident ${now.id}, ${now.severity}. ${formatNext(now)}`);
  tellKept(kept);
}

/** `./fitnesscrm incident close`: needs what was learned, noted before or by `--lessons`. */
export async function closeIncident(options: IncidentOptions & { lessons?: string }): Promise<void> {
  const lessons = optional(options.lessons, "--lessons");
  const { store } = opened(options);
  const { incident, events } = await find(store, options.incident);
  const { id } = requireOpen(incident);
  const notes =
    lessons === undefined
      ? []
      : [event(options, id, { kind: "note", step: "lessons-learned", text: lessons })];
  const [withLessons = incident] = incidentsOf([...events, ...notes]);
  requireLessons(withLessons);
  const added = [...notes, event(options, id, { kind: "closed" })];
  const kept = await addAll(store, added);
  const [now = withLessons] = incidentsOf([...events, ...added]);
  print(
    options,
    now,
    `Incident ${id} is closed. ${formatNext(now).replace(/^Every step.*$/, "Every step has been noted.")}`,
  );
  tellKept(kept);
}

/** `./fitnesscrm incident list`. */
export async function listIncidents(options: IncidentOptions & { open?: boolean }): Promise<void> {
  const { store } = opened(options);
  tellKept(await store.send());
  const { events, missing } = await store.read();
  const incidents = incidentsOf(events).filter(({ closedAt }) => !options.open || closedAt === null);
  if (missing !== undefined) {
    process.stderr.write(`incidents: the bucket cannot be read, these are this machine's own: ${missing}\n`);
    process.exitCode = 1;
  }
  process.stdout.write(
    `${options.json ? JSON.stringify(incidents, null, 2) : formatIncidents(incidents, new Date())}\n`,
  );
}

/** `./fitnesscrm incident show [ID]`: the record as Markdown. */
export async function showIncident(id: string | undefined, options: IncidentOptions): Promise<void> {
  const { store } = opened(options);
  const { incident } = await find(store, id);
  print(options, incident, incidentMarkdown(incident));
}

function opened(options: IncidentOptions): { session: Session; store: IncidentStore } {
  const session = openSession(options.stack);
  return { session, store: new IncidentStore(session) };
}

async function find(
  store: IncidentStore,
  id: string | undefined,
): Promise<{ incident: Incident; events: IncidentEvent[] }> {
  const { events, missing } = await store.read();
  try {
    const incident = chooseIncident(incidentsOf(events), id);
    return { incident, events: events.filter((one) => one.incident === incident.id) };
  } catch (error) {
    // What is not here may be in the bucket.
    throw missing === undefined ? error : new UserError(`incidents: the bucket cannot be read: ${missing}`);
  }
}

async function addAll(store: IncidentStore, events: readonly IncidentEvent[]): Promise<string | undefined> {
  let kept: string | undefined;
  for (const one of events) {
    kept = await store.add(one);
  }
  return kept;
}

type Content = IncidentEvent extends infer E
  ? E extends IncidentEvent
    ? Omit<E, "incident" | "id" | "at" | "by">
    : never
  : never;

function event({ by }: IncidentOptions, incident: string, content: Content): IncidentEvent {
  const at = new Date();
  return valid(incidentEvent, "the event", {
    ...content,
    incident,
    id: newAttemptId(at),
    at: at.toISOString(),
    by: by ?? deployer(process.env),
  });
}

function optional(text: string | undefined, what: string): string | undefined {
  return text === undefined ? undefined : valid(incidentText, what, text);
}

/** @throws UserError with the rule that was broken. */
function valid<T>(schema: z.ZodType<T>, what: string, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(`incident: ${what}: ${[...(issue?.path ?? []), issue?.message].join(": ")}`, 2);
  }
  return result.data;
}

function print({ json }: IncidentOptions, incident: Incident, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(incident, null, 2) : text}\n`);
}

function tellKept(reason: string | undefined): void {
  if (reason !== undefined) {
    process.stderr.write(
      `incident: kept on this machine, and sent to the bucket by the next incident command: ${reason}\n`,
    );
  }
}
