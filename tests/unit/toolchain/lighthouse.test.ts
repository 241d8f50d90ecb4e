import assert from "node:assert/strict";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Resolver } from "../../../toolchain/resolver";
import { findLighthouse, LIGHTHOUSE_VERSION, lighthouseTool } from "../../../toolchain/tools/lighthouse";
import { RecordingReporter, scratch } from "./fakes";

const PINNED = resolve(__dirname, "../../../toolchain/lighthouse");

describe("Lighthouse", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
    await cp(PINNED, join(made.context.project, "toolchain/lighthouse"), { recursive: true });
    made.host.on("npm ci", async (_argv, { cwd = "" }) => {
      const program = join(cwd, "node_modules/lighthouse/cli");
      await mkdir(program, { recursive: true });
      await writeFile(join(program, "index.js"), "");
      return "";
    });
  });
  afterEach(() => made.remove());
  const provide = () =>
    new Resolver(made.host, new RecordingReporter()).provide([lighthouseTool(made.context)]);

  it("is the version that its lock file pins", async () => {
    const lock = JSON.parse(await readFile(join(PINNED, "package-lock.json"), "utf8")) as {
      packages: Record<string, { version: string; integrity?: string; resolved?: string }>;
    };
    assert.equal(lock.packages["node_modules/lighthouse"]?.version, LIGHTHOUSE_VERSION);
    for (const [name, { integrity, resolved }] of Object.entries(lock.packages)) {
      assert.ok(name === "" || integrity !== undefined, `${name} has no checksum`);
      assert.equal(resolved, undefined, `${name} names a registry`);
    }
  });

  it("is installed whole by its lock file, without anybody's scripts, once", async () => {
    assert.equal((await provide())[0]?.way, "npm");
    assert.match(made.host.called("npm ci")[0] ?? "", / --ignore-scripts /);
    assert.match((await findLighthouse(made.context)) ?? "", /lighthouse\/cli\/index\.js$/);
    assert.equal((await provide())[0]?.way, "already there");
    assert.equal(made.host.called("npm ci").length, 1);
  });

  it("is installed anew when its lock file is another one, and not there when that fails", async () => {
    await provide();
    const file = join(made.context.project, "toolchain/lighthouse/package-lock.json");
    await writeFile(file, `${await readFile(file, "utf8")}\n`);
    assert.equal(await findLighthouse(made.context), undefined);
    made.host.on("npm ci", { code: 1, stderr: "npm error: no route" });
    await assert.rejects(provide(), /no route/);
    assert.equal(await findLighthouse(made.context), undefined);
  });
});
