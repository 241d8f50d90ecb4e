import { type Command, Option } from "commander";
import { INCIDENT_STEPS, SEVERITIES } from "../../manual";
import type { IncidentOptions } from "../incident/incident";
import { example, jsonOption, stackOption } from "../options";

const severityOption = (text: string): Option =>
  new Option("--severity <severity>", text).choices(SEVERITIES);
const incidentOption = (): Option =>
  new Option("--incident <id>", "which one; needed when more than one is open");
const byOption = (): Option => new Option("--by <person>", "who, instead of the user of this machine");

export function register(program: Command): void {
  const group = program
    .command("incident")
    .description("keep the record of an incident: the manual's six steps, dated (M52)");
  registerOpen(group);
  registerNote(group);
  registerClose(group);
  registerViews(group);
}

function registerOpen(group: Command): void {
  group
    .command("open <title>")
    .description("open an incident; release, alarms that are on and health are noted by themselves")
    .addOption(severityOption("how bad it is").makeOptionMandatory())
    .option("--note <text>", "how it was detected")
    .addOption(byOption())
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example('incident open "API answers 502" --severity P1 --note "users call"'))
    .action(async (title: string, options: IncidentOptions & { severity: (typeof SEVERITIES)[number] }) => {
      const { openIncident } = await import("../incident/incident");
      await openIncident(title, options);
    });
}

function registerNote(group: Command): void {
  group
    .command("note <text>")
    .description("note what was found or done, in one of the manual's steps")
    .addOption(
      new Option("--step <step>", "which step it belongs to")
        .choices(Object.keys(INCIDENT_STEPS))
        .makeOptionMandatory(),
    )
    .addOption(severityOption("how bad it is, as it is judged now"))
    .addOption(incidentOption())
    .addOption(byOption())
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example('incident note "isolated the backend" --step containment'))
    .action(async (text: string, options: IncidentOptions & { step: keyof typeof INCIDENT_STEPS }) => {
      const { noteIncident } = await import("../incident/incident");
      await noteIncident(text, options);
    });
}

function registerClose(group: Command): void {
  group
    .command("close")
    .description("close an incident; what was learned must have been noted, or comes with --lessons")
    .option("--lessons <text>", "what was learned, and what is done so that it does not come again")
    .addOption(incidentOption())
    .addOption(byOption())
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      example('incident close --lessons "the pool was too small; its size is alarmed now"'),
    )
    .action(async (options: IncidentOptions & { lessons?: string }) => {
      const { closeIncident } = await import("../incident/incident");
      await closeIncident(options);
    });
}

function registerViews(group: Command): void {
  group
    .command("list")
    .description("list the 50 newest incidents, those that are open first")
    .option("--open", "only those that are open")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("incident list", "incident list --open --json"))
    .action(async (options: IncidentOptions & { open?: boolean }) => {
      const { listIncidents } = await import("../incident/incident");
      await listIncidents(options);
    });
  group
    .command("show [id]")
    .description("print the record as Markdown; the only open one when none is named")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("incident show", "incident show 20261126t101500z-3f9a > incident.md"))
    .action(async (id: string | undefined, options: IncidentOptions) => {
      const { showIncident } = await import("../incident/incident");
      await showIncident(id, options);
    });
}
