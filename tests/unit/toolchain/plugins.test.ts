import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Resolver } from "../../../toolchain/resolver";
import { launcher, pluginFolder, pluginTool, providerVersion } from "../../../toolchain/tools/plugins";
import type { Tool } from "../../../toolchain/types";
import { RecordingReporter, scratch } from "./fakes";

const run = promisify(execFile);

describe("provider plugins", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
    const { project } = made.context;
    for (const folder of ["plugins/lib", "plugins/command"])
      await mkdir(join(project, folder), { recursive: true });
    await writeFile(
      join(project, "package.json"),
      JSON.stringify({ dependencies: { "@pulumi/command": "1.2.1", "@pulumi/aws": "^7.0.0" } }),
    );
    await writeFile(join(project, "package-lock.json"), "{}");
    await writeFile(
      join(project, "plugins/lib/say.ts"),
      "export const say = (text: string): void => console.log(text);\n",
    );
    await writeFile(
      join(project, "plugins/command/index.ts"),
      'import { say } from "../lib/say";\nsay("plugin of " + process.argv[2]);\n',
    );
    made.host.have("pulumi").on("pulumi version", "v3.259.0\n");
  });
  afterEach(() => made.remove());

  const pulumi: Tool = { name: "Pulumi CLI", why: "x", remedy: "y", ways: [], present: async () => "there" };
  const provide = async () => {
    const provided = await new Resolver(made.host, new RecordingReporter()).provide([
      pluginTool(made.context, "command", pulumi),
    ]);
    const { what, way } = provided.find(({ tool }) => tool === "Pulumi plugin command") ?? {};
    return `${what} by ${way}`;
  };
  const folder = () => pluginFolder(made.context, "command", "1.2.1");

  /** A download server, and a CLI that installs from it. */
  function offerOfficial(): void {
    made.host.online.add("get.pulumi.com");
    made.host.on("pulumi plugin install", async (_argv, options) => {
      assert.equal(options.env?.PULUMI_HOME, made.home.pulumi);
      await mkdir(folder(), { recursive: true });
      await writeFile(join(folder(), "pulumi-resource-command"), "official", { mode: 0o755 });
      return "";
    });
  }

  it("are the official ones where their server answers", async () => {
    offerOfficial();
    assert.equal(await provide(), "v1.2.1 (official) by official download");
    assert.deepEqual(made.host.called("plugin install"), ["pulumi plugin install resource command v1.2.1"]);
    assert.equal(await provide(), "v1.2.1 (official) by already there");
  });

  it("are the project's own where it does not, started from anywhere without the checkout", async () => {
    assert.equal(await provide(), "v1.2.1 (own) by the project's own");
    await rm(join(made.context.project, "plugins"), { recursive: true });
    const program = join(folder(), "pulumi-resource-command");
    const { stdout } = await run(program, ["127.0.0.1:4711"], { cwd: "/", env: { PATH: "/usr/bin:/bin" } });
    assert.equal(stdout, "plugin of 127.0.0.1:4711\n");
  });

  it("of the project are bundled again when their sources change, and not otherwise", async () => {
    await provide();
    const before = (await stat(join(folder(), "plugin.cjs"))).mtimeMs;
    assert.equal(await provide(), "v1.2.1 (own) by already there");
    assert.equal((await stat(join(folder(), "plugin.cjs"))).mtimeMs, before);
    await writeFile(
      join(made.context.project, "plugins/lib/say.ts"),
      "export const say = (t: string): void => console.log(t, 2);\n",
    );
    assert.equal(await provide(), "v1.2.1 (own) by the project's own");
    assert.match(await readFile(join(folder(), "plugin.cjs"), "utf8"), /console\.log\(t, 2\)/);
  });

  it("do not change kind under a machine that has its own because a network came back", async () => {
    await provide();
    offerOfficial();
    await writeFile(join(made.context.project, "package-lock.json"), '{"changed":true}');
    assert.equal(await provide(), "v1.2.1 (own) by the project's own");
  });

  it("are of the kind that FITNESSCRM_PLUGINS forces", async () => {
    offerOfficial();
    made.host.env.FITNESSCRM_PLUGINS = "own";
    assert.equal(await provide(), "v1.2.1 (own) by the project's own");
    made.host.env.FITNESSCRM_PLUGINS = "official";
    assert.equal(await provide(), "v1.2.1 (official) by official download");
    made.host.env.FITNESSCRM_PLUGINS = "own";
    assert.equal(await provide(), "v1.2.1 (own) by the project's own");
  });

  it("that are forced but out of reach are not replaced by the others", async () => {
    made.host.env.FITNESSCRM_PLUGINS = "official";
    await assert.rejects(provide(), {
      message: [
        "Pulumi plugin command is needed to manage resources of the command provider, and no way to get it works:",
        "  - official download: get.pulumi.com did not answer in 3 s",
        "  - the project's own: FITNESSCRM_PLUGINS=official rules it out",
        "  What to do: let this machine reach get.pulumi.com, or unset FITNESSCRM_PLUGINS.",
      ].join("\n"),
    });
    made.host.env.FITNESSCRM_PLUGINS = "both";
    assert.throws(() => pluginTool(made.context, "command", pulumi), {
      message: 'FITNESSCRM_PLUGINS is "both"; allowed are official and own',
    });
  });

  it("whose installation was interrupted are installed again", async () => {
    offerOfficial();
    await provide();
    await writeFile(`${folder()}.partial`, "");
    made.host.on("pulumi plugin install", async () => {
      await mkdir(folder(), { recursive: true });
      await writeFile(join(folder(), "pulumi-resource-command"), "official", { mode: 0o755 });
      await rm(`${folder()}.partial`);
      return "";
    });
    assert.equal(await provide(), "v1.2.1 (official) by official download");
  });

  it("have the version of their SDK, which must be exact", async () => {
    assert.equal(await providerVersion(made.context.project, "command"), "1.2.1");
    await assert.rejects(providerVersion(made.context.project, "aws"), {
      message: "package.json: @pulumi/aws must be pinned to an exact version, found ^7.0.0",
    });
  });

  it("start with the node that installed them, and with another one when that is gone", async () => {
    const script = join(made.home.cache, "it's a script.cjs");
    await writeFile(script, "console.log(process.argv.slice(2).join('|'))");
    for (const node of [process.execPath, "/nowhere/node"]) {
      const program = join(made.home.cache, "program");
      await writeFile(program, launcher(node, script), { mode: 0o755 });
      const { stdout } = await run(program, ["a b", "c"]);
      assert.equal(stdout, "a b|c\n");
    }
  });
});
