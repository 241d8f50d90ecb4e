import assert from "node:assert/strict";
import fc from "fast-check";
import {
  archiveTrouble,
  chooseBase,
  endOf,
  isReplaced,
  parseInfo,
  storedAt,
} from "../../../../ops/restore/archive";
import { restorablePoint } from "../../../../ops/restore/archiveAge";
import { newestTime, parseTime } from "../../../../ops/restore/pointInTime";
import { RecoveryLog } from "../../../../ops/restore/recovery";

const at = (seconds: number) => new Date(seconds * 1000);

/** What pgBackRest 2.55 prints, as far as it is read. */
function info(changes: { code?: number; message?: string; stops?: [number, number][] } = {}): string {
  const {
    code = 0,
    message = "ok",
    stops = [
      [1, 1_000],
      [1, 2_000],
    ],
  } = changes;
  return JSON.stringify([
    {
      archive: [...new Set(stops.map(([cluster]) => cluster))].map((id) => ({
        database: { id, "repo-key": 1 },
        id: `17-${id}`,
        max: "00000001000000000000001F",
        min: "000000010000000000000001",
      })),
      backup: stops.map(([cluster, stop]) => ({
        database: { id: cluster, "repo-key": 1 },
        label: `${stop}F`,
        timestamp: { start: stop - 5, stop },
        type: "full",
      })),
      name: "main",
      repo: [{ key: 1, status: { code, message } }],
      status: { code, message: code === 0 ? "ok" : "other" },
    },
  ]);
}

describe("the choice of a backup to start from", () => {
  const archive = parseInfo(info());

  it("takes the newest one that was complete at the time", () => {
    assert.equal(chooseBase(archive, at(1_500)).label, "1000F");
    assert.equal(chooseBase(archive, at(2_001)).label, "2000F");
    assert.equal(chooseBase(archive, "latest").label, "2000F");
  });

  it("does not take one that ended within the very second, whose end may be later than the time", () => {
    assert.equal(chooseBase(archive, at(2_000.5)).label, "1000F");
  });

  it("refuses a time before the first one and names the earliest, which then is accepted", () => {
    const reason =
      "1970-01-01T00:16:39.000Z is before the first backup: the earliest time that can be restored is ";
    assert.throws(() => chooseBase(archive, at(999)), { message: `${reason}1970-01-01T00:16:41.000Z` });
    assert.equal(chooseBase(archive, at(1_001)).label, "1000F");
  });

  it("never takes one from after the time, and none older than another that fits", () => {
    const second = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(fc.uniqueArray(second, { minLength: 1, maxLength: 8 }), second, (stops, time) => {
        const some = parseInfo(info({ stops: stops.map((stop) => [1, stop]) }));
        const fitting = stops.filter((stop) => stop + 1 <= time);
        if (fitting.length === 0) {
          assert.throws(() => chooseBase(some, at(time)), /before the first backup/);
        } else {
          assert.equal(chooseBase(some, at(time)).label, `${Math.max(...fitting)}F`);
        }
      }),
    );
  });

  it("knows the cluster that another one has replaced, and where its log ends", () => {
    const both = parseInfo(
      info({
        stops: [
          [1, 1_000],
          [2, 2_000],
        ],
      }),
    );
    assert.equal(isReplaced(both, chooseBase(both, at(1_500))), true);
    assert.equal(endOf(both, chooseBase(both, at(1_500)))?.folder, "17-1");
    assert.equal(isReplaced(both, chooseBase(both, at(2_500))), false);
    assert.equal(endOf(both, chooseBase(both, at(2_500)))?.folder, "17-2");
  });

  for (const code of [1, 2]) {
    it(`says that there is no backup yet (code ${code} of pgBackRest)`, () => {
      assert.throws(
        () => parseInfo(info({ code })),
        /has no backup to start from yet: restore a daily backup$/,
      );
    });
  }
});

describe("pgBackRest's messages", () => {
  it("that quote what a wrong passphrase made of a file become one line about the passphrase", () => {
    const message =
      "[FormatError] unable to load info file '/wal/backup.info':\nFormatError: key/value found outside of section at line 1: \u0007\ufffd";
    assert.throws(() => parseInfo(info({ code: 99, message })), {
      message:
        "the database's log in S3 cannot be opened: it was encrypted with another passphrase than this stack's",
    });
  });

  it("that hold bytes which no JSON may hold are read all the same", () => {
    const message = "[FormatError] key/value found outside of section at line 1: BYTES";
    const text = info({ code: 99, message }).replaceAll("BYTES", "\u0001\u001b\r");
    assert.throws(() => JSON.parse(text));
    assert.throws(() => parseInfo(text), /was encrypted with another passphrase/);
  });

  it("of several lines become the first, in letters that a terminal shows", () => {
    assert.equal(
      archiveTrouble(
        "P00  ERROR: [039]: HTTP request failed with 403 (Forbidden)\u001b:\n*** Path/Query ***:\nGET /",
      ),
      "the database's log in S3 cannot be read: [039]: HTTP request failed with 403 (Forbidden)?:",
    );
  });
});

describe("storedAt", () => {
  const end = { cluster: 1, folder: "17-1", segment: "00000001000000000000001F" };

  it("finds the segment among the files that belong to it", () => {
    const listing = JSON.stringify({
      ".": { type: "path" },
      "00000001000000000000001F.00000028.backup": { type: "file", size: 1, time: 5 },
      "00000001000000000000001F-2d0241694a9880ec.zst": { type: "file", size: 1, time: 7 },
    });
    assert.deepEqual(storedAt(listing, end), at(7));
  });

  it("knows no time of a segment that is not there", () => {
    assert.equal(storedAt('{".":{"type":"path"}}', end), undefined);
  });
});

describe("the time of a restore", () => {
  const now = new Date("2026-03-01T12:00:00Z");

  it("is ISO with a zone, or the latest", () => {
    assert.deepEqual(parseTime("2026-03-01T07:00:00-05:00", now), now);
    assert.deepEqual(parseTime("2026-03-01T12:00:00Z", now), now);
    assert.equal(parseTime("latest", now), "latest");
  });

  for (const text of ["", "yesterday", "2026-03-01T11:00:00", "2026-02-30T25:00:00Z"]) {
    it(`is not "${text}"`, () => {
      assert.throws(() => parseTime(text, now), /^Error: ".*" is not a time with its zone: /);
    });
  }

  it("is not in the future", () => {
    assert.throws(() => parseTime("2026-03-01T12:00:00.001Z", now), {
      message: "2026-03-01T12:00:00.001Z is in the future: it is 2026-03-01T12:00:00.000Z now",
    });
  });

  it("that is named as the newest lies before the last commit, by a second at the most", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 4_000_000_000_000 }), (millisecond) => {
        const ahead = millisecond - newestTime(new Date(millisecond)).getTime();
        assert(ahead > 0 && ahead <= 1_000, `${ahead} ms`);
      }),
    );
  });
});

describe("the log of a replaying server", () => {
  const read = (lines: string) => {
    const log = new RecoveryLog();
    for (const line of lines.split("\n")) log.read(`2026-11-24 15:49:10.619 UTC [3754] ${line}`);
    return log;
  };

  it("tells that the time is after its end, and the last commit", () => {
    const log = read(
      'LOG:  restored log file "000000010000000000000037" from archive\nFATAL:  the database system is not accepting connections\nLOG:  last completed transaction was at log time 2026-11-24 15:48:54.31481+00\nFATAL:  recovery ended before configured recovery target was reached',
    );
    assert.equal(log.tooFar, true);
    assert.equal(log.segments, 1);
    assert.equal(log.toTheEnd, true);
    assert.equal(log.lastCommit?.toISOString(), "2026-11-24T15:48:54.314Z");
    assert.equal(log.fatal, "recovery ended before configured recovery target was reached");
  });

  it("tells that a time stopped it", () => {
    const log = read(
      "LOG:  recovery stopping before commit of transaction 834, time 2026-11-24 15:46:56.2+00",
    );
    assert.equal(log.toTheEnd, false);
    assert.equal(log.tooFar, false);
  });

  it("gives another reason of its end as it is", () => {
    assert.equal(
      read("FATAL:  could not write to file: No space left on device").fatal,
      "could not write to file: No space left on device",
    );
  });
});

describe("restorablePoint", () => {
  const asked = (row: { archived: Date | null; failedAt: Date | null; failedWal: string | null }) =>
    restorablePoint({ query: async () => ({ rows: [row] }) } as unknown as Parameters<
      typeof restorablePoint
    >[0]);

  it("is when the newest piece went to S3", async () => {
    assert.deepEqual(await asked({ archived: at(20), failedAt: at(10), failedWal: "0A" }), {
      lastArchivedAt: at(20),
      failing: null,
    });
  });

  it("tells of a failure since then, in one line", async () => {
    assert.deepEqual(await asked({ archived: at(20), failedAt: at(30), failedWal: "0B" }), {
      lastArchivedAt: at(20),
      failing: "the database's log is not archived: 0B failed last at 1970-01-01T00:00:30.000Z",
    });
  });

  it("is unknown while nothing was archived", async () => {
    assert.deepEqual(await asked({ archived: null, failedAt: null, failedWal: null }), {
      lastArchivedAt: null,
      failing: null,
    });
  });
});
