import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type AttemptRecord,
  attemptFor,
  changedServices,
  digestOf,
  newAttemptId,
  parseRecord,
} from "../../../attempt";

const RECORD: AttemptRecord = {
  attempt: "20260301t120000z-0a1b",
  stage: "verified",
  startedAt: "2026-03-01T12:00:00.000Z",
  by: "ada@workstation",
  backup: "20260301T120001Z-3e3f",
  commit: null,
  dirty: false,
  before: { notes: ["health: every part is healthy"], seconds: 4.2 },
  services: { backend: "aaaa", db: "bbbb" },
};

describe("the attempt that a deployment is", () => {
  const next = (record: AttemptRecord | undefined, services: Record<string, string>): string =>
    attemptFor(record, services, () => "new");

  const cases: readonly (readonly [
    what: string,
    string,
    AttemptRecord | undefined,
    Record<string, string>,
  ])[] = [
    ["the first one is new", "new", undefined, { db: "bbbb" }],
    [
      "nothing changed since it was verified: the same",
      RECORD.attempt,
      RECORD,
      { db: "bbbb", backend: "aaaa" },
    ],
    ["a service changed: new", "new", RECORD, { db: "bbbb", backend: "cccc" }],
    ["a service was added: new", "new", RECORD, { ...RECORD.services, ops: "dddd" }],
    ["a service is gone: new", "new", RECORD, { db: "bbbb" }],
    ["the last one was not verified: new", "new", { ...RECORD, stage: "started" }, RECORD.services],
  ];
  for (const [what, expected, record, services] of cases) {
    it(what, () => {
      assert.equal(next(record, services), expected);
    });
  }

  it("is a word that sorts by time", () => {
    const [earlier, later] = [new Date("2026-03-01T12:00:00.000Z"), new Date("2026-11-25T23:15:02.999Z")].map(
      newAttemptId,
    );
    assert.match(earlier ?? "", /^20260301t120000z-[0-9a-f]{4}$/);
    assert.match(later ?? "", /^20261125t231502z-[0-9a-f]{4}$/);
    assert.ok((earlier ?? "") < (later ?? ""));
  });
});

describe("what a service is declared with", () => {
  it("has the same digest whatever the order of its properties", () => {
    assert.equal(digestOf({ a: 1, b: { c: [1, 2], d: "x" } }), digestOf({ b: { d: "x", c: [1, 2] }, a: 1 }));
  });

  it("has another digest when any part of it is other", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        fc.jsonValue(),
        (declared, key, value) => {
          fc.pre(
            JSON.stringify(declared[key]) !== JSON.stringify(value) &&
              !Object.is(value, -0) &&
              key !== "__proto__",
          );
          assert.notEqual(digestOf({ ...declared, [key]: value }), digestOf(declared));
        },
      ),
    );
  });

  it("has changed exactly where the digests differ, in either direction", () => {
    const digests = fc.dictionary(
      fc.constantFrom("db", "redis", "backend", "nginx"),
      fc.constantFrom("1", "2"),
    );
    fc.assert(
      fc.property(digests, digests, (before, after) => {
        const changed = changedServices(before, after);
        assert.deepEqual(changed, changedServices(after, before));
        assert.deepEqual(changed, [...changed].sort());
        for (const service of ["db", "redis", "backend", "nginx"]) {
          assert.equal(changed.includes(service), before[service] !== after[service], service);
        }
      }),
    );
  });
});

describe("the record of an attempt", () => {
  it("is read back as it was written", () => {
    const pin = { version: 4, commit: "0123", by: "ada@workstation", at: "2026-03-02T12:00:00.000Z" };
    const record = {
      ...RECORD,
      pin,
      live: { attempt: "a", commit: null, images: { backend: "sha256:1" }, services: { backend: "aaaa" } },
    };
    assert.deepEqual(parseRecord(JSON.stringify(record)), record);
  });

  for (const text of ["", "{", "null", "[]", '"text"', JSON.stringify({ ...RECORD, stage: "done" })]) {
    it(`that says ${JSON.stringify(text.slice(0, 20))} counts as none`, () => {
      assert.equal(parseRecord(text), undefined);
    });
  }
});
