import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type StackContext, stackContext, updateSettings } from "../../../cli/context";
import { moveRotaOn } from "../../../cli/plannedRota";
import { readStackFile } from "../../../cli/stackFile";
import { TempFolders, withEnvironment } from "../../support/temp";

/** A Thursday; the shift began on Friday 2026-11-20. */
const NOW = new Date("2026-11-26T12:00Z");

const TEXT = `# Production.
config:
  fitnesscrm:app:
    backendImage: registry.example.com/b@sha256:${"0".repeat(64)}
    frontendImage: registry.example.com/f@sha256:${"1".repeat(64)}
  fitnesscrm:contacts:
    # In order of shifts.
    onCall:
      - { name: Ada, email: ada@example.com }
      - { name: Ben, email: ben@example.com }
    databaseAdmin: { name: Dee, email: dba@example.com }
    securityTeam: { name: Sam, email: security@example.com }
    escalation:
      engineeringManager: { name: Mia, email: manager@example.com }
      cto: { name: Cyd, email: cto@example.com }
      ceo: { name: Eve, email: ceo@example.com }
  fitnesscrm:aws:
    region: us-east-1
  fitnesscrm:mail: { from: crm@example.com }
`;

describe("the rota's shifts that are declared", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  function move(context: StackContext, at = NOW) {
    const lines: string[] = [];
    const config = moveRotaOn(context, updateSettings(context, []), at, (line) => lines.push(line));
    return { plannedFrom: config.contacts.rota.plannedFrom, lines };
  }

  it("are moved on in a local stack's settings, once", async () => {
    const home = folders.create();
    const context = await withEnvironment({ FITNESSCRM_HOME: home }, () => stackContext("e2e"));
    updateSettings(context, []);
    assert.deepEqual(move(context), {
      plannedFrom: "2026-11-20",
      lines: ["shifts are declared from 2026-11-20 on"],
    });
    const before = readFileSync(context.configFile, "utf8");
    assert.deepEqual(move(context), { plannedFrom: "2026-11-20", lines: [] });
    assert.equal(readFileSync(context.configFile, "utf8"), before);
  });

  it("are moved on in a tracked file, whose owner is told to commit it; everything else in it stays", () => {
    const folder = folders.create({ "Pulumi.prod.yaml": TEXT });
    const configFile = join(folder, "Pulumi.prod.yaml");
    const context: StackContext = { stack: "prod", home: folder, kind: "remote", folder, configFile };
    assert.deepEqual(move(context), {
      plannedFrom: "2026-11-20",
      lines: ["shifts are declared from 2026-11-20 on: commit contacts.rota.plannedFrom in Pulumi.prod.yaml"],
    });
    const text = readFileSync(configFile, "utf8");
    const added = text.split("\n").filter((line) => !TEXT.split("\n").includes(line));
    assert.deepEqual(
      added.map((line) => line.trim()),
      ["rota:", 'plannedFrom: "2026-11-20"'],
    );
    assert.deepEqual(move(context).lines, []);
    assert.equal(readFileSync(configFile, "utf8"), text);
  });

  it("of one engineer are never moved, since there is nothing to declare", () => {
    const folder = folders.create({ "Pulumi.prod.yaml": TEXT.replace(/ +- \{ name: Ben.*\n/, "") });
    const configFile = join(folder, "Pulumi.prod.yaml");
    const context: StackContext = { stack: "prod", home: folder, kind: "remote", folder, configFile };
    const before = readStackFile(configFile);
    assert.deepEqual(move(context), { plannedFrom: undefined, lines: [] });
    assert.deepEqual(readStackFile(configFile), before);
  });
});
