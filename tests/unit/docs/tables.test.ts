import assert from "node:assert/strict";
import { ALARM_NAMES, type AlarmName } from "../../../alarmCatalogue";
import { DRILL_NAMES, drillOf } from "../../../cli/drills/catalogue";
import { MUTED_ALARMS } from "../../../maintenanceMutes";
import { INCIDENT_STEPS, KEY_METRICS, SEVERITIES, THRESHOLDS } from "../../../manual";
import { BACKUP_METRICS } from "../../../metricNames";
import { REPORT_KINDS, taskOf } from "../../../ops/reports/model";
import { systemClock } from "../../../ops/tasks/clock";
import { windowSteps } from "../../../ops/window/steps";
import { clearNotices } from "../../../ops/window/task";
import { tablesOf, textOf } from "../../support/documents";
import { alarm, DAYS, tasks } from "./truth/facts";

/** Rows of the one table of a document whose first column has that name. */
function table(file: string, first: string): string[][] {
  const found = tablesOf(textOf(file)).filter(({ header }) => header[0] === first);
  assert.equal(found.length, 1, `${file} has ${found.length} tables of ${first}`);
  return found[0]?.rows ?? [];
}

const words = (cell = ""): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

/** Alarms that only a real restore drill puts to the test. */
const backupAlarms = ALARM_NAMES.filter((name) =>
  (Object.values(BACKUP_METRICS) as string[]).includes(alarm(name).metric),
);

describe("the tables of the other documents", () => {
  it("on monitoring have every alarm once, with its severity and its drill", () => {
    const said = tablesOf(textOf("docs/monitoring.md"))[0]?.rows ?? [];
    assert.deepEqual(said.flatMap(([names]) => words(names)).sort(), [...ALARM_NAMES].sort());
    for (const [names, when, severity, drills] of said) {
      const alarms = words(names);
      for (const metric of KEY_METRICS.filter((name) => alarms.includes(name))) {
        assert.ok(when?.includes(`${THRESHOLDS[metric].above}`), metric);
      }
      for (const name of alarms) {
        assert.equal(severity, alarm(name as AlarmName).severity, name);
      }
      const expected = DRILL_NAMES.filter((name) => alarms.includes(drillOf(name).alarm));
      const restored = backupAlarms.some((name) => alarms.includes(name)) ? ["restore"] : [];
      assert.deepEqual(words(drills).sort(), [...expected, ...restored].sort(), names);
    }
  });

  it("on runbooks have every alarm in the column of its severity", () => {
    const [found] = tablesOf(textOf("docs/runbooks/README.md"));
    assert.deepEqual(found?.header, [...SEVERITIES]);
    for (const name of ALARM_NAMES) {
      const at = SEVERITIES.indexOf(alarm(name).severity);
      const cells = found?.rows.map((row) => row[at]) ?? [];
      assert.ok(cells.includes(`[${name}](${name}.md)`), name);
    }
  });

  it("on drills have every one of them", () => {
    const causes = tablesOf(textOf("docs/monitoring.md")).find(({ header }) => header[1] === "the cause");
    const said = causes?.rows.flatMap(([names]) => words(names)) ?? [];
    assert.deepEqual(said.sort(), [...DRILL_NAMES, "escalation"].sort());
  });

  it("on the maintenance window have its steps in order, and the alarms that it keeps quiet", () => {
    const steps = [
      ...windowSteps({ secrets: "/nowhere" } as Parameters<typeof windowSteps>[0]),
      clearNotices("/nowhere", systemClock, false),
    ];
    assert.deepEqual(
      table("docs/maintenance.md", "step").map(([name, , failure]) => [
        words(name)[0],
        failure?.includes("stops"),
      ]),
      steps.map(({ name, failure }) => [name, failure === "stop"]),
    );
    assert.deepEqual(
      table("docs/maintenance.md", "alarm").flatMap(([name]) => words(name)),
      Object.keys(MUTED_ALARMS),
    );
  });

  it("on reports have every kind at the time of its task", () => {
    const times = Object.fromEntries(
      table("docs/reports.md", "Report").map(([name, when]) => [words(name)[0], when]),
    );
    for (const kind of REPORT_KINDS) {
      const cron = tasks().find(({ name }) => name === taskOf(kind))?.cron ?? "";
      assert.equal(times[kind], inWords(cron), kind);
    }
  });

  it("on incidents have the manual's steps in its order", () => {
    assert.deepEqual(
      table("docs/incidents.md", "step").map(([step = "", says]) => [
        step.toLowerCase().replaceAll(" ", "-"),
        says?.toLowerCase(),
      ]),
      Object.entries(INCIDENT_STEPS).map(([step, says]) => [step, says.toLowerCase()]),
    );
  });
});

function inWords(cron: string): string {
  const [minute = "", hour = "", , , day = ""] = cron.split(" ");
  return `${DAYS[day]} ${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
}
