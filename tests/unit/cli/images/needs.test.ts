import assert from "node:assert/strict";
import fc from "fast-check";
import { YOUNG } from "../../../../cli/images/clean";
import { CACHE_DAYS } from "../../../../cli/images/engine";
import { KEPT_RELEASES, mayHaveOld, readKept } from "../../../../cli/images/needs";
import type { EngineImage } from "../../../../cli/images/removable";
import { chooseTarget } from "../../../../cli/releases/choose";
import type { ReleaseEntry } from "../../../../cli/releases/list";
import { launcher } from "../../../support/commandLine";
import { textOf } from "../../../support/documents";
import { entry, IMAGES, release } from "../releases/entries";
import { engineImage, pulledImage, sha } from "./engineImage";

async function* from(entries: readonly ReleaseEntry[], read: number[] = []): AsyncGenerator<ReleaseEntry> {
  for (const one of entries) {
    read.push(one.version);
    yield one;
  }
}

const LETTERS = [..."ihgfedcba"];
/** Nine releases that succeeded, newest first. */
const NINE = LETTERS.map((letter, index) => entry(LETTERS.length - index, { release: release(letter) }));

describe("what rollbacks need of old images", () => {
  it("are the releases before the one that is live, as many as are kept, and the history is read no further", async () => {
    const read: number[] = [];
    const { kept } = await readKept(from(NINE, read), []);
    const letters = LETTERS.slice(0, KEPT_RELEASES + 1);
    assert.deepEqual(
      kept,
      letters.flatMap((letter) => Object.values(IMAGES(letter))),
    );
    assert.equal(read.length, KEPT_RELEASES + 1);
  });

  it("do not count what failed, what nobody knows, and what users could not tell apart", async () => {
    const [live, ...older] = NINE;
    const more = [
      entry(30, { result: "failed", release: release("x") }),
      ...(live === undefined ? [] : [live]),
      entry(20, { release: undefined }),
      entry(19, { release: release("i", { attempt: "only-the-database" }) }),
      ...older,
    ];
    assert.deepEqual((await readKept(from(more), [])).kept, (await readKept(from(NINE), [])).kept);
  });

  it("are read further for as long as a pulled image may be an older release's", async () => {
    const name = "registry.example.com/backend";
    const published = LETTERS.map((letter, index) =>
      entry(LETTERS.length - index, {
        release: release(letter, { images: { ...IMAGES(letter), backend: `${name}@${sha(`${index}`)}` } }),
      }),
    );
    const read: number[] = [];
    const { kept, past } = await readKept(from(published, read), [pulledImage("7")]);
    assert.equal(read.length, 8);
    assert.ok(past.includes(`${name}@${sha("7")}`) && !kept.includes(`${name}@${sha("7")}`));
    assert.ok(!past.includes(`${name}@${sha("8")}`), "it was not read");
    // One that was never this stack's is looked for in vain, and stays.
    assert.ok(!(await readKept(from(published), [pulledImage("9")])).past.includes(`${name}@${sha("9")}`));
  });

  it("hold whatever a rollback without a number chooses, whatever the history", async () => {
    const updates = fc.array(
      fc.record({
        result: fc.constantFrom("succeeded" as const, "failed" as const),
        images: fc.constantFrom(...LETTERS),
        known: fc.boolean(),
      }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(updates, fc.constantFrom(undefined, ...LETTERS), async (history, serving) => {
        const entries = history.map(({ result, images, known }, index) =>
          entry(history.length - index, { result, release: known ? release(images) : undefined }),
        );
        const served = serving === undefined ? {} : IMAGES(serving);
        const choice = await chooseTarget(from(entries), undefined, served, "unit").catch(() => undefined);
        const { kept } = await readKept(from(entries), []);
        for (const image of Object.values(choice?.target.release.images ?? {})) {
          assert.ok(kept.includes(image), "the target's image would go");
        }
      }),
    );
  });
});

describe("whether the history is worth a look after an update", () => {
  const own = (repository: string): EngineImage => engineImage("aa", { repository });
  const many = (image: EngineImage, count: number): EngineImage[] =>
    Array.from({ length: count }, () => image);
  for (const [what, images, expected] of [
    ["nothing is unused", [], false],
    ["there is what rollbacks need", many(own("fitnesscrm-unit/backend"), KEPT_RELEASES), false],
    ["there is more than rollbacks need", many(own("fitnesscrm-unit/backend"), KEPT_RELEASES + 1), true],
    ["an earlier nginx is there", [own("fitnesscrm/nginx")], false],
    ["what the next build starts from is there", [own("fitnesscrm/packages")], false],
    ["two of them are", many(own("fitnesscrm/packages"), 2), true],
    ["an image is unused that no rollback brings back", [own("fitnesscrm/ops")], true],
    ["more was pulled than rollbacks need", many(pulledImage("aa"), KEPT_RELEASES + 1), true],
  ] as const) {
    it(`${expected ? "it is" : "it is not"} where ${what}`, () => assert.equal(mayHaveOld(images), expected));
  }
});

describe("the numbers of images clean", () => {
  it("are those of the documents and of the command", async () => {
    assert.deepEqual([KEPT_RELEASES, CACHE_DAYS], [5, 10]);
    assert.match(textOf("docs/rollback.md"), /those of the five releases before it/);
    assert.match(textOf("docs/runbooks/disk.md"), /the live release and the five before it/);
    assert.match(textOf("docs/runbooks/disk.md"), /did not use for ten days/);
    const images = (await launcher()).commands.find((command) => command.name() === "images");
    const command = images?.commands.find((each) => each.name() === "clean");
    assert.equal(command?.opts().olderThan, YOUNG);
    assert.match(command?.helpInformation() ?? "", /did not use for ten days/);
  });
});
