import assert from "node:assert/strict";
import fc from "fast-check";
import { roomNeeded } from "../../../../ops/backup/folder";
import { type Prunable, toPrune } from "../../../../ops/backup/prune";

const DAY = 86_400_000;
const NOW = new Date("2026-06-15T06:00:00Z");
const at = (days: number, verified: boolean): Prunable => ({
  id: `${days}${verified ? "v" : ""}`,
  createdAt: new Date(NOW.getTime() - days * DAY).toISOString(),
  verifiedAt: verified ? NOW.toISOString() : null,
});
const backups = fc.array(fc.tuple(fc.nat(100), fc.boolean()).map(([days, verified]) => at(days, verified)));

describe("removing old local backups", () => {
  it("removes those older than the limit once a newer one is verified", () => {
    assert.deepEqual(toPrune([at(32, true), at(31, false), at(30, true), at(1, true)], 30, NOW), [
      "32v",
      "31",
    ]);
  });

  it("removes nothing while nothing is verified", () => {
    assert.deepEqual(toPrune([at(90, false), at(40, false), at(1, false)], 30, NOW), []);
  });

  it("never removes the newest verified one, however old, nor anything newer than it", () => {
    assert.deepEqual(toPrune([at(80, true), at(60, true), at(50, false)], 30, NOW), ["80v"]);
    fc.assert(
      fc.property(backups, fc.integer({ min: 1, max: 60 }), (some, days) => {
        const gone = new Set(toPrune(some, days, NOW));
        const kept = some.filter(({ id }) => !gone.has(id));
        const verified = some.filter((each) => each.verifiedAt !== null);
        assert.ok(verified.length === 0 || kept.some((each) => each.verifiedAt !== null));
        for (const each of some.filter(({ id }) => gone.has(id))) {
          assert.ok(Date.parse(each.createdAt) < NOW.getTime() - days * DAY);
          assert.ok(verified.some((other) => other.createdAt > each.createdAt && kept.includes(other)));
        }
      }),
    );
  });
});

describe("the room that a backup needs", () => {
  const last = (database: number, dump: number, uploads = 0) => ({
    format: 1 as const,
    id: "20260301T070000Z-0a1b",
    createdAt: NOW.toISOString(),
    finishedAt: NOW.toISOString(),
    label: null,
    release: "",
    stack: "local",
    serverVersion: "17",
    serverVersionNum: 170000,
    database: { name: "x", bytes: database },
    tables: [],
    uploads: { files: 0, bytes: 0, sha256: "" },
    files: [
      { name: "database.tar.age", bytes: dump, sha256: "" },
      { name: "uploads.tar.zst.age", bytes: uploads, sha256: "" },
    ],
  });

  it("is the size of the database when there was no backup yet", () => {
    assert.ok(roomNeeded(5e9, undefined) > 5e9);
  });

  it("is more than the dump and its encrypted copy, grows with the database and counts the uploads", () => {
    assert.ok(roomNeeded(1e9, last(1e9, 3e8)) >= 6e8);
    assert.ok(roomNeeded(2e9, last(1e9, 3e8)) >= 1.2e9);
    assert.ok(roomNeeded(1e9, last(1e9, 3e8, 1e9)) - roomNeeded(1e9, last(1e9, 3e8)) >= 1e9);
    // A database that became smaller may have freed nothing of what is dumped.
    assert.ok(roomNeeded(1e8, last(1e9, 3e8)) >= 6e8);
  });
});
