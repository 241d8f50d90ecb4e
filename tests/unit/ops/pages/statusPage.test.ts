import assert from "node:assert/strict";
import { noticeAt } from "../../../../ops/pages/notice";
import { renderOperatorsPage } from "../../../../ops/pages/operatorsPage";
import { renderStatusPage, type State, type StatusData, sentence } from "../../../../ops/pages/statusPage";
import type { Announcement } from "../../../../ops/window/announcement";
import { ALL_WELL, IN_TROUBLE, OPERATORS, someDays } from "../../../support/pageSamples";

const texts = (page: string) =>
  page
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ");
const render = (changes: Partial<StatusData> = {}) => renderStatusPage({ ...ALL_WELL, ...changes });
const parts = (...states: State[]) =>
  states.map((state, index) => ({ title: `Part ${index + 1}`, state, days: someDays(index) }));

describe("the status page", () => {
  for (const [says, changes] of [
    ["Everything works", {}],
    ["Part 2 does not work", { parts: parts("up", "down", "up") }],
    ["Part 1, Part 2 and Part 3 do not work", { parts: parts("down", "down", "down") }],
    ["Not checked yet", { parts: parts("unknown", "unknown") }],
    ["Not everything has been checked yet", { parts: parts("up", "unknown") }],
    ["Everything answers, and an urgent alarm is open", { alarms: IN_TROUBLE.alarms }],
    ["Maintenance is under way", { notice: IN_TROUBLE.notice }],
    ["Part 1 does not work: maintenance is under way", { notice: IN_TROUBLE.notice, parts: parts("down") }],
  ] as const) {
    it(`begins with "${says}" when it is so`, () => {
      assert.match(texts(render(changes as Partial<StatusData>)), new RegExp(`(old )?${says}(?! and)`));
    });
  }

  it("says as of when it is, for people and for machines, and lets the reader ask for the next one", () => {
    const page = render();
    assert.match(page, /As of <time datetime="2026-12-04T15:42:10Z">Dec 4, 10:42 EST<\/time>/);
    // A page that reloads itself takes the reader's place away (WCAG 2.2.1).
    assert.match(page, /<a href="\?">Reload<\/a>/);
    assert.match(page, /<meta name="description" content="[^"]{20,}">/);
    assert.doesNotMatch(page, /http-equiv/);
    assert.equal(page.split("<!-- old -->").length, 2, "where nginx says that the page is old");
  });

  it("compares backup and rehearsal with the manual's objectives (M45, M46)", () => {
    assert.match(texts(render()), /50 seconds ago within the objective of 24 hours/);
    assert.match(texts(render()), /Passed in 61 seconds within the objective of 1 hour/);
    const late = { dumpAt: new Date("2026-12-03T10:00:00Z"), restorableTo: new Date("2026-12-03T15:42:09Z") };
    assert.match(texts(render({ backup: late })), /24 hours ago misses the objective of 24 hours/);
    const slow = { endedAt: new Date("2026-12-01T09:31:00Z"), passed: true, milliseconds: 3_600_001 };
    assert.match(texts(render({ drill: slow })), /Passed in 60 minutes misses the objective of 1 hour/);
    assert.match(texts(render({ drill: { ...slow, passed: false, milliseconds: 1 } })), /Failed misses/);
  });

  it("says what is not known instead of leaving it out", () => {
    const page = texts(
      render({ backup: null, drill: undefined, alarms: undefined, parts: parts("unknown") }),
    );
    assert.match(page, /No backup yet Objective: 24 hours at most/);
    assert.match(page, /Not known at the moment Objective: 1 hour at most/);
    assert.match(page, /Open alarms Not known at the moment: the monitoring does not answer\./);
    assert.match(texts(render({ drill: null })), /None yet/);
  });

  it("counts days of which nothing is known apart, and names those with an interruption", () => {
    const page = render({ parts: [{ title: "Database", state: "up", days: someDays(3) }] });
    assert.match(
      page,
      /aria-label="Database, last 90 days: up 9\d\.\d\d% of the time that is known; \d+ days with an interruption, 12 days unknown"/,
    );
    assert.match(page, /<td>2026-\d\d-\d\d<\/td><td>Database<\/td><td>5 h 0 min<\/td>/);
    const empty = someDays(3).map(({ date }) => ({ date, up: 0, down: 0 }));
    const unknown = render({ parts: [{ title: "Database", state: "unknown", days: empty }] });
    assert.match(unknown, /nothing is known of the last 90 days yet/);
    assert.match(texts(unknown), /no figures yet/);
    assert.doesNotMatch(unknown, /<details>/);
  });

  it("shows the window that runs with the result of each step, and keeps their details to itself (M41)", () => {
    const page = renderStatusPage(IN_TROUBLE);
    assert.match(texts(page), /This window under way/);
    assert.match(texts(page), /Backup 69 seconds passed Vacuum analyze 2 minutes running/);
    assert.doesNotMatch(page, /internal detail/);
    const done = { ...IN_TROUBLE, journal: { ...IN_TROUBLE.journal, state: "done" as const, steps: [] } };
    assert.match(texts(renderStatusPage(done as StatusData)), /Last window done/);
  });

  const announcement: Announcement = {
    from: "2026-12-06T07:00:00.000Z",
    state: "announced",
    mail: true,
    startedAt: "2026-12-04T07:00:00.000Z",
    endedAt: "2026-12-04T07:00:09.000Z",
    told: 3,
    of: 12,
    reason: "internal reason",
    clearedAt: null,
  };
  const ahead = noticeAt(ALL_WELL.asOf, ALL_WELL.zone, null);
  for (const [what, changes, says] of [
    ["was sent", { notice: ahead, announcement }, "Notice by mail Sent Dec 4, 02:00 EST"],
    ["was sent early", { announcement }, "Notice by mail Sent Dec 4, 02:00 EST"],
    [
      "goes out",
      { notice: ahead, announcement: { ...announcement, state: "sending" } },
      "Notice by mail Being sent since Dec 4, 02:00 EST",
    ],
    [
      "did not reach everybody",
      { notice: ahead, announcement: { ...announcement, state: "incomplete" } },
      "Notice by mail Not sent to everybody",
    ],
    ["was never sent", { notice: ahead, announcement: null }, "Notice by mail Not sent"],
    ["is not due", { announcement: null }, null],
    ["goes to nobody", { notice: ahead, announcement: { ...announcement, mail: false } }, null],
    ["is not known of", { notice: ahead }, null],
  ] as [string, Partial<StatusData>, string | null][]) {
    it(`says what became of a notice that ${what}, and to nobody how many there are (M38)`, () => {
      const page = texts(render(changes));
      assert.equal(/Notice by mail .*? (?=<|$|The system)/.exec(page)?.[0].trim() ?? null, says);
      assert.doesNotMatch(page, /internal reason|of 12/);
    });
  }

  it("shows text as text, wherever it comes from", () => {
    const planted = `"'><script>alert(1)</script>&`;
    const pages = [
      renderStatusPage({
        ...IN_TROUBLE,
        parts: [{ title: planted, state: "down", days: someDays(1) }],
        alarms: [{ title: planted, severity: "P0", since: new Date(0) }],
        journal: {
          window: { from: "2026-12-06T07:00:00.000Z", to: "2026-12-06T09:00:00.000Z" },
          state: "running",
          rehearsal: false,
          reason: "",
          steps: [
            {
              name: planted,
              startedAt: "2026-12-06T07:00:00Z",
              endedAt: null,
              result: null,
              detail: planted,
            },
          ],
        },
      }),
      renderOperatorsPage({
        ...OPERATORS,
        duty: { ...OPERATORS.duty, engineer: planted },
        checks: [{ name: planted, healthy: false, reason: planted }],
        alarms: [{ title: planted, severity: null, since: new Date(0), text: planted }],
      }),
    ];
    for (const page of pages) {
      assert.doesNotMatch(page, /<script|"'>/);
      assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;&amp;"));
    }
  });

  it("loads nothing, runs nothing, and weighs less than 50 KB at its longest", () => {
    const busy = Array.from({ length: 90 }, (_, index) => ({
      date: someDays(0)[index]?.date ?? "",
      up: 80_000_000,
      down: 6_400_000,
    }));
    const page = render({
      parts: ["Application", "Database", "Cache"].map((title) => ({ title, state: "down", days: busy })),
      alarms: Array.from({ length: 16 }, (_, index) => ({
        title: `Alarm ${index}`,
        severity: "P1",
        since: new Date(0),
      })),
    });
    assert.ok(Buffer.byteLength(page) < 50_000, `${Buffer.byteLength(page)} bytes`);
    assert.doesNotMatch(page, /<script|<iframe|<form|src=|url\(|@import| on[a-z]+=/);
    assert.deepEqual(
      [...page.matchAll(/href="([^"]*)"/g)].map(([, href]) => href),
      ["data:,", "?"],
    );
  });
});

describe("the operators' page", () => {
  it("names who is on call, and why something does not work", () => {
    const page = texts(renderOperatorsPage(OPERATORS));
    assert.match(page, /Ada Lovelace , in place of whose shift it is, until Dec 11, 17:00 EST/);
    assert.match(page, /backend unhealthy connect ECONNREFUSED 10\.0\.0\.3:5000, 8 seconds ago/);
    assert.match(page, /P3 Disk Usage above 85%/);
    assert.match(page, /internal detail/);
  });

  it("alone names people and reasons", () => {
    assert.doesNotMatch(renderStatusPage(IN_TROUBLE), /Ada|ECONNREFUSED|Runbook/);
  });
});

describe("names on the status page", () => {
  for (const [name, written] of [
    ["cpu", "CPU"],
    ["oom", "Out of memory"],
    ["redis-memory", "Redis memory"],
    ["database-connections", "Database connections"],
  ] as const) {
    it(`have ${written} for ${name}`, () => assert.equal(sentence(name), written));
  }
});
