import assert from "node:assert/strict";
import fc from "fast-check";
import {
  changedKeys,
  type DiffRules,
  deletesBeforeReplace,
  diff,
  replaceKeys,
} from "../../../../plugins/lib/diff";
import { UNKNOWN } from "../../../../plugins/lib/types";

const plain: DiffRules = { replaceOn: [] };

const key = fc.string({ minLength: 1, maxLength: 4 }).filter((text) => !text.startsWith("__"));
const inputs = fc.letrec<{ any: unknown; bag: Record<string, unknown> }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.string({ maxLength: 3 }),
    fc.integer(),
    fc.boolean(),
    fc.array(tie("any"), { maxLength: 3 }),
    tie("bag"),
  ),
  bag: fc.dictionary(key, tie("any"), { maxKeys: 4, noNullPrototype: true }),
})).bag;

const MIRROR: Record<string, string> = { add: "delete", delete: "add", update: "update" };

describe("the difference between old and new inputs", () => {
  it("is empty between equal inputs", () => {
    fc.assert(fc.property(inputs, (bag) => assert.deepEqual(diff(bag, structuredClone(bag), plain), {})));
  });

  it("is the same backwards, with additions and deletions exchanged", () => {
    fc.assert(
      fc.property(inputs, inputs, (a, b) => {
        const there = diff(a, b, plain);
        const back = diff(b, a, plain);
        const mirrored = Object.fromEntries(
          Object.entries(there).map(([path, kind]) => [path, MIRROR[kind]]),
        );
        assert.deepEqual(back, mirrored);
      }),
    );
  });

  it("does not see the order of a set, at any depth", () => {
    const element = fc.record({ label: fc.string(), value: fc.string() });
    const shuffled = fc
      .array(element)
      .chain((list) =>
        fc.tuple(
          fc.constant(list),
          fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
        ),
      );
    fc.assert(
      fc.property(shuffled, ([list, other]) => {
        const rules: DiffRules = { replaceOn: [], sets: ["spec[*].labels"] };
        assert.deepEqual(diff({ spec: [{ labels: list }] }, { spec: [{ labels: other }] }, rules), {});
      }),
    );
  });

  it("names the exact path, whatever the key", () => {
    const olds = { a: { "x.y": 1, list: [{ p: 1 }, { p: 2 }] }, gone: "g" };
    const news = { a: { "x.y": 2, list: [{ p: 1 }, { p: 3 }, { p: 4 }] }, came: "c" };
    assert.deepEqual(diff(olds, news, plain), {
      'a["x.y"]': "update",
      "a.list[1].p": "update",
      "a.list[2]": "add",
      gone: "delete",
      came: "add",
    });
  });

  it("takes nothing, null and an empty list or object for the same", () => {
    assert.deepEqual(diff({ a: undefined, b: [], c: {} }, { a: null, b: {} }, plain), {});
  });

  it("counts what is not known yet as a change", () => {
    assert.deepEqual(diff({ a: 1 }, { a: UNKNOWN, b: UNKNOWN }, plain), { a: "update", b: "add" });
    assert.deepEqual(diff({ a: [{ p: 1 }] }, { a: [{ p: UNKNOWN }] }, { ...plain, sets: ["a"] }), {
      "a[0].p": "update",
    });
  });

  it("leaves the bridge's marks out", () => {
    assert.deepEqual(diff({ __defaults: ["name"] }, { __defaults: [] }, plain), {});
  });

  it("leaves out what the handler says means nothing", () => {
    const rules: DiffRules = {
      replaceOn: [],
      ignoreDiff: (path, _, value) => path === "a" && value === undefined,
    };
    assert.deepEqual(diff({ a: 1, b: 1 }, { b: 2 }, rules), { b: "update" });
    assert.deepEqual(diff({ a: 1 }, { a: 2 }, rules), { a: "update" });
  });

  it("replaces at, below and above a path that replaces", () => {
    const rules: DiffRules = { replaceOn: ["name", "spec.hosts", "list[*].id"] };
    assert.deepEqual(diff({ name: "a" }, { name: "b" }, rules), { name: "update-replace" });
    assert.deepEqual(diff({ spec: { hosts: [{ ip: 1 }] } }, { spec: { hosts: [{ ip: 2 }] } }, rules), {
      "spec.hosts[0].ip": "update-replace",
    });
    assert.deepEqual(diff({}, { spec: { hosts: [1], other: 2 } }, rules), { spec: "add-replace" });
    assert.deepEqual(diff({ spec: { other: 1 } }, {}, rules), { spec: "delete" });
    assert.deepEqual(diff({ list: [{ id: 1, x: 1 }] }, { list: [{ id: 2, x: 2 }] }, rules), {
      "list[0].id": "update-replace",
      "list[0].x": "update",
    });
  });

  it("replaces on anything where nothing can be updated", () => {
    assert.deepEqual(diff({ a: 1 }, { a: 2 }, { replaceOn: [], immutable: true }), { a: "update-replace" });
  });

  it("tells the engine top-level names only", () => {
    const changes = { "b.x": "update", "a[0].y": "update-replace", "a[1]": "add" } as const;
    assert.deepEqual(replaceKeys(changes), ["a"]);
    assert.deepEqual(changedKeys(changes), ["a", "b"]);
  });
});

describe("a replacement", () => {
  const rules: DiffRules = { replaceOn: ["name"], autoName: "name" };
  const given = { name: "a", __defaults: [] };

  it("deletes first when the program set the name and keeps it", () => {
    assert.equal(deletesBeforeReplace(given, given, rules), true);
  });

  it("creates first when the name changes, was made up, or does not exist", () => {
    assert.equal(deletesBeforeReplace(given, { ...given, name: "b" }, rules), false);
    const named = { name: "a", __defaults: ["name"] };
    assert.equal(deletesBeforeReplace(named, named, rules), false);
    assert.equal(deletesBeforeReplace({}, {}, { replaceOn: [] }), false);
  });

  it("deletes first when the handler wants it so", () => {
    assert.equal(deletesBeforeReplace({}, {}, { replaceOn: [], deleteBeforeReplace: true }), true);
  });
});
