import assert from "node:assert/strict";
import fc from "fast-check";
import { nextWindow } from "../../../../maintenanceWindow";
import { BANNER_STYLE, renderBanner } from "../../../../ops/pages/banner";
import { noticeAt, noticeText } from "../../../../ops/pages/notice";
import type { WindowJournal } from "../../../../ops/window/journal";

const ZONE = "America/New_York";
/** Sunday, 6 December 2026, 02:00 to 04:00 in New York. */
const WINDOW = { from: "2026-12-06T07:00:00.000Z", to: "2026-12-06T09:00:00.000Z" };
const journal = (state: WindowJournal["state"], window = WINDOW): WindowJournal => ({
  window,
  state,
  rehearsal: false,
  reason: "",
  steps: [],
});
const stateAt = (at: string, found: WindowJournal | null = null) =>
  noticeAt(new Date(at), ZONE, found)?.state ?? null;

describe("the notice of maintenance (M38)", () => {
  const cases: [name: string, at: string, found: WindowJournal | null, state: string | null][] = [
    ["nothing 48 hours and a second before", "2026-12-04T06:59:59Z", null, null],
    ["a notice from 48 hours before", "2026-12-04T07:00:00Z", null, "ahead"],
    ["a notice until the window", "2026-12-06T06:59:59Z", journal("announced"), "ahead"],
    ["that it is under way from its beginning", "2026-12-06T07:00:00Z", journal("announced"), "under-way"],
    ["that it is under way while steps run", "2026-12-06T08:00:00Z", journal("running"), "under-way"],
    ["nothing more once all steps are done", "2026-12-06T08:00:00Z", journal("done"), null],
    ["nothing more once it was stopped", "2026-12-06T08:00:00Z", journal("stopped"), null],
    [
      "that it is under way while its last step takes longer",
      "2026-12-06T09:30:00Z",
      journal("running"),
      "under-way",
    ],
    ["nothing of a journal that was left running", "2026-12-06T10:00:00Z", journal("running"), null],
    ["nothing after its end", "2026-12-06T09:00:00Z", null, null],
    [
      "the next window, whatever became of the last one",
      "2026-12-05T12:00:00Z",
      journal("done", { from: "2026-11-01T06:00:00.000Z", to: "2026-11-01T09:00:00.000Z" }),
      "ahead",
    ],
  ];
  for (const [name, at, found, state] of cases) {
    it(`says ${name}`, () => assert.equal(stateAt(at, found), state));
  }

  it("names the window by the clocks of the stack's zone", () => {
    const ahead = noticeAt(new Date("2026-12-05T12:00:00Z"), ZONE, null);
    assert.ok(ahead);
    assert.equal(
      noticeText(ahead, ZONE),
      "Planned maintenance on Sunday, December 6, 02:00–04:00 EST. FitnessCRM may be slow or away for moments then.",
    );
    assert.match(noticeText({ ...ahead, state: "under-way" }, ZONE), /^Under maintenance until 04:00 EST\./);
  });

  it("is ahead for 48 hours of every window of ten years, and never without one", () => {
    const moment = fc.date({ min: new Date("2026-01-01"), max: new Date("2036-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(moment, (now) => {
        const next = nextWindow(now, ZONE);
        const notice = noticeAt(now, ZONE, null);
        const left = next.from.getTime() - now.getTime();
        if (notice?.state === "under-way") {
          assert.ok(notice.window.from <= now && now < notice.window.to);
        } else {
          assert.equal(notice !== null, left <= 48 * 3_600_000);
        }
      }),
    );
  });
});

describe("the banner in the application's pages (M38)", () => {
  const notice = noticeAt(new Date("2026-12-05T12:00:00Z"), ZONE, null);

  it("works where the page refuses scripts and styles in itself", () => {
    assert.ok(notice);
    const banner = renderBanner(notice, ZONE);
    assert.doesNotMatch(banner, /<script|<style| style=| on[a-z]+=/);
    assert.match(
      banner,
      /^<link rel="stylesheet" href="\/status\/banner\.css"><aside [^>]*aria-label="Maintenance">/,
    );
    assert.match(banner, /Planned maintenance on Sunday, December 6/);
    // nginx reads these as commands.
    assert.doesNotMatch(banner, /<!--#/);
  });

  it("has a style that can only mean the banner", () => {
    const selectors = BANNER_STYLE.split("\n")
      .filter((line) => line.includes("{") && !line.startsWith("@media ("))
      .map((line) => line.replace(/^@media print \{/, "").trim());
    assert.ok(selectors.length > 5);
    for (const selector of selectors) {
      assert.match(selector, /^\.fitnesscrm-banner/);
    }
  });
});
