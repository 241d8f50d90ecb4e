import { INCIDENT_STEPS, type IncidentStep } from "../../manual";
import type { IncidentFacts } from "../../ops/incidents/event";
import { code, text } from "../preview/markdown";
import { ago, columns, duration } from "../table";
import { type Incident, STEPS, type TimelineEntry } from "./record";

/** As `Lessons Learned`. */
export function stepTitle(step: IncidentStep): string {
  return step
    .split("-")
    .map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`)
    .join(" ");
}

/** The record as Markdown. What people wrote is text in it, whatever it holds. */
export function incidentMarkdown(incident: Incident): string {
  const { id, title, severity, openedAt, openedBy, closedAt, closedBy, steps, timeline, facts } = incident;
  return [
    `# ${severity}: ${text(title)}`,
    "",
    `- Incident ${code(id)}`,
    `- Opened ${when(openedAt)} by ${text(openedBy)}`,
    closedAt === null
      ? "- Open"
      : `- Closed ${when(closedAt)} by ${text(closedBy ?? "")}, after ${duration((Date.parse(closedAt) - Date.parse(openedAt)) / 1000)}`,
    "",
    "## What was so at the opening",
    "",
    ...factLines(facts),
    ...STEPS.flatMap((step, index) => [
      "",
      `## ${index + 1}. ${stepTitle(step)}`,
      "",
      `*${INCIDENT_STEPS[step]}*`,
      "",
      ...(steps[step].length === 0 ? ["Nothing was noted."] : steps[step].map(noteLine)),
    ]),
    "",
    "## Timeline",
    "",
    "| when | who | step | what |",
    "|---|---|---|---|",
    ...timeline.map(
      ({ at, by, step, text: what }) =>
        `| ${when(at)} | ${text(by)} | ${step === null ? "" : stepTitle(step)} | ${text(what)} |`,
    ),
  ].join("\n");
}

function factLines({ release, alarms, unhealthy, unknown }: IncidentFacts): string[] {
  return [
    release === null
      ? "- Release: none is known"
      : `- Release: ${code(release.attempt)}${release.commit === null ? "" : ` of commit ${code(release.commit)}`}`,
    ...(alarms.length === 0 ? ["- Alarms: none was on"] : []),
    ...alarms.map(
      ({ name, severity, since }) => `- Alarm ${severity ?? ""} ${code(name)} since ${when(since)}`,
    ),
    ...(unhealthy.length === 0 ? ["- Health: nothing was unwell"] : []),
    ...unhealthy.map(({ name, reason }) => `- Unwell: ${code(name)}: ${text(reason)}`),
    ...unknown.map((line) => `- Not known: ${text(line)}`),
  ];
}

function noteLine({ at, by, text: what }: TimelineEntry): string {
  // A line break in Markdown is two spaces and a new line within the item.
  const lines = what.split("\n").filter((line) => line.trim() !== "");
  return `- ${when(at)}, ${text(by)}: ${lines.map(text).join("  \n  ")}`;
}

/** As `2026-11-26 10:15 UTC`. */
function when(at: string): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Incidents as lines, those that are open first. */
export function formatIncidents(incidents: readonly Incident[], now: Date): string {
  if (incidents.length === 0) {
    return "There was no incident.";
  }
  const ordered = [...incidents].sort((a, b) => Number(b.closedAt === null) - Number(a.closedAt === null));
  return columns(
    ["INCIDENT", "SEVERITY", "STATE", "OPENED", "STEPS", "TITLE"],
    ordered.map(({ id, severity, closedAt, openedAt, steps, title }) => [
      id,
      severity,
      closedAt === null ? "open" : "closed",
      `${ago(new Date(openedAt), now)} ago`,
      `${STEPS.filter((step) => steps[step].length > 0).length} of ${STEPS.length}`,
      title,
    ]),
  ).join("\n");
}

/** What a person should know of an incident after they changed it: the steps of which nothing was noted yet. */
export function formatNext(incident: Incident): string {
  const open = STEPS.filter((step) => incident.steps[step].length === 0);
  return open.length === 0
    ? "Every step has been noted: ./fitnesscrm incident close closes it."
    : `Nothing noted yet for: ${open.map(stepTitle).join(", ")}.`;
}
