import assert from "node:assert/strict";
import { Command } from "commander";
import * as backupCommand from "../../../../cli/commands/backup";
import * as backupsCommand from "../../../../cli/commands/backups";
import * as drillCommand from "../../../../cli/commands/drill";
import * as restoreCommand from "../../../../cli/commands/restore";
import { restore } from "../../../../cli/restore";
import { TempFolders, withEnvironment } from "../../../support/temp";

describe("command restore", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  async function withoutTerminal<T>(body: () => Promise<T>): Promise<T> {
    const before = Object.getOwnPropertyDescriptor(process.stdin, "isTTY");
    Object.defineProperty(process.stdin, "isTTY", { value: false, configurable: true });
    try {
      return await withEnvironment({ FITNESSCRM_HOME: folders.create() }, body);
    } finally {
      if (before === undefined) {
        Reflect.deleteProperty(process.stdin, "isTTY");
      } else {
        Object.defineProperty(process.stdin, "isTTY", before);
      }
    }
  }

  it("is refused at once where there is a question and nobody to ask", async () => {
    for (const wish of [{ latest: true }, { undo: true }, { confirm: true }]) {
      await withoutTerminal(() =>
        assert.rejects(restore({ stack: "unit", ...wish }), {
          message: "restore of stack unit: needs an answer and there is no terminal to ask on: add --yes",
          exitCode: 2,
        }),
      );
    }
  });

  it("asks nothing with --yes, in a dry run, and to put a killed restore right", async () => {
    for (const wish of [{ latest: true, yes: true }, { dryRun: true }, {}]) {
      // It comes as far as the stack, which is not there.
      await withoutTerminal(() =>
        assert.rejects(restore({ stack: "unit", ...wish }), {
          message: "stack unit does not exist yet: run ./fitnesscrm up --stack unit",
        }),
      );
    }
  });

  it("stands in the help with its siblings, each with an example", () => {
    const program = new Command("fitnesscrm");
    for (const { register } of [backupCommand, backupsCommand, restoreCommand, drillCommand]) {
      register(program);
    }
    assert.deepEqual(
      program.commands.map((command) => command.name()),
      ["backup", "backups", "restore", "drill"],
    );
    const [drill] = program.commands.slice(-1);
    for (const command of [...program.commands.slice(0, 3), ...(drill?.commands ?? [])]) {
      let help = "";
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      assert.match(help, /Example:\n {2}\.\/fitnesscrm /, command.name());
      assert.match(help, /--stack <name>/);
    }
  });
});
