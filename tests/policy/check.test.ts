import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { formatCheck, judgeState } from "../../cli/policyCheck";
import { minimalConfig, rawOf } from "../support/config";
import { TempFolders } from "../support/temp";
import { findCli, HOME_BIN } from "./support/cli";
import { change, type Declared, set } from "./support/harness";
import { realProgram } from "./support/realProgram";
import { stateOf } from "./support/state";

const PROJECT = join(__dirname, "..", "..");
const PASSPHRASE = "a passphrase of the tests";
const SECRET = "planted-role-password";

const event = (policyName: string, enforcementLevel: string, message: string): string =>
  JSON.stringify({
    sequence: 0,
    policyEvent: { resourceUrn: "urn:pulumi:local::fitnesscrm::t::n", message, policyName, enforcementLevel },
  });

describe("what pulumi says of a state", () => {
  const judged = (code: number, stdout: string, stderr = "") =>
    judgeState({ run: async () => ({ code, stdout, stderr }) }, "state.json");

  it("is one line a violation, whatever its message", async () => {
    const stdout = [
      event("service-restart", "mandatory", "Service db is given up\n\n after 3 attempts. "),
      JSON.stringify({ sequence: 1, summaryEvent: { result: "failed" } }),
      "",
    ].join("\n");
    const check = { stack: "local", ...(await judged(255, stdout)) };
    assert.equal(check.passed, false);
    assert.equal(formatCheck(check), "service-restart (mandatory): Service db is given up after 3 attempts.");
  });

  it("passes with what is advisory only", async () => {
    const { passed, violations } = await judged(0, `${event("service-restart", "advisory", "m")}\n`);
    assert.equal(passed, true);
    assert.deepEqual(violations, [
      {
        policy: "service-restart",
        level: "advisory",
        urn: "urn:pulumi:local::fitnesscrm::t::n",
        message: "m",
      },
    ]);
  });

  it("is an error when it could not judge", async () => {
    await assert.rejects(judged(255, "", "error: loading policy packs: boom\n"), {
      name: "UserError",
      message: "policy check: loading policy packs: boom",
    });
  });
});

describe("./fitnesscrm policy check", function () {
  this.timeout(180_000);
  const folders = new TempFolders();
  const cli = findCli();
  let home: string;
  /** Pulumi writes a new stack's settings beside Pulumi.yaml: not into the checkout. */
  let project: string;

  before(function () {
    if (cli === undefined) {
      console.log(`      skipped: no pulumi in ${HOME_BIN} nor on the PATH`);
      this.skip();
    }
    home = folders.create();
    const folder = join(home, "stacks", "local");
    mkdirSync(folder, { recursive: true });
    mkdirSync(join(home, "state"));
    writeFileSync(join(folder, "passphrase"), PASSPHRASE, { mode: 0o600 });
    const { secrets: _secrets, ...config } = minimalConfig();
    writeFileSync(join(folder, "Pulumi.local.yaml"), JSON.stringify({ config: rawOf(config) }));
    project = folders.create();
    copyFileSync(join(PROJECT, "Pulumi.yaml"), join(project, "Pulumi.yaml"));
    const made = pulumi(["stack", "init", "local", "--secrets-provider", "passphrase"]);
    assert.equal(made.status, 0, made.stderr);
  });
  after(() => folders.remove());

  const environment = (): NodeJS.ProcessEnv => {
    const {
      PULUMI_CONFIG_PASSPHRASE: _phrase,
      PULUMI_CONFIG_PASSPHRASE_FILE: _file,
      PULUMI_BACKEND_URL: _backend,
      ...rest
    } = process.env;
    return {
      ...rest,
      FITNESSCRM_HOME: home,
      PULUMI_HOME: join(home, "pulumi"),
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PATH: `${dirname(cli ?? "")}${delimiter}${process.env.PATH}`,
      NO_COLOR: "1",
    };
  };

  function pulumi(args: readonly string[], input?: string) {
    return spawnSync(cli ?? "pulumi", args, {
      cwd: project,
      encoding: "utf8",
      ...(input !== undefined && { input }),
      env: {
        ...environment(),
        PULUMI_BACKEND_URL: `file://${join(home, "state")}`,
        PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
      },
    });
  }

  /** Makes this the stack's state, its secrets encrypted by Pulumi itself. */
  function keep(stack: readonly Declared[]): void {
    const withSecret = change(stack, "Role database-app", (role) => {
      role.props.password = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        plaintext: JSON.stringify(SECRET),
      };
    });
    const state = stateOf(withSecret);
    const salt = /encryptionsalt"?: "?(v1:[^"\s]+)/.exec(
      readFileSync(join(project, "Pulumi.local.yaml"), "utf8"),
    )?.[1];
    assert.ok(salt !== undefined);
    state.deployment.secrets_providers = { type: "passphrase", state: { salt } };
    const imported = pulumi(["stack", "import", "--force", "--stack", "local"], JSON.stringify(state));
    assert.equal(imported.status, 0, imported.stderr);
  }

  function check(...flags: string[]) {
    return spawnSync(join(PROJECT, "fitnesscrm"), ["policy", "check", ...flags], {
      cwd: PROJECT,
      encoding: "utf8",
      env: environment(),
    });
  }

  it("finds nothing wrong with what the real program declares", async () => {
    keep(await realProgram());
    const { status, stdout, stderr } = check();
    assert.equal(stdout, "stack local: its state violates no policy\n", stderr);
    assert.equal(status, 0);
  });

  it("names what a resource and what the whole stack violates, and fails", async () => {
    const latest = change(await realProgram(), "Service nginx", (nginx) =>
      set(nginx, "taskSpec.containerSpec.image", "nginx:latest"),
    );
    keep(latest.filter(({ name }) => !name.startsWith("alarms-drill-failed")));
    const text = check();
    assert.equal(text.status, 1);
    assert.match(
      text.stdout,
      /^service-image-version \(mandatory\): Service nginx runs the image nginx:latest, .*\nbackup-alarms-present \(mandatory\): Stack local has no alarm for drill-failed\. .*\n$/,
    );

    const json = check("--json");
    assert.equal(json.status, 1);
    const { stack, passed, violations } = JSON.parse(json.stdout);
    assert.deepEqual([stack, passed], ["local", false]);
    assert.deepEqual(
      violations.map(({ policy, urn }: { policy: string; urn: string }) => [policy, urn.split("::").at(-1)]),
      [
        ["service-image-version", "nginx"],
        ["backup-alarms-present", "fitnesscrm-local"],
      ],
    );
    for (const { stdout, stderr } of [text, json]) {
      assert.ok(!`${stdout}${stderr}`.includes(SECRET));
    }
  });

  it("says which stack has no state", () => {
    const { status, stdout, stderr } = check("--stack", "other");
    assert.deepEqual(
      [status, stdout, stderr],
      [1, "", "fitnesscrm: stack other does not exist yet: run ./fitnesscrm up --stack other\n"],
    );
  });
});
