import assert from "node:assert/strict";
import fc from "fast-check";
import { type JsonMeaning, sameMeaning } from "../../../plugins/aws/json";

const same = (meaning: JsonMeaning, left: unknown, right: unknown): boolean =>
  sameMeaning(meaning, JSON.stringify(left), JSON.stringify(right, null, 2));

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const strings = fc.uniqueArray(word, { minLength: 1, maxLength: 4 });
const statement = fc.record(
  {
    Sid: word,
    Effect: fc.constantFrom("Allow", "Deny"),
    Principal: fc.oneof(
      fc.constant("*"),
      fc.record({ AWS: strings }),
      fc.record({ Service: strings, AWS: strings }),
    ),
    Action: strings,
    Resource: strings,
    Condition: fc.dictionary(word, fc.dictionary(word, strings, { maxKeys: 2 }), { maxKeys: 2 }),
  },
  { requiredKeys: ["Effect", "Action", "Resource"] },
);
const policy = fc.record({
  Version: fc.constant("2012-10-17"),
  Statement: fc.uniqueArray(statement, {
    minLength: 1,
    maxLength: 3,
    selector: (one) => JSON.stringify(one),
  }),
});

/** The same document in another spelling: keys and lists turned round, lists of one as scalars. */
function respelled(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(respelled).reverse();
    return items.length === 1 && typeof items[0] !== "object" ? items[0] : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, respelled(item)] as const);
  return Object.fromEntries(entries.reverse());
}

describe("policies compared by meaning", () => {
  it("ignores the order of keys, statements and values, and whether one value is a list", () => {
    fc.assert(fc.property(policy, (one) => same("policy", one, respelled(one))));
  });

  it("sees a changed action, whatever the spelling", () => {
    fc.assert(
      fc.property(policy, fc.nat(), (one, at) => {
        const index = at % one.Statement.length;
        const changed = one.Statement.map((item, i) =>
          i === index ? { ...item, Action: [...item.Action, "s3:Another"] } : item,
        );
        return !same("policy", one, respelled({ ...one, Statement: changed }));
      }),
    );
  });

  it("sees a changed effect, resource, condition and principal", () => {
    const base = {
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: "a",
      Principal: { AWS: "123456789012" },
    };
    const differs = [
      { ...base, Effect: "Deny" },
      { ...base, Resource: "b" },
      { ...base, Condition: { Bool: { "aws:SecureTransport": "true" } } },
      { ...base, Principal: { AWS: "123456789013" } },
      { ...base, Principal: { Service: "123456789012" } },
      { Effect: "Allow", NotAction: "s3:GetObject", Resource: "a", Principal: { AWS: "123456789012" } },
    ];
    for (const other of differs)
      assert.equal(same("policy", { Statement: [base] }, { Statement: [other] }), false);
  });

  it("knows that everybody and an account have two spellings, and that conditions hold text", () => {
    const of = (Principal: unknown, wanted: unknown) => ({
      Statement: {
        Effect: "Deny",
        Principal,
        Action: "s3:*",
        Resource: "a",
        Condition: { Bool: { secure: wanted } },
      },
    });
    assert.ok(same("policy", of("*", false), of({ AWS: ["*"] }, ["false"])));
    assert.ok(
      same("policy", of({ AWS: "123456789012" }, "x"), of({ AWS: "arn:aws:iam::123456789012:root" }, "x")),
    );
  });

  it("assumes AWS's version where none is written", () => {
    const Statement = [{ Effect: "Allow", Action: "a", Resource: "b" }];
    assert.ok(same("policy", { Statement }, { Version: "2008-10-17", Statement }));
    assert.equal(same("policy", { Statement }, { Version: "2012-10-17", Statement }), false);
  });

  it("compares what is not JSON as it stands", () => {
    assert.equal(sameMeaning("policy", "{", "{ "), false);
    assert.ok(sameMeaning("policy", "{", "{"));
  });
});

describe("filter policies compared by meaning", () => {
  const condition = fc.oneof(word, fc.integer({ min: 0, max: 99 }), fc.record({ prefix: word }));
  const filter = fc.dictionary(word, fc.uniqueArray(condition, { minLength: 1, selector: JSON.stringify }), {
    minKeys: 1,
  });
  const turned = (one: Record<string, unknown[]>) =>
    Object.fromEntries(
      Object.entries(one)
        .reverse()
        .map(([key, list]) => [key, [...list].reverse()]),
    );

  it("ignores the order of keys and of alternatives", () => {
    fc.assert(fc.property(filter, (one) => same("filter", one, turned(one))));
  });

  it("sees an alternative more or less", () => {
    fc.assert(
      fc.property(filter, (one) => {
        const [key = ""] = Object.keys(one);
        return !same("filter", one, { ...one, [key]: [...(one[key] ?? []), "another one"] });
      }),
    );
  });

  it("keeps the order of a numeric range, which reads from left to right", () => {
    const range = (numeric: unknown[]) => ({ price: [{ numeric }] });
    assert.equal(same("filter", range([">", 1, "<", 9]), range(["<", 9, ">", 1])), false);
  });
});

describe("other documents compared by meaning", () => {
  it("ignores the order of keys and properties that are null, and no other difference", () => {
    assert.ok(same("document", { a: 1, b: [1, 2], c: null }, { b: [1, 2], a: 1 }));
    assert.equal(same("document", { a: [1, 2] }, { a: [2, 1] }), false);
    assert.equal(same("document", { a: 1 }, { a: "1" }), false);
  });
});
