import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { StackContext } from "../../../cli/context";
import { recoverDamagedState, requireReadableState } from "../../../cli/damagedState";
import { UserError } from "../../../cli/errors";
import { readLocalState, stateFiles } from "../../../cli/localState";
import { Pulumi } from "../../../cli/pulumi";
import { TempFolders, writeFiles } from "../../support/temp";

const FIRST = "2026-11-01T10:00:00.1Z";
const SECOND = "2026-11-02T11:00:00.123456789+01:00";
const THIRD = "2026-11-03T10:00:00Z";

/** A state's file as Pulumi writes it, with one resource that says when. */
function stateOf(time: string): string {
  const latest = { manifest: { time }, resources: [{ urn: `urn:${time}`, type: "t" }] };
  return JSON.stringify({ version: 3, checkpoint: { stack: "organization/fitnesscrm/unit", latest } });
}

const history = (nanoseconds: string): string =>
  `.pulumi/history/fitnesscrm/unit/unit-${nanoseconds}.checkpoint.json`;
const OLDER = history("999999999999999999");
const NEWER = history("1793533200000000000");
const STATE = ".pulumi/stacks/fitnesscrm/unit.json";
const PREVIOUS = `${STATE}.bak`;

describe("a state's file", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  function contextWith(
    files: Record<string, string>,
    kind: StackContext["kind"] = "local",
  ): StackContext & { stateFile: string } {
    const home = folders.create();
    writeFiles(join(home, "state"), files);
    const folder = join(home, "stacks/unit");
    const context: StackContext = { stack: "unit", home, kind, folder, configFile: join(folder, "x.yaml") };
    return { ...context, stateFile: stateFiles(context).state };
  }

  /** What stands beside the state, its copies apart. */
  const leftBeside = (stateFile: string): string[] =>
    readdirSync(dirname(stateFile)).filter((name) => !["unit.json", "unit.json.bak"].includes(name));

  const whole = stateOf(THIRD);
  for (const [what, damaged] of [
    ["is empty", ""],
    ["was cut after its first byte", whole.slice(0, 1)],
    ["was cut in the middle", whole.slice(0, whole.length / 2)],
    ["lacks its last byte", whole.slice(0, -1)],
    ["holds nothing but zeroes", "\0".repeat(whole.length)],
    ["has something behind its end", `${whole}}`],
    ["is no more than a word", "null"],
  ] as const) {
    it(`that ${what} is put back from the newest update, and the damaged one is kept`, async () => {
      const context = contextWith({ [STATE]: damaged, [OLDER]: stateOf(FIRST), [NEWER]: stateOf(SECOND) });
      const said = await recoverDamagedState(context);
      assert.equal(readFileSync(context.stateFile, "utf8"), stateOf(SECOND));
      assert.equal(statSync(context.stateFile).mode & 0o777, 0o600);
      const [kept = "", ...more] = leftBeside(context.stateFile);
      assert.deepEqual(more, []);
      assert.match(kept, /^unit\.json\.damaged-\d{8}T\d{9}Z$/);
      assert.equal(readFileSync(join(dirname(context.stateFile), kept), "utf8"), damaged);
      assert.equal(
        said,
        `the state's file of stack unit is damaged (${context.stateFile}: ${Buffer.byteLength(damaged)} bytes that are no JSON): ` +
          `it is again the state of 2026-11-02T10:00:00.123Z (the end of an update, ${basename(NEWER)}); the damaged one is kept ` +
          `as ${join(dirname(context.stateFile), kept)}`,
      );
      assert.equal(await recoverDamagedState(context), undefined, "the second time nothing is damaged");
    });
  }

  const cases: [what: string, files: Record<string, string>, recovered: string][] = [
    [
      "of the write before, when an update was in its middle",
      { [NEWER]: stateOf(SECOND), [PREVIOUS]: stateOf(THIRD) },
      THIRD,
    ],
    [
      "of the update's end, when the write before is older",
      { [NEWER]: stateOf(SECOND), [PREVIOUS]: stateOf(FIRST) },
      SECOND,
    ],
    [
      "of the update before, when the newest is damaged as well",
      { [NEWER]: stateOf(SECOND).slice(0, 90), [OLDER]: stateOf(FIRST), [PREVIOUS]: "" },
      FIRST,
    ],
    ["of the write before, when there is no history", { [PREVIOUS]: stateOf(FIRST) }, FIRST],
    [
      "of the update's end, when the write before is something else",
      { [NEWER]: stateOf(FIRST), [PREVIOUS]: `{"version": 3}` },
      FIRST,
    ],
  ];
  for (const [what, files, recovered] of cases) {
    it(`is put back as that ${what}`, async () => {
      const context = contextWith({ [STATE]: "{", ...files });
      assert.match((await recoverDamagedState(context)) ?? "", / it is again the state of 2026-/);
      assert.equal(readFileSync(context.stateFile, "utf8"), stateOf(recovered));
    });
  }

  it("is put back as that of a new stack, when nothing was deployed before", async () => {
    const made = JSON.stringify({ version: 3, checkpoint: { stack: "organization/fitnesscrm/unit" } });
    const context = contextWith({ [STATE]: "", [PREVIOUS]: made });
    assert.match((await recoverDamagedState(context)) ?? "", /the state from before the first update/);
    assert.deepEqual(readLocalState(context), { resources: [] });
  });

  it("is left as it is when nothing else can be read, and both places are named", async () => {
    const context = contextWith({ [STATE]: "{", [PREVIOUS]: "", [NEWER]: "[]" });
    await assert.rejects(recoverDamagedState(context), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        /unit\.json: 1 bytes that are no JSON\), and neither .*history.* nor .*\.bak/,
      );
      assert.ok(!error.message.includes("\n"));
      return true;
    });
    assert.equal(readFileSync(context.stateFile, "utf8"), "{");
    assert.deepEqual(leftBeside(context.stateFile), []);
  });

  for (const [what, text] of [
    ["is whole", whole],
    ["has a format that is not known here", `{"version": 9, "something": "else"}`],
  ] as const) {
    it(`that ${what} is not touched`, async () => {
      const context = contextWith({ [STATE]: text, [NEWER]: stateOf(FIRST) });
      assert.equal(await recoverDamagedState(context), undefined);
      requireReadableState(context);
      assert.equal(readFileSync(context.stateFile, "utf8"), text);
      assert.deepEqual(leftBeside(context.stateFile), []);
    });
  }

  it("that does not exist is not made up from a history: the stack may have been removed", async () => {
    const context = contextWith({ [NEWER]: stateOf(FIRST) });
    assert.equal(await recoverDamagedState(context), undefined);
    assert.equal(existsSync(context.stateFile), false);
  });

  it("of a remote stack is somebody else's", async () => {
    const context = contextWith({ [STATE]: "{", [NEWER]: stateOf(FIRST) }, "remote");
    assert.equal(await recoverDamagedState(context), undefined);
    requireReadableState(context);
    assert.equal(readFileSync(context.stateFile, "utf8"), "{");
  });

  it("that is damaged refuses every other command, with the file and what puts it back", async () => {
    const context = contextWith({ [STATE]: "{", [NEWER]: stateOf(FIRST) });
    const pulumi = new Pulumi(context);
    const commands: [name: string, run: () => Promise<unknown>][] = [
      ["run", () => pulumi.run(["preview"])],
      ["runAttached", () => pulumi.runAttached(["preview"])],
      ["runWatched", () => pulumi.runWatched(["up"], {}, () => {})],
      ["exportState", () => pulumi.exportState()],
      ["outputs", () => pulumi.outputs()],
    ];
    for (const [name, run] of commands) {
      await assert.rejects(
        run(),
        new UserError(
          `the state's file of stack unit is damaged (${context.stateFile}: 1 bytes that are no JSON): ./fitnesscrm up ` +
            "--stack unit puts it back from its history",
        ),
        name,
      );
    }
    assert.equal(readFileSync(context.stateFile, "utf8"), "{", "only up puts it back");
  });
});
