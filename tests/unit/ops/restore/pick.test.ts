import assert from "node:assert/strict";
import fc from "fast-check";
import { type From, pick } from "../../../../ops/restore/pick";

const OLD = "20260101T070000Z-0001";
const NEW = "20260102T070000Z-0000";

describe("which backup a restore takes", () => {
  it("is the newest one, from the nearer place where both have it", () => {
    assert.deepEqual(pick({ from: "any" }, [OLD, NEW], [OLD, NEW]), { id: NEW, places: ["local", "s3"] });
    assert.deepEqual(pick({ from: "any" }, [OLD], [NEW]), { id: NEW, places: ["s3"] });
    assert.deepEqual(pick({ from: "any" }, [NEW], undefined), { id: NEW, places: ["local"] });
  });

  it("is never read where it was not to be read", () => {
    assert.deepEqual(pick({ from: "s3" }, [OLD, NEW], [OLD]), { id: OLD, places: ["s3"] });
    assert.deepEqual(pick({ from: "local" }, [OLD], [NEW]), { id: OLD, places: ["local"] });
  });

  it("is the one that was asked for, even when there are newer ones", () => {
    assert.deepEqual(pick({ id: OLD, from: "any" }, [NEW], [OLD, NEW]), { id: OLD, places: ["s3"] });
  });

  it("says where there is none", () => {
    assert.throws(() => pick({ from: "any" }, [], []), /^Error: there is no backup here or in S3: make one/);
    assert.throws(() => pick({ from: "s3" }, [NEW], []), /no backup in S3/);
    assert.throws(
      () => pick({ id: OLD, from: "local" }, [NEW], [OLD]),
      /no complete backup 20260101T070000Z-0001 on this machine: see/,
    );
  });

  it("has no newer one in any place that may be read, whatever there is", () => {
    const ids = fc.uniqueArray(
      fc.integer({ min: 1, max: 28 }).map((day) => `202601${String(day).padStart(2, "0")}T070000Z-0000`),
    );
    fc.assert(
      fc.property(ids, ids, fc.constantFrom<From>("local", "s3", "any"), (local, remote, from) => {
        const readable = [...(from === "s3" ? [] : local), ...(from === "local" ? [] : remote)];
        if (readable.length === 0) {
          assert.throws(() => pick({ from }, local, remote), /there is no backup/);
          return;
        }
        const { id, places } = pick({ from }, local, remote);
        assert.ok(readable.every((each) => each <= id));
        assert.ok(places.every((place) => (place === "local" ? local : remote).includes(id)));
        assert.ok(places.length > 0 && places.every((place) => from === "any" || place === from));
      }),
    );
  });
});
