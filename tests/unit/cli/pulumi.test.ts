import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_FOLDER, type StackContext } from "../../../cli/context";
import { UserError } from "../../../cli/errors";
import { explainFailure, Pulumi, passphraseFile, pulumiEnvironment } from "../../../cli/pulumi";
import { TempFolders, withEnvironment, writeScript } from "../../support/temp";

const UNSET = {
  PULUMI_CONFIG_PASSPHRASE: undefined,
  PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
  PULUMI_BACKEND_URL: undefined,
};

describe("pulumi's environment", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  function contextOf(kind: StackContext["kind"], files: Record<string, string> = {}): StackContext {
    const home = folders.create();
    const folder = join(home, "stacks/unit");
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(folder, name), text);
    }
    return { stack: "unit", home, kind, folder, configFile: join(folder, "Pulumi.unit.yaml") };
  }

  const environmentOf = (
    context: StackContext,
    environment: Record<string, string | undefined> = {},
  ): Promise<Record<string, string>> =>
    withEnvironment({ ...UNSET, PATH: "/usr/bin", ...environment }, () => pulumiEnvironment(context));

  it("of a local stack: tools, state and settings below the home", async () => {
    const context = contextOf("local", { passphrase: "x" });
    assert.deepEqual(await environmentOf(context), {
      PATH: `${context.home}/bin:/usr/bin`,
      FITNESSCRM_HOME: context.home,
      PULUMI_HOME: `${context.home}/pulumi`,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_STACK: "unit",
      PULUMI_RUN_PROGRAM: "true",
      PULUMI_OPTION_CONFIG_FILE: context.configFile,
      PULUMI_BACKEND_URL: `file://${context.home}/state`,
      PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(context),
    });
  });

  it("never holds the passphrase itself, only where it is kept", async () => {
    const context = contextOf("local", { passphrase: "planted-passphrase" });
    assert.ok(!JSON.stringify(await environmentOf(context)).includes("planted"));
  });

  it("leaves the passphrase to whoever has set one", async () => {
    const context = contextOf("local", { passphrase: "x" });
    for (const name of ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"]) {
      const environment = await environmentOf(context, { [name]: "" });
      assert.equal(environment.PULUMI_CONFIG_PASSPHRASE_FILE, undefined);
      assert.equal(environment.PULUMI_CONFIG_PASSPHRASE, undefined);
    }
  });

  it("of a remote stack: the state is where its owner says, else where it was prepared", async () => {
    const backend = { backend: "s3://state-of-crm\n" };
    assert.equal((await environmentOf(contextOf("remote"))).PULUMI_BACKEND_URL, undefined);
    assert.equal((await environmentOf(contextOf("remote", backend))).PULUMI_BACKEND_URL, "s3://state-of-crm");
    const said = await environmentOf(contextOf("remote", backend), { PULUMI_BACKEND_URL: "s3://mine" });
    assert.equal(said.PULUMI_BACKEND_URL, undefined, "the caller's own is inherited, not repeated");
  });
});

describe("pulumi", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  /** A `pulumi` that writes down how it was called and answers as the test says. */
  async function withPulumi<T>(
    script: string,
    body: (pulumi: Pulumi) => Promise<T>,
  ): Promise<{ value: T; calls: string[] }> {
    const home = folders.create();
    writeScript(join(home, "bin"), "pulumi", `#!/bin/sh\necho "$PWD|$*" >>"${home}/calls"\n${script}\n`);
    const context: StackContext = {
      stack: "unit",
      home,
      kind: "local",
      folder: join(home, "stacks/unit"),
      configFile: join(home, "stacks/unit/Pulumi.unit.yaml"),
    };
    const value = await withEnvironment({ ...UNSET, PATH: `${home}/bin:${process.env.PATH}` }, () =>
      body(new Pulumi(context)),
    );
    return { value, calls: readFileSync(join(home, "calls"), "utf8").trimEnd().split("\n") };
  }

  it("runs in the project's folder, and gets input by standard input", async () => {
    const { value, calls } = await withPulumi("cat", (pulumi) =>
      pulumi.runChecked("setting secrets", ["config", "set", "--secret", "x"], "planted"),
    );
    assert.equal(value, "planted");
    assert.deepEqual(calls, [`${PROJECT_FOLDER}|config set --secret x`]);
  });

  it("reads a stack's state, and knows one that has none yet", async () => {
    const state = { resources: [{ urn: "urn:x", type: "t" }] };
    const exported = await withPulumi(
      `echo '${JSON.stringify({ version: 3, deployment: state })}'`,
      (pulumi) => pulumi.exportState(),
    );
    assert.deepEqual(exported.value, state);
    assert.deepEqual(exported.calls, [`${PROJECT_FOLDER}|stack export --stack unit`]);
    const missing = await withPulumi("echo \"error: no stack named 'unit' found\" >&2; exit 255", (pulumi) =>
      pulumi.exportState(),
    );
    assert.equal(missing.value, undefined);
    const empty = await withPulumi(`echo '{"version": 3, "deployment": null}'`, (pulumi) =>
      pulumi.exportState(),
    );
    assert.deepEqual(empty.value, { resources: [] });
  });

  it("does not take another failure for a stack without state: its secrets would be made anew", async () => {
    for (const said of [
      "error: unable to open bucket: NoSuchBucket: the bucket was not found",
      "error: getting passphrase: open /x/passphrase: file not found",
    ]) {
      await assert.rejects(
        withPulumi(`echo '${said}' >&2; exit 255`, (pulumi) => pulumi.exportState()),
        new UserError(`state of stack unit: ${said.replace("error: ", "")}`),
      );
    }
  });

  it("reads a stack's outputs", async () => {
    const { value, calls } = await withPulumi(`echo '{"url": "http://localhost:8080"}'`, (pulumi) =>
      pulumi.outputs(),
    );
    assert.deepEqual(value, { url: "http://localhost:8080" });
    assert.deepEqual(calls, [`${PROJECT_FOLDER}|stack output --json --stack unit`]);
  });

  it("hands on its exit code where it has the terminal", async () => {
    assert.equal((await withPulumi("exit 3", (pulumi) => pulumi.runAttached(["whoami"]))).value, 3);
  });
});

describe("why pulumi failed, in one line", () => {
  const passphrase =
    "the passphrase is wrong or missing: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the one " +
    "that this stack was made with; its state was not touched";
  const table: [what: string, stderr: string, stdout: string, code: number, line: string][] = [
    [
      "a wrong passphrase",
      'error: could not deserialize deployment: [1:] constructing secrets manager of type "passphrase": incorrect passphrase',
      "",
      255,
      passphrase,
    ],
    [
      "no passphrase",
      "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
      "",
      255,
      passphrase,
    ],
    [
      "somebody else's update",
      "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n" +
        "  file:///x/.pulumi/locks/organization/fitnesscrm/unit/1.json: created by ada@crm (pid 4711) at 2026-01-02T03:04:05Z",
      "",
      255,
      "the state is locked by ada@crm (process 4711) since 2026-01-02T03:04:05Z: wait for it to finish",
    ],
    ["its own error", "warning: x\nerror: no such thing\nmore", "", 255, "no such thing"],
    [
      "an error on standard output",
      "",
      "Diagnostics:\n  pulumi:pulumi:Stack (x):\n    error: bad config\n",
      1,
      "bad config",
    ],
    [
      "an error whose reason stands on the next line",
      "",
      "    error: 1 error occurred:\n    \t* port is taken\n",
      1,
      "* port is taken",
    ],
    [
      "a resource's error below the stack's own",
      "",
      "Diagnostics:\n  pulumi:pulumi:Stack (x):\n    error: update failed\n\n  docker:index:Service (backend):\n    error: port is taken\n",
      1,
      "port is taken",
    ],
    [
      "a policy that is violated, before what the gate had to say",
      "",
      "Policies:\n    ❌ fitnesscrm@v0.1.0\n        - [mandatory]  no-engine-socket  (docker:index:Service: ops)\n          Service ops mounts the socket.\n\n" +
        "Diagnostics:\n  command:local:Command (gate-before):\n    first deployment: nothing runs that could be saved\n",
      255,
      "policy no-engine-socket: Service ops mounts the socket.",
    ],
    [
      "nothing but that it failed",
      "",
      "Diagnostics:\n  pulumi:pulumi:Stack (x):\n    error: update failed\n",
      1,
      "update failed",
    ],
    ["words without that word", "first\nlast words\n", "", 1, "last words"],
    ["nothing", "", "", 9, "pulumi ended with exit code 9"],
  ];
  for (const [what, stderr, stdout, code, line] of table) {
    it(what, () => {
      const found = explainFailure({ code, stdout, stderr });
      assert.equal(found, line);
      assert.doesNotMatch(found, /\n/);
    });
  }
});
