import assert from "node:assert/strict";
import fc from "fast-check";
import type { Serving } from "../../../../cli/deploy/serving";
import { backupBefore, type Choice, chooseTarget } from "../../../../cli/releases/choose";
import type { ReleaseEntry } from "../../../../cli/releases/list";
import { entry, IMAGES, release } from "./entries";

async function* from(entries: readonly ReleaseEntry[], read: number[] = []): AsyncGenerator<ReleaseEntry> {
  for (const one of entries) {
    read.push(one.version);
    yield one;
  }
}

function choose(entries: readonly ReleaseEntry[], to?: number, serving: Serving = {}): Promise<Choice> {
  return chooseTarget(from(entries), to, serving, "unit");
}

describe("the target of a rollback", () => {
  const third = entry(5, { current: true, release: release("c", { backup: "before-c" }) });
  const second = entry(3, { release: release("b", { backup: "before-b" }) });
  const first = entry(1, { release: release("a") });

  it("is the release before the one that is live", async () => {
    const { live, target, failed, undone } = await choose([third, second, first]);
    assert.deepEqual([live, target, failed, undone], [third, second, undefined, [third]]);
  });

  it("is the one that is asked for, older or newer, and all after it is undone", async () => {
    const { target, undone } = await choose([third, second, first], 1);
    assert.deepEqual([target, undone], [first, [second, third]]);
  });

  it("is not searched further back than it lies", async () => {
    const read: number[] = [];
    await chooseTarget(from([third, second, first], read), undefined, {}, "unit");
    assert.deepEqual(read, [5, 3]);
  });

  it("is the last one that succeeded when the newest update failed", async () => {
    const failed = entry(7, { result: "failed", release: release("d", { backup: "before-d" }) });
    const choice = await choose([failed, third, second]);
    assert.deepEqual([choice.target, choice.failed, choice.undone], [third, failed, [failed]]);
  });

  it("is not moved by an update that failed before it had changed anything", async () => {
    const refused = entry(7, { result: "failed", release: undefined });
    const choice = await choose([refused, third, second]);
    assert.deepEqual([choice.target, choice.failed], [second, undefined]);
  });

  it("is the last one that succeeded when something else runs than it says", async () => {
    const choice = await choose([third, second], undefined, { ...IMAGES("c"), frontend: "sha256:other" });
    assert.equal(choice.target, third);
    assert.equal((await choose([third, second], undefined, IMAGES("c"))).target, second);
  });

  it("is one with which users see something else", async () => {
    const database = entry(6, { current: true, release: release("c", { attempt: "only-the-database" }) });
    assert.equal((await choose([database, third, second])).target, second);
    // Who asks for it gets it all the same.
    assert.equal((await choose([database, third, second], 5)).target, third);
  });

  it("is, after a rollback, what it went back from: a rollback is rolled back", async () => {
    const back = entry(7, { current: true, release: release("b", { attempt: "back", pinned: 3 }) });
    assert.equal((await choose([back, third, second])).target, third);
  });

  for (const [what, entries, to, message, exitCode] of [
    [
      "what runs already",
      [third, second],
      5,
      "release 5 of stack unit is what runs already: nothing to roll back",
      1,
    ],
    [
      "one that failed",
      [third, entry(4, { result: "failed", release: release("x") })],
      4,
      "release 4 of stack unit has failed: take one that succeeded, ./fitnesscrm releases lists them",
      1,
    ],
    [
      "one whose state is gone",
      [third, entry(4, { release: undefined })],
      4,
      "release 4 of stack unit has no state any more that says what it was: take one that succeeded, ./fitnesscrm releases lists them",
      1,
    ],
    [
      "one that there is not",
      [third, second],
      4,
      "release 4 of stack unit is not in the history of its state: ./fitnesscrm releases lists those that are",
      2,
    ],
    [
      "the one before the first",
      [first],
      undefined,
      "release 1 of stack unit has no other release before it: nothing to go back to",
      1,
    ],
    [
      "any where none succeeded",
      [entry(1, { result: "failed", release: undefined })],
      undefined,
      "stack unit has no release that succeeded: nothing to go back to",
      1,
    ],
  ] as const) {
    it(`cannot be ${what}`, async () => {
      await assert.rejects(choose(entries, to), { message, exitCode });
    });
  }

  it("is always one that succeeded, and what is undone is younger, whatever the history", async () => {
    const history = fc.array(
      fc.record({
        result: fc.constantFrom("succeeded" as const, "failed" as const),
        images: fc.constantFrom("a", "b", "c"),
        known: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(history, async (updates) => {
        const entries = updates.map(({ result, images, known }, index) =>
          entry(updates.length - index, { result, release: known ? release(images) : undefined }),
        );
        const choice = await choose(entries).catch(() => undefined);
        if (choice !== undefined) {
          assert.equal(choice.target.result, "succeeded");
          assert.ok(choice.undone.every(({ version }) => version > choice.target.version));
          assert.deepEqual(
            choice.undone.map(({ version }) => version),
            [...choice.undone].map(({ version }) => version).sort((a, b) => a - b),
          );
          assert.ok(choice.failed === undefined || choice.target === choice.live);
        }
      }),
    );
  });
});

describe("the backup that belongs to a target", () => {
  it("is the one made before the first deployment after it", () => {
    const undone = [
      entry(2, { result: "failed", release: undefined }),
      entry(3, { result: "failed", release: release("x", { backup: "before-3" }) }),
      entry(4, { release: release("y", { backup: "before-4" }) }),
    ];
    assert.deepEqual(backupBefore({ undone }), { id: "before-3", version: 3 });
    assert.equal(backupBefore({ undone: undone.slice(0, 1) }), undefined);
  });
});
