import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DRILL_NAMES } from "../../../cli/drills/catalogue";
import { KEY_METRICS, MANUAL, THRESHOLDS } from "../../../manual";
import { ROOT, tablesOf, textOf } from "../../support/documents";
import { alarms } from "./truth/facts";

const ROWS = 61;
const COLUMNS = ["id", "the manual says", "becomes", "file", "proof", "state"];

interface Row {
  id: string;
  says: string;
  becomes: string;
  file: string;
  proof: string;
  state: string;
}

function rows(): Row[] {
  const table = tablesOf(textOf("docs/manual.md"))[0];
  assert.deepEqual(table?.header, COLUMNS);
  return (table?.rows ?? []).map(([id = "", says = "", becomes = "", file = "", proof = "", state = ""]) => ({
    id,
    says,
    becomes,
    file,
    proof,
    state,
  }));
}

/** Paths below the root that a cell links to. */
function linked(cell: string): string[] {
  return [...cell.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target = ""]) => join("docs", target));
}

const isFile = (path: string): boolean => existsSync(join(ROOT, path)) && statSync(join(ROOT, path)).isFile();

describe("docs/manual.md", () => {
  it("has a line for each of the manual's 61 statements, with all of its cells", () => {
    assert.deepEqual(
      rows().map(({ id }) => id),
      Array.from({ length: ROWS }, (_, index) => `M${index + 1}`),
    );
    for (const { id, says, becomes, state } of rows()) {
      assert.ok(says !== "" && becomes !== "", `${id} does not say what becomes of what`);
      assert.match(state, /proven|measured|^open \(\w+\)$/, `${id} has no state`);
    }
  });

  it("names a file and a test of each, but for what is open as a whole", () => {
    for (const { id, file, proof, state } of rows()) {
      if (/^open \(/.test(state)) {
        assert.equal(
          `${file}${proof}`,
          "",
          `${id} is open, and has a file or a test: say which part is open`,
        );
        continue;
      }
      const files = linked(file);
      const tests = linked(proof);
      assert.ok(files.length > 0, `${id} names no file`);
      assert.ok(tests.length > 0, `${id} names no test`);
      for (const path of [...files, ...tests]) {
        assert.ok(isFile(path), `${id} names ${path}, which is no file`);
      }
      for (const path of files) {
        assert.ok(!path.startsWith("tests/"), `${id} names the test ${path} as what does it`);
      }
      for (const path of tests) {
        // What the test command runs, see cli/test.ts.
        assert.match(path, /^tests\/(unit|policy|integration|e2e)\/.*\.test\.ts$/, id);
        assert.match(readFileSync(join(ROOT, path), "utf8"), /\bit\(/, `${path} of ${id} proves nothing`);
      }
    }
  });

  it("names drills that exist, and the severities that the alarms have", () => {
    for (const { id, becomes, proof } of rows()) {
      for (const [, name = ""] of proof.matchAll(/`drill ([a-z-]+)`/g)) {
        assert.ok([...DRILL_NAMES, "escalation", "restore"].includes(name), `${id}: drill ${name}`);
      }
      for (const [, severity = ""] of becomes.matchAll(/alarm (P\d)/g)) {
        const severities = alarms()
          .filter(({ row }) => row === id)
          .map((alarm) => alarm.severity as string);
        assert.ok(severities.includes(severity), `${id} says ${severity}, its alarms are ${severities}`);
      }
    }
  });

  it("has the manual's numbers as the program has them", () => {
    const { backup, onCall, maintenanceWindow } = MANUAL;
    const minutes = onCall.respondWithinMinutes;
    const numbers: Record<string, string[]> = {
      ...Object.fromEntries(
        KEY_METRICS.map((metric) => [THRESHOLDS[metric].row, [` > ${THRESHOLDS[metric].above}`]]),
      ),
      M25: [`> ${THRESHOLDS["response-time"].above} ms`],
      M37: [
        `first ${maintenanceWindow.weekday}, ${hour(maintenanceWindow.from)}-${hour(maintenanceWindow.to)} AM`,
      ],
      M38: [`${maintenanceWindow.noticeHours} h ahead`],
      M42: [`at ${hour(backup.dailyAt)}:00 AM`],
      M43: [`${backup.retentionDaysLocal} days local`, `${backup.retentionDaysS3} days S3`],
      M45: [`RTO ${backup.recoveryTimeObjectiveHours} h`],
      M46: [`RPO ${backup.recoveryPointObjectiveHours} h`],
      M58: [`${onCall.handoff.weekday} ${hour(onCall.handoff.at) - 12} PM`],
      M59: [`${minutes.critical} min (critical)`, `${minutes.nonCritical / 60} h (other)`],
    };
    for (const { id, says } of rows()) {
      for (const number of numbers[id] ?? []) {
        assert.ok(says.includes(number), `${id} does not say ${number}`);
      }
    }
  });
});

function hour(time: string): number {
  return Number(time.split(":")[0]);
}
