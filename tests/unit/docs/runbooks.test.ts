import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ALARM_NAMES } from "../../../alarmCatalogue";
import { run } from "../../../cli/exec";

const ROOT = resolve(__dirname, "..", "..", "..");
const FOLDER = join(ROOT, "docs", "runbooks");
/** Words that are a command's own argument, not a command below it. */
const GROUPS = ["db", "drill", "secrets", "policy", "incident", "cache", "images"];

function runbook(name: string): string {
  return readFileSync(join(FOLDER, `${name}.md`), "utf8");
}

/** Commands in the text, without their arguments, as `db slow`. */
function commandsIn(text: string): string[] {
  return [...text.matchAll(/\.\/fitnesscrm ([a-z]+)(?: ([a-z]+))?/g)].map(([, command = "", next]) =>
    GROUPS.includes(command) && next !== undefined ? `${command} ${next}` : command,
  );
}

/** Long options that stand behind a command in the text. */
function optionsIn(text: string): [command: string, option: string][] {
  return [...text.matchAll(/\.\/fitnesscrm ([^`\n]+)/g)].flatMap(([, line = ""]) => {
    const [command = ""] = commandsIn(`./fitnesscrm ${line}`);
    return [...line.matchAll(/ (--[a-z-]+)/g)].map(([, option = ""]): [string, string] => [command, option]);
  });
}

async function helpOf(command: string): Promise<string> {
  const main = join(ROOT, "cli", "main.ts");
  const args = ["--import", "tsx", main, ...command.split(" "), "--help"];
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: ROOT, timeoutSeconds: 60 });
  assert.equal(code, 0, `./fitnesscrm ${command} --help: ${stderr}`);
  return stdout;
}

describe("docs/runbooks", function () {
  this.timeout(120_000);

  it("has a page of every alarm, and none of another", () => {
    const pages = readdirSync(FOLDER).map((file) => file.replace(/\.md$/, ""));
    assert.deepEqual(pages.sort(), ["README", ...ALARM_NAMES].sort());
  });

  for (const name of ALARM_NAMES) {
    it(`says of ${name} where to look, what to do, and how to acknowledge it`, () => {
      const text = runbook(name);
      assert.match(text, new RegExp(`^# ${name}: `));
      assert.deepEqual(
        [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title),
        ["Look", "Fix", "Respond"],
      );
      assert.ok(text.includes(`./fitnesscrm ack ${name} `), "how to acknowledge it");
      assert.ok(readFileSync(join(FOLDER, "README.md"), "utf8").includes(`(${name}.md)`), "it is listed");
    });
  }

  it("names only commands and options that exist", async () => {
    const texts = ALARM_NAMES.map(runbook);
    const commands = [...new Set(texts.flatMap(commandsIn))];
    assert.ok(commands.length > 10, commands.join());
    const helps = new Map<string, string>();
    for (const command of commands) {
      helps.set(command, await helpOf(command));
    }
    for (const [command, option] of texts.flatMap(optionsIn)) {
      assert.ok(helps.get(command)?.includes(option), `./fitnesscrm ${command} has no ${option}`);
    }
  });
});
