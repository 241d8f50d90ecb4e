import assert from "node:assert/strict";
import { formatJournal, formatNotice, formatWindow } from "../../../cli/window";
import type { Announcement } from "../../../ops/window/announcement";
import type { WindowJournal } from "../../../ops/window/journal";

const NOW = new Date("2026-12-20T12:00:00Z");
const ZONE = "America/New_York";
const JOURNAL: WindowJournal = {
  window: { from: "2026-12-06T07:00:00.000Z", to: "2026-12-06T09:00:00.000Z" },
  state: "stopped",
  steps: [
    {
      name: "backup",
      startedAt: "2026-12-06T07:00:00.000Z",
      endedAt: "2026-12-06T07:01:12.500Z",
      result: "passed",
      detail: "20261206-070001-abcd is verified in S3",
    },
    {
      name: "health",
      startedAt: "2026-12-06T07:01:13.000Z",
      endedAt: "2026-12-06T07:01:14.000Z",
      result: "failed",
      detail: "redis: connection refused",
    },
  ],
  rehearsal: false,
  reason: "health: redis: connection refused",
};

describe("window", () => {
  it("shows the windows that come next, and each step of the last one", () => {
    const next = [
      {
        notice: "2027-01-01T07:00:00.000Z",
        from: "2027-01-03T07:00:00.000Z",
        to: "2027-01-03T09:00:00.000Z",
      },
    ];
    assert.equal(
      formatWindow({ zone: ZONE, next, last: JOURNAL }, NOW),
      [
        "maintenance windows (America/New_York)",
        "  2027-01-03 02:00 to 04:00   2027-01-03T07:00:00Z   users are told 2027-01-01 02:00",
        "last window (2026-12-06 02:00): stopped: health: redis: connection refused",
        "STEP    RESULT    TOOK  DETAIL",
        "backup  passed  72.5 s  20261206-070001-abcd is verified in S3",
        "health  failed   1.0 s  redis: connection refused",
      ].join("\n"),
    );
    assert.match(formatWindow({ zone: ZONE, next, last: null }, NOW), /\nno window has run yet$/);
  });

  const notice: Announcement = {
    from: "2027-01-03T07:00:00.000Z",
    state: "announced",
    mail: true,
    startedAt: "2027-01-01T07:00:00.000Z",
    endedAt: "2027-01-01T07:00:09.000Z",
    told: 12,
    of: 12,
    reason: "",
    clearedAt: null,
  };
  const notices: [what: string, found: Announcement | null, now: string, says: string][] = [
    ["that is not due", null, "2026-12-31T12:00:00Z", "not sent yet"],
    [
      "that was never sent",
      null,
      "2027-01-02T12:00:00Z",
      "was never sent by mail: ./fitnesscrm tasks run maintenance-notice sends it",
    ],
    [
      "that was sent",
      notice,
      "2027-01-02T12:00:00Z",
      "announced 2027-01-01 02:00: 12 of 12 users told by mail",
    ],
    [
      "without mail",
      { ...notice, mail: false, told: 0, of: 0 },
      "2027-01-02T12:00:00Z",
      "announced 2027-01-01 02:00: by banner and status page",
    ],
    [
      "that goes out",
      { ...notice, state: "sending", told: 3 },
      "2027-01-01T07:00:03Z",
      "sending 2027-01-01 02:00: 3 of 12 users told by mail so far",
    ],
    [
      "that did not reach everybody",
      {
        ...notice,
        state: "incomplete",
        told: 3,
        reason: "3 of 12 users were told by mail; SES does not take mail: away",
      },
      "2027-01-02T12:00:00Z",
      "incomplete 2027-01-01 02:00: 3 of 12 users were told by mail; SES does not take mail: away",
    ],
    [
      "that was taken back",
      { ...notice, clearedAt: "2027-01-03T08:10:00.000Z" },
      "2027-01-03T08:30:00Z",
      "announced 2027-01-01 02:00: 12 of 12 users told by mail; cleared 2027-01-03 03:10",
    ],
  ];
  for (const [what, found, now, says] of notices) {
    it(`shows a notice ${what}`, () => {
      const times = { notice: "2027-01-01T07:00:00.000Z", from: notice.from, to: "2027-01-03T09:00:00.000Z" };
      const line = `notice of the window 2027-01-03 02:00: ${says}`;
      assert.equal(formatNotice(found, times, ZONE, new Date(now)), line);
      const overview = { zone: ZONE, next: [times], last: null, notice: found };
      assert.ok(formatWindow(overview, new Date(now)).split("\n").includes(line));
    });
  }

  it("tells a rehearsal, an announcement, and a step that runs", () => {
    const [backup] = JOURNAL.steps;
    assert.ok(backup);
    const running = { ...backup, endedAt: null, result: null, detail: "" };
    assert.match(
      formatJournal({ ...JOURNAL, rehearsal: true, state: "running", reason: "", steps: [running] }, ZONE),
      /^last rehearsal \(2026-12-06 02:00\): running\n.*\nbackup {2}running$/,
    );
    assert.equal(
      formatJournal({ ...JOURNAL, state: "announced", reason: "", steps: [] }, ZONE),
      "last window (2026-12-06 02:00): announced",
    );
  });
});
