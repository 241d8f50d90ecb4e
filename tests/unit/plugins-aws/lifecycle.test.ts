import assert from "node:assert/strict";
import fc from "fast-check";
import { follow, isEqual } from "../../../plugins/aws/follow";
import { fromApi, inOrderOf, type Rule, toApi } from "../../../plugins/aws/s3-lifecycle";

const days = fc.integer({ min: 1, max: 400 });
const prefix = fc.stringMatching(/^[a-z]{1,6}\/$/);
const tags = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.stringMatching(/^[a-z]{0,5}$/), {
  minKeys: 1,
});
const filter = fc.oneof(
  fc.constant({}),
  fc.record({ prefix }),
  fc.record({ objectSizeGreaterThan: days }),
  fc.record({ objectSizeLessThan: days }),
  fc.record({ tag: fc.record({ key: prefix, value: prefix }) }),
  fc.record({ and: fc.record({ prefix, tags, objectSizeGreaterThan: days }, { requiredKeys: ["tags"] }) }),
);
const storageClass = fc.constantFrom("GLACIER", "STANDARD_IA", "DEEP_ARCHIVE");
const rule: fc.Arbitrary<Rule> = fc.record(
  {
    id: fc.uuid(),
    status: fc.constantFrom("Enabled", "Disabled"),
    filter,
    abortIncompleteMultipartUpload: fc.record({ daysAfterInitiation: days }),
    expiration: fc.oneof(
      fc.record({ days }),
      fc.record({ date: fc.constant("2031-05-01T00:00:00Z") }),
      fc.record({ expiredObjectDeleteMarker: fc.constant(true) }),
    ),
    noncurrentVersionExpiration: fc.record(
      { noncurrentDays: days, newerNoncurrentVersions: days },
      { requiredKeys: ["noncurrentDays"] },
    ),
    transitions: fc.uniqueArray(fc.record({ days, storageClass }), {
      minLength: 1,
      selector: JSON.stringify,
    }),
    noncurrentVersionTransitions: fc.uniqueArray(fc.record({ noncurrentDays: days, storageClass }), {
      minLength: 1,
      selector: JSON.stringify,
    }),
  },
  { requiredKeys: ["id", "status"] },
);

/** The generator's objects have no prototype, which the service's do. */
function plain(rules: Rule[]): Rule[] {
  return JSON.parse(JSON.stringify(rules)) as Rule[];
}

/** Rules as a refresh sees them: through the API, in the service's order, read back in the program's shape. */
function refreshed(rules: Rule[]): unknown {
  const live = rules.map(toApi).reverse().map(fromApi);
  return follow(rules, inOrderOf(rules, live));
}

describe("lifecycle rules", () => {
  it("come back from the service as the program wrote them", () => {
    const rules = fc.uniqueArray(rule, { minLength: 1, maxLength: 4, selector: ({ id }) => id });
    fc.assert(
      fc.property(rules, (drawn) => {
        const wanted = plain(drawn);
        assert.deepEqual(refreshed(wanted), wanted);
      }),
    );
  });

  it("come back with what somebody changed", () => {
    const written: Rule[] = [
      { id: "a", status: "Enabled", filter: {}, expiration: { days: 90 } },
      { id: "b", status: "Enabled", expiration: { days: 30 } },
    ];
    const live = written.map(toApi).map(fromApi);
    const [first, second] = live;
    assert.ok(first?.expiration && second);
    first.expiration.days = 7;
    const stranger: Rule = { id: "c", status: "Enabled", filter: { prefix: "x/" }, expiration: { days: 1 } };
    assert.deepEqual(follow(written, inOrderOf(written, [stranger, second, first])), [
      { id: "a", status: "Enabled", filter: {}, expiration: { days: 7 } },
      { id: "b", status: "Enabled", expiration: { days: 30 } },
      stranger,
    ]);
  });

  it("apply to the whole bucket when they have no filter", () => {
    assert.deepEqual(toApi({ id: "a", status: "Enabled", expiration: { days: 1 } }).Filter, { Prefix: "" });
    assert.deepEqual(toApi({ id: "a", status: "Enabled", filter: {}, expiration: { days: 1 } }).Filter, {
      Prefix: "",
    });
    assert.equal(
      toApi({ id: "a", status: "Enabled", prefix: "x", expiration: { days: 1 } }).Filter,
      undefined,
    );
  });
});

describe("following the program's shape", () => {
  it("leaves out what the service filled in with nothing, and keeps what the program wrote empty", () => {
    assert.deepEqual(follow({ a: 1, off: false }, { a: 1, b: "", c: [], d: { e: 0 } }), { a: 1, off: false });
  });

  it("shows what was set behind the program's back", () => {
    assert.deepEqual(follow({ a: 1 }, { a: 2, b: "new" }), { a: 2, b: "new" });
  });

  it("keeps the program's order of a list, and appends what is new", () => {
    assert.deepEqual(follow(["x", "y"], ["z", "y", "x"]), ["x", "y", "z"]);
  });

  it("takes an undefined property for an absent one", () => {
    assert.ok(isEqual({ a: 1, b: undefined }, { a: 1 }));
    assert.ok(!isEqual({ a: [1] }, { a: [1, 2] }));
  });
});
