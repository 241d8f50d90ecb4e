import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type StackContext, stackContext, updateSettings } from "../../../cli/context";
import { moveWindowsOn } from "../../../cli/plannedWindows";
import { TempFolders, withEnvironment } from "../../support/temp";

const NOW = new Date("2026-11-26T12:00Z");

const TEXT = `# Production.
config:
  fitnesscrm:app:
    backendImage: registry.example.com/b@sha256:${"0".repeat(64)}
    frontendImage: registry.example.com/f@sha256:${"1".repeat(64)}
  fitnesscrm:contacts:
    onCall:
      - { name: Ada, email: ada@example.com }
    databaseAdmin: { name: Dee, email: dba@example.com }
    securityTeam: { name: Sam, email: security@example.com }
    escalation:
      engineeringManager: { name: Mia, email: manager@example.com }
      cto: { name: Cyd, email: cto@example.com }
      ceo: { name: Eve, email: ceo@example.com }
  fitnesscrm:mail:
    from: crm@example.com
  fitnesscrm:aws:
    region: us-east-1
`;

describe("the maintenance windows that are declared", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  function move(context: StackContext, at = NOW) {
    const lines: string[] = [];
    const config = moveWindowsOn(context, updateSettings(context, []), at, (line) => lines.push(line));
    return { plannedFrom: config.maintenance.plannedFrom, lines };
  }

  it("are moved on in a tracked file, once, whose owner is told to commit it; everything else in it stays", () => {
    const folder = folders.create({ "Pulumi.prod.yaml": TEXT });
    const configFile = join(folder, "Pulumi.prod.yaml");
    const context: StackContext = { stack: "prod", home: folder, kind: "remote", folder, configFile };
    assert.deepEqual(move(context), {
      plannedFrom: "2026-12",
      lines: [
        "alarms are kept quiet in maintenance windows from 2026-12 on: commit maintenance.plannedFrom in Pulumi.prod.yaml",
      ],
    });
    const text = readFileSync(configFile, "utf8");
    const added = text.split("\n").filter((line) => !TEXT.split("\n").includes(line));
    assert.deepEqual(
      added.map((line) => line.trim()),
      ["fitnesscrm:maintenance:", "plannedFrom: 2026-12"],
    );
    assert.deepEqual(move(context), { plannedFrom: "2026-12", lines: [] });
    assert.deepEqual(move(context, new Date("2027-08-10T00:00Z")).plannedFrom, "2027-09");
  });

  it("are none on a stack whose AWS is an emulator, which knows no such rules", async () => {
    const home = folders.create();
    const context = await withEnvironment({ FITNESSCRM_HOME: home }, () => stackContext("e2e"));
    updateSettings(context, []);
    const before = readFileSync(context.configFile, "utf8");
    assert.deepEqual(move(context), { plannedFrom: undefined, lines: [] });
    assert.equal(readFileSync(context.configFile, "utf8"), before);
  });
});
