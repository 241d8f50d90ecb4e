import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import type { StackContext } from "../../../cli/context";
import { DockerHost } from "../../../cli/docker";
import { type Cleaning, clean } from "../../../cli/images/clean";
import { type Session, sessionOf } from "../../../cli/session";
import { parseConfig } from "../../../config";
import { minimalConfig, rawOf } from "../../support/config";
import { TempFolders } from "../../support/temp";
import { docker, tryDocker } from "./sandbox";

const PROJECT = resolve(__dirname, "../../..");
const LAYER_BYTES = 100_000;
/** What stacks of this machine have in common: not this test's to remove. */
const SHARED = ["postgres", "redis", "nginx", "ops", "engine", "agent", "packages"].map(
  (image) => `fitnesscrm/${image}`,
);

describe("cleaning a real engine of old images (M55)", function () {
  this.timeout(300_000);
  /** A stack's name of the test's own. */
  const stack = `cleantest-${process.pid}`;
  const repository = `fitnesscrm-${stack}/backend`;
  const folders = new TempFolders();
  const host = new DockerHost("");

  afterEach(async () => {
    await tryDocker(["container", "rm", "--force", stack]);
    const list = await docker(["image", "ls", "--quiet", "--filter", `label=fitnesscrm.image=${repository}`]);
    for (const id of new Set(list.split("\n").filter((each) => each !== ""))) {
      await tryDocker(["image", "rm", "--force", id]);
    }
  });
  after(() => folders.remove());

  /** Builds as the program does. The files are layers of their own, the first below the second. @returns The image's ID. */
  function build(tag: string, ...files: readonly string[]): string {
    const names = files.map((_, index) => `file${index}`);
    const context = folders.create({
      Dockerfile: `FROM scratch\n${names.map((name) => `COPY ${name} /${name}\n`).join("")}CMD ["/none"]\n`,
      ...Object.fromEntries(files.map((letter, index) => [`file${index}`, letter.repeat(LAYER_BYTES)])),
    });
    const script = join(PROJECT, "components", "images", "build.sh");
    const line = execFileSync("sh", [script], {
      encoding: "utf8",
      env: { ...process.env, IMAGE: `${repository}:${tag.padEnd(12, "0")}`, CONTEXT: context },
    });
    return (JSON.parse(line) as { id: string }).id;
  }

  /** Cleans as of a moment that everything is older than. */
  async function cleanNow(needed: readonly string[], dryRun = false): Promise<Cleaning> {
    const folder = folders.create();
    const context: StackContext = { stack, home: folder, kind: "local", folder, configFile: "none" };
    const session: Session = sessionOf(context, parseConfig(rawOf(minimalConfig()), undefined));
    return clean(
      session,
      { before: Date.now() + 1000, dryRun },
      {
        needsOf: async () => ({ references: [...needed], past: [] }),
        needsOfOthers: async () => ({ references: [], repositories: SHARED, notes: [] }),
      },
    );
  }

  const exists = (id: string): Promise<boolean> => host.imageExists(id);

  it("removes what nothing needs and leaves the rest, with the bytes of the layers that go", async () => {
    const [old, kept] = [build("a", "x", "a"), build("b", "x", "b")];
    const planned = await cleanNow([kept], true);
    assert.ok(await exists(old), "nothing goes with --dry-run");
    const { removed, freedBytes, notes } = await cleanNow([kept]);
    assert.deepEqual(
      removed.map(({ id, name }) => ({ id, name })),
      [{ id: old, name: `${repository}:a00000000000` }],
    );
    assert.deepEqual(planned.removed, removed);
    assert.deepEqual(notes, []);
    // The first layer is the other one's as well.
    assert.ok(freedBytes >= LAYER_BYTES && freedBytes < 2 * LAYER_BYTES, `${freedBytes} bytes`);
    assert.deepEqual([await exists(old), await exists(kept)], [false, true]);
    assert.deepEqual((await cleanNow([kept])).removed, []);
  });

  it("finds an image by its label whose tag has gone to another one", async () => {
    const lost = build("a", "c");
    const now = build("a", "d");
    const { removed } = await cleanNow([now]);
    assert.deepEqual(
      removed.map(({ id }) => id),
      [lost],
    );
  });

  it("keeps the image of a container that has ended, and what a person gave a name to", async () => {
    const [used, named] = [build("a", "e"), build("b", "f")];
    await docker(["container", "create", "--name", stack, used]);
    await docker(["image", "tag", named, `${repository}:before-the-move`]);
    assert.deepEqual((await cleanNow([])).removed, []);
    assert.deepEqual([await exists(used), await exists(named)], [true, true]);
    await docker(["container", "rm", stack]);
    assert.deepEqual(
      (await cleanNow([])).removed.map(({ id }) => id),
      [used],
    );
  });
});
