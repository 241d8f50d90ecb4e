import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { fitnesscrmHome, PROJECT_FOLDER, type StackContext } from "../../../cli/context";
import { run } from "../../../cli/exec";
import { Pulumi } from "../../../cli/pulumi";
import { openHistory } from "../../../cli/releases/history";
import { readReleases } from "../../../cli/releases/list";
import { backendUrl } from "../../../cli/state/backend";
import { TempFolders, withEnvironment } from "../../support/temp";
import { emulatorEndpoint, s3, startEmulator, stopEmulator } from "../plugins/aws-emulator";

/** Declares a release as a deployment does; without plugins, so that it is about the history alone. */
const PROGRAM = `
const pulumi = require("@pulumi/pulumi");
const { attempt, fails } = JSON.parse(process.env.RELEASE);
new pulumi.ComponentResource("unit:release:Release", attempt);
if (fails) throw new pulumi.RunError("this one fails");
module.exports = { release: { attempt, commit: null, backup: "before-" + attempt, images: { backend: "sha256:" + attempt } } };
`;

describe("releases from the history that Pulumi itself writes", function () {
  this.timeout(240_000);
  const folders = new TempFolders();
  const CREDENTIALS = { AWS_ACCESS_KEY_ID: "conformance", AWS_SECRET_ACCESS_KEY: "conformance-key" };

  before(startEmulator);
  after(async () => {
    await stopEmulator();
    folders.remove();
  });

  /** Runs updates of a project of this name on a backend. */
  async function deploy(
    url: string,
    releases: readonly { attempt: string; fails?: boolean; gzip?: boolean }[],
  ) {
    const project = folders.create({
      "Pulumi.yaml":
        "name: fitnesscrm\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\n",
      "index.js": PROGRAM,
      // What the project's own runtime options load before a program.
      "runtime.cjs": "",
      "typescript.cjs": "",
    });
    symlinkSync(join(PROJECT_FOLDER, "node_modules"), join(project, "node_modules"));
    const pulumiHome = folders.create();
    const pulumi = (more: Record<string, string>, ...args: string[]) =>
      run("pulumi", [...args, "--stack", "unit", "--non-interactive"], {
        cwd: project,
        timeoutSeconds: 120,
        env: {
          ...process.env,
          ...CREDENTIALS,
          PATH: `${join(fitnesscrmHome(), "bin")}:${process.env.PATH}`,
          PULUMI_HOME: pulumiHome,
          PULUMI_SKIP_UPDATE_CHECK: "true",
          PULUMI_BACKEND_URL: url,
          PULUMI_CONFIG_PASSPHRASE: "of this test",
          ...more,
        },
      });
    const made = await pulumi({}, "stack", "init");
    assert.equal(made.code, 0, made.stderr);
    for (const { attempt, fails = false, gzip = false } of releases) {
      const { code, stdout, stderr } = await pulumi(
        {
          RELEASE: JSON.stringify({ attempt, fails }),
          ...(gzip && { PULUMI_DIY_BACKEND_GZIP: "true" }),
        },
        "up",
        "--yes",
        "--skip-preview",
      );
      assert.equal(code === 0, !fails, stdout + stderr);
    }
  }

  async function releasesAt(url: string): Promise<unknown[]> {
    const home = folders.create();
    const context: StackContext = {
      stack: "unit",
      home,
      kind: "remote",
      folder: join(home, "stacks/unit"),
      configFile: join(home, "Pulumi.unit.yaml"),
    };
    return withEnvironment({ ...CREDENTIALS, PULUMI_BACKEND_URL: url }, async () => {
      const entries = await readReleases(await openHistory(new Pulumi(context)), 50);
      return entries.map(({ version, result, current, release }) => [
        version,
        result,
        current,
        release?.backup ?? null,
      ]);
    });
  }

  const DEPLOYED = [
    { attempt: "a" },
    { attempt: "a" },
    { attempt: "b", fails: true },
    { attempt: "c", gzip: true },
  ];
  const LISTED = [
    [4, "succeeded", true, "before-c"],
    [3, "failed", false, null],
    [1, "succeeded", false, "before-a"],
  ];

  it("are read from a folder, compressed or not", async () => {
    const url = `file://${folders.create()}`;
    await deploy(url, DEPLOYED);
    assert.deepEqual(await releasesAt(url), LISTED);
  });

  it("are read from an S3 bucket that the stack's state is in", async () => {
    const Bucket = "conformance-releases";
    await s3().createBucket({ Bucket });
    const url = backendUrl(Bucket, "us-east-1", emulatorEndpoint());
    await deploy(url, DEPLOYED);
    assert.deepEqual(await releasesAt(url), LISTED);
  });

  it("say what is wrong with a bucket that is not there", async () => {
    const url = backendUrl("conformance-nowhere", "us-east-1", emulatorEndpoint());
    await assert.rejects(
      releasesAt(url),
      /^UserError: history in bucket conformance-nowhere: NoSuchBucket: /,
    );
  });
});
