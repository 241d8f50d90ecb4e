import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ComponentResource } from "@pulumi/pulumi";
import { LocalWorkspace, type PulumiFn, Stack } from "@pulumi/pulumi/automation";
import type { StackContext } from "../../../cli/context";
import { recoverDamagedState } from "../../../cli/damagedState";
import { UserError } from "../../../cli/errors";
import { readLocalState, stateFiles } from "../../../cli/localState";
import { Pulumi, type StackState } from "../../../cli/pulumi";
import { PROJECT } from "../../../config";
import { TempFolders, withEnvironment } from "../../support/temp";
import { eventually } from "../images/sandbox";
import { searchPath } from "../plugins/engine";

const STACK = "damaged";
const ENVIRONMENT = { PULUMI_CONFIG_PASSPHRASE: "damaged", PULUMI_BACKEND_URL: undefined };

/** Names of the components in a state. */
const componentsIn = (state: StackState | undefined): string[] =>
  (state?.resources ?? [])
    .filter(({ type }) => type === "unit:test:Part")
    .map(({ urn }) => urn.split("::").at(-1) ?? "")
    .sort();

describe("a damaged state, with the real Pulumi", function () {
  this.timeout(300_000);
  const folders = new TempFolders();
  const home = folders.create();
  const context: StackContext = contextIn(home);
  const files = stateFiles(context);
  let stack: Stack;
  let whole: string;

  function contextIn(folder: string): StackContext {
    const own = join(folder, "stacks", STACK);
    return { stack: STACK, home: folder, kind: "local", folder: own, configFile: join(own, "Pulumi.yaml") };
  }

  const program =
    (...names: string[]): PulumiFn =>
    async () => {
      for (const name of names) {
        new ComponentResource("unit:test:Part", name);
      }
      return { parts: names.length };
    };

  /** Runs an update of a program to its end. */
  async function update(inline: PulumiFn): Promise<Record<string, number>> {
    stack.workspace.program = inline;
    const { summary } = await stack.up();
    return summary.resourceChanges ?? {};
  }

  before(async () => {
    mkdirSync(join(home, "state"));
    process.env.PATH = searchPath();
    stack = await LocalWorkspace.createOrSelectStack(
      { stackName: STACK, projectName: PROJECT, program: program() },
      {
        pulumiHome: join(home, "pulumi"),
        projectSettings: { name: PROJECT, runtime: "nodejs" },
        envVars: {
          PULUMI_BACKEND_URL: pathToFileURL(join(home, "state")).href,
          PULUMI_CONFIG_PASSPHRASE: ENVIRONMENT.PULUMI_CONFIG_PASSPHRASE,
          PULUMI_SKIP_UPDATE_CHECK: "true",
        },
      },
    );
    await update(program("a"));
    await update(program("a", "b"));
    whole = readFileSync(files.state, "utf8");
  });
  after(() => folders.remove());

  const exported = (): Promise<string> =>
    withEnvironment(ENVIRONMENT, () =>
      new Pulumi(context).runChecked("export", ["stack", "export", "--stack", STACK]),
    );

  for (const [what, length] of [
    ["empty", () => 0],
    ["one byte long", () => 1],
    ["cut in the middle", () => Math.floor(whole.length / 2)],
    ["one byte short", () => whole.length - 1],
  ] as const) {
    it(`that is ${what} is refused by every command but up, which puts back what the last update left`, async () => {
      const before = await exported();
      truncateSync(files.state, length());
      await assert.rejects(exported(), (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.match(
          error.message,
          /\/damaged\.json: \d+ bytes .*: \.\/fitnesscrm up --stack damaged puts it back/,
        );
        return true;
      });
      assert.match((await recoverDamagedState(context)) ?? "", /\(the end of an update, damaged-\d+\.check/);
      assert.equal(readFileSync(files.state, "utf8"), whole);
      assert.equal(await exported(), before);
    });
  }

  it("that was put back has nothing to change, and is one stack beside its damaged files", async () => {
    assert.deepEqual(await update(program("a", "b")), { same: 3 });
    assert.deepEqual(
      (await stack.workspace.listStacks()).map(({ name }) => name),
      [STACK],
    );
    const damaged = readdirSync(dirname(files.state)).filter((name) => name.includes(".damaged-"));
    assert.equal(damaged.length, 4);
  });

  it("in the middle of an update is put back as it was one write before, not as the last update left it", async () => {
    let goOn = (): void => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const ended = update(async () => {
      await program("a", "b", "c", "d")();
      // Holds the update once the engine has written all of the above.
      await held;
    });
    const copy = contextIn(folders.create());
    try {
      await eventually("the update has written its parts", async () =>
        componentsIn(readLocalState(context)).includes("d"),
      );
      cpSync(join(home, "state"), join(copy.home, "state"), { recursive: true, preserveTimestamps: true });
    } finally {
      goOn();
      await ended;
    }
    const written = componentsIn(readLocalState(copy));
    truncateSync(stateFiles(copy).state, 100);
    assert.match(
      (await recoverDamagedState(copy)) ?? "",
      /\(before the last write, in the middle of an update\)/,
    );
    const recovered = componentsIn(readLocalState(copy));
    assert.ok(recovered.length >= 3 && recovered.every((name) => written.includes(name)), `${recovered}`);
  });

  it("of a stack that was only just made is put back as an empty one, which can be deployed", async () => {
    await stack.workspace.createStack("fresh");
    const fresh = { ...context, stack: "fresh" };
    truncateSync(stateFiles(fresh).state, 0);
    assert.match((await recoverDamagedState(fresh)) ?? "", /the state from before the first update/);
    const state = await withEnvironment(ENVIRONMENT, () => new Pulumi(fresh).exportState());
    assert.deepEqual(state?.resources ?? [], []);
    const other = await Stack.select("fresh", stack.workspace);
    stack.workspace.program = program("a");
    assert.deepEqual((await other.up()).summary.resourceChanges, { create: 2 });
  });
});
