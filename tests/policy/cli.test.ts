import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findCli, HOME_BIN } from "./support/cli";
import { happyStack } from "./support/happy";
import { change, type Declared, set } from "./support/harness";
import { stateOf } from "./support/state";

const POLICIES = join(__dirname, "..", "..", "policies");
const EXECUTABLE = join(POLICIES, "bin", "fitnesscrm-policies");

describe("the policy pack's process", () => {
  /** Starts the pack as the engine does and resolves with the first line of its output. */
  async function start(command: string, args: string[], cwd: string): Promise<[ChildProcess, string]> {
    const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "inherit"] });
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    return [child, line];
  }

  it("says the analyzer's port, and ends when the engine is gone", async () => {
    const began = performance.now();
    const [child, line] = await start(EXECUTABLE, ["127.0.0.1:1"], tmpdir());
    console.log(`      started in ${Math.round(performance.now() - began)} ms`);
    assert.match(line, /^\d+$/);
    child.stdin?.end();
    const [code] = (await once(child, "exit")) as [number];
    assert.equal(code, 0);
  });

  it("starts from its folder by the SDK's own runner, as the official language host does", async () => {
    const runner = require.resolve("@pulumi/pulumi/cmd/run-policy-pack");
    const [child, line] = await start(process.execPath, [runner, "127.0.0.1:1", POLICIES], POLICIES);
    assert.match(line, /^\d+$/);
    child.kill();
    await once(child, "exit");
  });

  it("loads neither the TypeScript compiler nor npm's dependency solver", () => {
    const script = `
      process.chdir(${JSON.stringify(POLICIES)});
      require(${JSON.stringify(POLICIES)});
      const heavy = Object.values(require.cache).filter(({ filename, paths }) =>
        /node_modules.(typescript|@npmcli.arborist)./.test(filename) && paths.length > 0);
      process.stdout.write(heavy.length + " heavy of " + Object.keys(require.cache).length + "\\n", () => process.exit());`;
    const output = execFileSync(process.execPath, ["-e", script], { encoding: "utf8" });
    assert.match(output, /^0 heavy of \d+$/m);
  });

  it("what was put off still loads when it is used", () => {
    const script = `
      process.chdir(${JSON.stringify(POLICIES)});
      require(${JSON.stringify(POLICIES)});
      const { createRequire } = require("node:module");
      const asPulumi = createRequire(require.resolve("@pulumi/pulumi", { paths: [${JSON.stringify(POLICIES)}] }));
      const ts = asPulumi("typescript");
      const { Arborist } = asPulumi("@npmcli/arborist");
      process.stdout.write(ts.transpile("const a: number = 1") + typeof Arborist + "\\n", () => process.exit());`;
    const output = execFileSync(process.execPath, ["-e", script], { encoding: "utf8" });
    assert.match(output, /var a = 1;\s*function$/m);
  });
});

describe("the policy pack under the Pulumi CLI", function () {
  this.timeout(120_000);
  const cli = findCli();
  let folder: string;

  before(function () {
    if (cli === undefined) {
      console.log(`      skipped: no pulumi in ${HOME_BIN} nor on the PATH`);
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), "fitnesscrm-policies-"));
  });
  after(() => {
    if (folder !== undefined) {
      rmSync(folder, { recursive: true });
    }
  });

  /** Judges a state as `./fitnesscrm policy check` does: without provider, program or backend. */
  function analyze(
    stack: readonly Declared[],
    config: Record<string, unknown> = {},
  ): { status: number | null; output: string } {
    const state = join(folder, "state.json");
    const configFile = join(folder, "config.json");
    writeFileSync(state, JSON.stringify(stateOf(stack)));
    writeFileSync(configFile, JSON.stringify(config));
    const { status, stdout, stderr } = spawnSync(
      cli ?? "pulumi",
      ["policy", "analyze", "--file", state, "--policy-pack", EXECUTABLE, "--policy-pack-config", configFile],
      {
        cwd: folder,
        encoding: "utf8",
        env: {
          ...process.env,
          PULUMI_HOME: join(folder, "home"),
          PULUMI_SKIP_UPDATE_CHECK: "true",
          PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
          NO_COLOR: "1",
        },
      },
    );
    return { status, output: `${stdout}${stderr}` };
  }

  const latest = (): Declared[] =>
    change(happyStack(), "Service nginx", (nginx) =>
      set(nginx, "taskSpec.containerSpec.image", "nginx:latest"),
    );
  const reason = "load test of 2026-03-01, ticket 4711";

  it("passes an empty stack", () => {
    const { status, output } = analyze([]);
    assert.equal(status, 0, output);
  });

  it("passes a stack at exactly the manual's numbers", () => {
    const { status, output } = analyze(happyStack());
    assert.equal(status, 0, output);
  });

  it("refuses a violation, and shows its message", () => {
    const { status, output } = analyze(latest());
    assert.notEqual(status, 0);
    assert.match(output, /\[mandatory\] +service-image-version +\(docker:index\S*:Service: nginx\)/);
    assert.match(output, /Service nginx runs the image nginx:latest, which may be another one tomorrow\./);
  });

  it("an exception with a reason lowers one policy", () => {
    const { status, output } = analyze(latest(), {
      "service-image-version": { exception: { level: "advisory", reason } },
    });
    assert.equal(status, 0, output);
    assert.match(output, /\[advisory\] +service-image-version/);
    assert.match(output, /\(Advisory, because: load test of 2026-03-01, ticket 4711\)/);
  });

  it("the engine's own advisory level lowers nothing", () => {
    const { status, output } = analyze(latest(), { all: "advisory" });
    assert.notEqual(status, 0);
    assert.match(output, /\[mandatory\] +service-image-version/);
  });

  it("the engine's own disabled level is refused", () => {
    const { status, output } = analyze(latest(), { "service-image-version": "disabled" });
    assert.notEqual(status, 0);
    assert.match(output, /without the policy service-image-version, which is disabled without a reason/);
  });

  it("a policy fills in what nobody declared for whoever asks, and in view", () => {
    const bare = change(happyStack(), "Service nginx", (nginx) =>
      set(nginx, "taskSpec.restartPolicy", undefined),
    );
    const { output } = analyze(bare, { "service-restart": "remediate" });
    assert.match(output, /\[remediate\] +service-restart +\(docker:index\S*:Service: nginx\)/);
    assert.ok(!/\[remediate\]/.test(analyze(bare).output));
  });

  for (const [what, config, message] of [
    [
      "a looser threshold",
      { "alarm-thresholds": { cpu: 81 } },
      /alarm-thresholds: cpu: Must be less than or equal to 80/,
    ],
    [
      "a shorter retention",
      { "backup-retention": { days: 30 } },
      /backup-retention: days: Must be greater than or equal to 90/,
    ],
    [
      "an exception without a reason",
      { "service-restart": { exception: { level: "disabled" } } },
      /service-restart: exception: reason is required/,
    ],
  ] as const) {
    it(`the engine refuses a configuration with ${what}`, () => {
      const { status, output } = analyze([], config);
      assert.notEqual(status, 0);
      assert.match(output, message);
    });
  }
});
