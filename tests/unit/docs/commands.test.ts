import assert from "node:assert/strict";
import { join } from "node:path";
import type { Command } from "commander";
import { run } from "../../../cli/exec";
import { faultOf, launcher } from "../../support/commandLine";
import { commandLinesOf, documents, ROOT, tablesOf, textOf } from "../../support/documents";

/** What the program runs itself. */
const HIDDEN = ["gate"];

describe("the commands in the documents", () => {
  let program: Command;

  before(async () => {
    program = await launcher();
  });

  for (const file of documents()) {
    it(`of ${file} are taken by the launcher`, () => {
      const faults = commandLinesOf(textOf(file)).flatMap((line) => {
        const fault = faultOf(program, line);
        return fault === undefined ? [] : [`${line}: ${fault}`];
      });
      assert.deepEqual(faults, []);
    });
  }

  it("are found: without that, nothing above says anything", () => {
    const lines = documents().flatMap((file) => commandLinesOf(textOf(file)));
    assert.ok(lines.length > 150, `${lines.length} lines`);
    for (const [line, fault] of [
      ["./fitnesscrm nothing", "fitnesscrm does not take nothing"],
      ["./fitnesscrm health --nothing", "health has no --nothing"],
      ["./fitnesscrm db nothing", "db does not take nothing"],
      ["./fitnesscrm drill cpu twice", "cpu does not take twice"],
      ["./fitnesscrm alarms --severity P4", "alarms --severity does not take P4"],
      ["./fitnesscrm logs --tail", "logs --tail wants a value"],
    ] as const) {
      assert.equal(faultOf(program, line), fault);
    }
  });

  it("are the ones that the launcher itself shows, each with its help", async () => {
    const args = ["--import", "tsx", join(ROOT, "cli", "main.ts"), "--help"];
    const { code, stdout, stderr } = await run(process.execPath, args, { cwd: ROOT, timeoutSeconds: 60 });
    assert.equal(code, 0, stderr);
    const shown = [...stdout.matchAll(/^ {2}([a-z]+) (?=.*\s{2}|\[|<)/gm)].map(([, name = ""]) => name);
    assert.deepEqual(
      shown.filter((name) => name !== "help").sort(),
      program.commands
        .map((command) => command.name())
        .filter((name) => !HIDDEN.includes(name))
        .sort(),
    );
    const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
    for (const command of all(program)) {
      assert.match(command.helpInformation(), /Usage: /, command.name());
    }
  });

  it("stand in the README's table, every one of them", () => {
    const table = tablesOf(textOf("README.md")).find(({ header }) => header[0] === "command");
    const words = table?.rows.flatMap(([names = ""]) => names.match(/[a-z]+/g) ?? []) ?? [];
    const missing = program.commands
      .map((command) => command.name())
      .filter((name) => !HIDDEN.includes(name) && !words.includes(name));
    assert.deepEqual(missing, []);
  });
});
