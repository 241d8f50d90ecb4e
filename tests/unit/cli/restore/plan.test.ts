import assert from "node:assert/strict";
import fc from "fast-check";
import { formatBackups } from "../../../../cli/backup";
import { UserError } from "../../../../cli/errors";
import { isTargetOf, nextStamp, replacedName, stampOf, targetName } from "../../../../cli/restore/names";
import {
  ageOf,
  chooseBackup,
  momentOf,
  newestBefore,
  parseRequest,
  type RestoreOptions,
} from "../../../../cli/restore/plan";
import { BACKUP, NOW } from "./world";

const ID = BACKUP.id;

describe("plan of a restore", () => {
  const request = (options: Partial<RestoreOptions>) => parseRequest({ stack: "unit", ...options }, NOW);

  it("is read from the options", () => {
    const latest = { what: "restore", choice: { latest: true }, from: "any", dryRun: false };
    assert.deepEqual(request({ latest: true }), latest);
    assert.deepEqual(request({ from: "s3" }), { ...latest, from: "s3" });
    assert.deepEqual(request({ dryRun: true }), { ...latest, dryRun: true });
    assert.deepEqual(request({ id: ID, from: "local" }), { ...latest, choice: { id: ID }, from: "local" });
    assert.deepEqual(request({ toTime: "2025-01-31T04:30:00.5-05:00" }), {
      ...latest,
      choice: { toTime: "2025-01-31T09:30:00.500Z" },
    });
    assert.deepEqual(request({ undo: true }), { what: "undo" });
    assert.deepEqual(request({ confirm: true, yes: true }), { what: "confirm" });
    assert.deepEqual(request({}), { what: "settle" });
  });

  const WRONG: [Partial<RestoreOptions>, string][] = [
    [{ latest: true, id: ID }, "restore: --latest and --id exclude each other"],
    [{ undo: true, confirm: true }, "restore: --undo and --confirm exclude each other"],
    [{ from: "tape", latest: true }, "restore --from tape: must be s3 or local"],
    [{ undo: true, from: "s3" }, "restore --undo: --from has no meaning for it"],
    [{ confirm: true, dryRun: true }, "restore --confirm: --dry-run has no meaning for it"],
    [
      { id: "../x" },
      "restore --id ../x: is not the id of a backup, such as 20250131T070000Z-1a2b: ./fitnesscrm backups lists them",
    ],
    [
      { toTime: "2025-01-31T04:30:00" },
      "restore --to-time 2025-01-31T04:30:00: must be a time with its zone, such as 2025-01-31T14:05:00Z or " +
        "2025-01-31T09:05:00-05:00",
    ],
    [
      { toTime: "2025-13-31T04:30:00Z" },
      "restore --to-time 2025-13-31T04:30:00Z: must be a time with its zone, such as 2025-01-31T14:05:00Z or " +
        "2025-01-31T09:05:00-05:00",
    ],
    [{ toTime: "2025-01-31T10:00:01Z" }, "restore --to-time 2025-01-31T10:00:01Z: lies in the future"],
    [
      { toTime: "2025-01-31T09:00:00Z", from: "s3" },
      "restore --to-time: --from has no meaning for it, the log is in S3",
    ],
  ];
  for (const [options, message] of WRONG) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      assert.throws(
        () => request(options),
        (error: unknown) => error instanceof UserError && error.message === message && error.exitCode === 2,
      );
    });
  }

  it("takes the newest backup that is where it shall come from", () => {
    const local = { ...BACKUP, id: "20250131T090000Z-0001", createdAt: "2025-01-31T09:00:00Z", s3: false };
    const remote = {
      ...BACKUP,
      id: "20250131T080000Z-0002",
      createdAt: "2025-01-31T08:00:00Z",
      local: false,
    };
    const all = [BACKUP, local, remote];
    const choose = (from: "any" | "s3" | "local") => chooseBackup(all, { latest: true }, from, "unit").id;
    assert.deepEqual([choose("any"), choose("s3"), choose("local")], [local.id, remote.id, local.id]);
    assert.throws(() => chooseBackup(all, { id: local.id }, "s3", "unit"), {
      message: `backup ${local.id} of stack unit does not exist in S3: ./fitnesscrm backups lists those that do`,
    });
    assert.throws(() => chooseBackup([remote], { latest: true }, "local", "unit"), {
      message: "stack unit has no backup on this machine: ./fitnesscrm backup makes one",
    });
    assert.equal(newestBefore(all, "2025-01-31T08:30:00Z")?.id, remote.id);
    assert.equal(newestBefore(all, "2025-01-31T06:59:59Z"), undefined);
  });

  it("tells ages and moments the way people do", () => {
    const ages = [0, 1, 59, 119, 120, 7199, 7200, 172_799, 172_800].map((seconds) =>
      ageOf(new Date(NOW.getTime() - seconds * 1000).toISOString(), NOW),
    );
    assert.deepEqual(ages, [
      "0 seconds",
      "1 second",
      "59 seconds",
      "119 seconds",
      "2 minutes",
      "119 minutes",
      "2 hours",
      "47 hours",
      "2 days",
    ]);
    assert.equal(momentOf("2025-01-31T02:00:00.123-05:00"), "2025-01-31 07:00:00 UTC");
  });

  it("names databases so that PostgreSQL keeps the whole name, and knows them again", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z_][a-z0-9_]{0,51}$/),
        fc.date({ min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true }),
        fc.array(fc.date({ min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })),
        (live, now, used) => {
          const stamps = used.map(stampOf);
          const stamp = nextStamp(now, stamps);
          assert.match(stamp, /^\d{14}$/);
          assert.ok(stamp >= stampOf(now) && stamps.every((other) => stamp > other));
          const names = [targetName(live, stamp), replacedName(live, stamp)];
          assert.ok(names.every((name) => name.length <= 63 && /^[a-z_][a-z0-9_]*$/.test(name)));
          assert.deepEqual(
            names.map((name) => isTargetOf(live, name)),
            [true, false],
          );
          assert.ok(!isTargetOf(live, live));
        },
      ),
    );
  });

  it("shows backups as a table", () => {
    const other = { ...BACKUP, label: null, bytes: 900, s3: false, verifiedAt: null };
    assert.equal(
      formatBackups([BACKUP, other], "unit", NOW),
      [
        "ID                         AGE     SIZE  LABEL    LOCAL  S3   VERIFIED",
        "20250131T070000Z-1a2b  3 hours  5.0 MiB  nightly  yes    yes  2 hours ago",
        "20250131T070000Z-1a2b  3 hours    900 B           yes    no   no",
      ].join("\n"),
    );
    assert.equal(
      formatBackups([], "unit", NOW),
      "Stack unit has no backup yet: ./fitnesscrm backup makes one.",
    );
  });
});
