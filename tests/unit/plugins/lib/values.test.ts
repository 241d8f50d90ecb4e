import assert from "node:assert/strict";
import fc from "fast-check";
import { formatPath, holds, matches, type Path, parsePath } from "../../../../plugins/lib/paths";
import { UNKNOWN } from "../../../../plugins/lib/types";
import {
  decode,
  encode,
  fromStruct,
  hasUnknown,
  secretsOfSets,
  secretTexts,
  toStruct,
  withoutInternals,
} from "../../../../plugins/lib/values";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const secretOf = (value: unknown) => ({ [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", value });

/** Plain values as programs have them. The engine's messages cannot carry a key named `__proto__`; in a path `*` stands for all keys. */
const key = fc
  .string({ maxLength: 8 })
  .filter((text) => text !== "__proto__" && text !== "*" && text !== SIGNATURE);
const leaf = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  fc.boolean(),
  fc.constant(null),
  fc.constant(UNKNOWN),
);
const value = fc.letrec<{ any: unknown; bag: Record<string, unknown> }>((tie) => ({
  any: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie("any"), { maxLength: 3 }), tie("bag")),
  bag: fc.dictionary(key, tie("any"), { maxKeys: 3, noNullPrototype: true }),
}));

/** Every path of a value that is not below another one of the result: where a secret can stand on its own. */
function pathsOf(node: unknown, path: Path = []): Path[] {
  if (typeof node !== "object" || node === null) return [path];
  if (Array.isArray(node)) return [path, ...node.flatMap((child, i) => pathsOf(child, [...path, i]))];
  return [path, ...Object.entries(node).flatMap(([name, child]) => pathsOf(child, [...path, name]))];
}

describe("values in the engine's notation", () => {
  it("come back as they went", () => {
    fc.assert(
      fc.property(value.any, (any) => {
        assert.deepEqual(decode(encode(any)), { value: any, secrets: [] });
      }),
    );
  });

  it("come back through a message as they went", () => {
    fc.assert(
      fc.property(value.bag, (bag) => {
        assert.deepEqual(fromStruct(toStruct(bag)).value, bag);
      }),
    );
  });

  it("keep a secret a secret at any path, and its value", () => {
    fc.assert(
      fc.property(value.bag, fc.nat(), (bag, pick) => {
        const paths = pathsOf(bag);
        const path = paths[pick % paths.length] ?? [];
        assert.deepEqual(decode(encode(bag, [path])), { value: bag, secrets: [path] });
      }),
    );
  });

  it("keep the neighbours of a key named * secret with it, rather than showing one", () => {
    const { value: found, secrets } = decode(encode({ "*": "x", other: "y" }, [["*"]]));
    assert.deepEqual(found, { "*": "x", other: "y" });
    assert.deepEqual(secrets, [["*"], ["other"]]);
  });

  it("tell an output's value, its secrecy, and that it is not known", () => {
    const output = (fields: object) => ({ [SIGNATURE]: "d0e6a833031e9bbcd3f4e8bde6ca49a4", ...fields });
    const { value: found, secrets } = decode({
      known: output({ value: 1, dependencies: [] }),
      hidden: output({ value: secretOf("x"), secret: true }),
      later: output({ dependencies: ["urn:a"] }),
    });
    assert.deepEqual(found, { known: 1, hidden: "x", later: UNKNOWN });
    assert.ok(secrets.some((path) => formatPath(path) === "hidden"));
  });

  it("take every sentinel for unknown", () => {
    for (const sentinel of [
      "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
      "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
      "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
      "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
      "030794c1-ac77-496b-92df-f27374a8bd58",
      "e48ece36-62e2-4504-bad9-02848725956a",
      "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    ]) {
      assert.equal(decode(sentinel).value, UNKNOWN);
    }
  });

  it("turn a reference to a resource into its id", () => {
    const reference = { [SIGNATURE]: "5cf8f73096256a8f31e491e813e4eb8e", urn: "urn:x" };
    assert.equal(decode({ ...reference, id: "i" }).value, "i");
    assert.equal(decode({ ...reference, id: "" }).value, UNKNOWN);
    assert.equal(decode(reference).value, "urn:x");
  });

  it("leave assets as they are", () => {
    const asset = { [SIGNATURE]: "c44067f5952c0a294b673a41bacd8c17", hash: "h", text: "t" };
    assert.deepEqual(encode(decode({ asset }).value), { asset });
  });

  it("leave out what is undefined, and keep the place of an undefined element", () => {
    assert.deepEqual(encode({ a: undefined, b: [undefined, 1] }), { b: [null, 1] });
  });

  it("wrap what a pattern names", () => {
    const encoded = encode({ list: [{ key: "a" }, { key: "b" }] }, [parsePath("list[*].key")]);
    assert.deepEqual(encoded, { list: [{ key: secretOf("a") }, { key: secretOf("b") }] });
  });
});

describe("secrets", () => {
  it("inside a set make the whole set a secret, since an index there means nothing", () => {
    const secrets = [parsePath("set[2].value"), parsePath("list[1].value")];
    assert.deepEqual(secretsOfSets(secrets, [parsePath("set")]).map(formatPath), ["set", "list[1].value"]);
  });

  it("are found as texts, so that messages can be cleaned of them", () => {
    assert.deepEqual(secretTexts({ a: { b: ["x", 1, "y"] }, c: "z" }, [["a"]]), ["x", "y"]);
  });

  it("are found by an unknown at any depth", () => {
    assert.equal(hasUnknown({ a: [{ b: UNKNOWN }] }), true);
    assert.equal(hasUnknown({ a: [{ b: null }] }), false);
  });
});

describe("the bridge's marks", () => {
  it("are taken out at any depth, and nothing else is", () => {
    const bag = { __defaults: ["a"], __meta: "{}", __mine: 1, list: [{ __defaults: [], a: 1 }] };
    assert.deepEqual(withoutInternals(bag), { __mine: 1, list: [{ a: 1 }] });
  });
});

describe("property paths", () => {
  it("are read as they are written", () => {
    const segment = fc.oneof(fc.nat({ max: 99 }), fc.string({ minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 5 }), (path) => {
        assert.deepEqual(parsePath(formatPath(path)), path);
      }),
    );
  });

  it("match patterns segment by segment", () => {
    assert.ok(matches(parsePath("a[*].b"), parsePath("a[3].b")));
    assert.ok(matches(parsePath("a.*.b"), parsePath('a["x.y"].b')));
    assert.ok(!matches(parsePath("a[*]"), parsePath("a[3].b")));
  });

  it("tell whether a value holds what a pattern names", () => {
    const pattern = parsePath("spec.hosts");
    assert.ok(holds("x", parsePath("spec.hosts[0].ip"), pattern));
    assert.ok(holds({ hosts: [] }, parsePath("spec"), pattern));
    assert.ok(!holds({ other: 1 }, parsePath("spec"), pattern));
    assert.ok(!holds({ hosts: [] }, parsePath("else"), pattern));
  });

  it("refuse a bracket that is not closed", () => {
    assert.throws(() => parsePath("a[0"), /a\[0: a bracket is not closed/);
  });
});
