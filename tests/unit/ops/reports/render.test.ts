import assert from "node:assert/strict";
import fc from "fast-check";
import { renderHtml } from "../../../../ops/reports/html";
import { figuresOf, type Report, type Section } from "../../../../ops/reports/model";
import { renderText } from "../../../../ops/reports/text";

const PLANTED = `<img src=x onerror="alert(1)">'</td></table><script>alert(2)</script>&amp;`;

const report = (sections: Section[], more: Partial<Report> = {}): Report => ({
  kind: "morning",
  title: "Morning report",
  stack: "unit",
  from: "2026-03-07T13:00:00.000Z",
  until: "2026-03-08T13:00:00.000Z",
  timeZone: "America/New_York",
  since: null,
  sections,
  before: {},
  ...more,
});

/** One text in every place that takes one. */
const everywhere = (text: string): Report =>
  report(
    [
      {
        title: text,
        lead: text,
        facts: [
          { label: text, value: text, note: text, tone: "bad" },
          { label: text, value: { value: 3, unit: "count", key: text } },
        ],
        bars: [{ title: text, unit: "bytes", items: [{ label: text, value: 7 }] }],
        tables: [
          { columns: [text, text], rows: [[text, { value: 1, unit: "percent" }]], empty: text },
          { columns: [text], rows: [], empty: text },
        ],
      },
      { title: text, failure: text },
    ],
    { title: text, stack: text },
  );

/** Names of the elements of a page, with their attributes' names. */
function elements(html: string): string[] {
  return [...html.matchAll(/<\/?([a-z!][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/gi)].map(
    ([, name = "", attributes = ""]) =>
      [name, ...[...attributes.matchAll(/([a-z-]+)="/gi)].map(([, attribute]) => attribute)].join(" "),
  );
}

describe("a report as HTML", () => {
  it("shows planted HTML as the text that it is, wherever it stands", () => {
    const html = renderHtml(everywhere(PLANTED));
    assert.ok(!html.includes("<img"), "an image");
    assert.ok(!/<script/i.test(html), "a script");
    assert.match(html, /&lt;img src=x onerror=&quot;alert\(1\)&quot;&gt;&#39;&lt;\/td&gt;/);
    assert.match(html, /&amp;amp;/);
  });

  it("has the same elements whatever the texts are", () => {
    const expected = elements(renderHtml(everywhere("x")));
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        assert.deepEqual(elements(renderHtml(everywhere(text))), expected);
      }),
      { numRuns: 60 },
    );
  });

  it("draws bars as cells in proportion, and none for nothing", () => {
    const html = renderHtml(
      report([
        {
          title: "Sizes",
          bars: [
            {
              title: "With indexes",
              unit: "bytes",
              items: [
                { label: "large", value: 4096 },
                { label: "small", value: 1024 },
                { label: "empty", value: 0 },
                { label: "unknown", value: null },
              ],
            },
          ],
        },
      ]),
    );
    const widths = [...html.matchAll(/class="bar" width="(\d+)%"/g)].map(([, width]) => width);
    assert.deepEqual(widths, ["100", "25"]);
    assert.match(html, /4 KiB/);
    assert.match(html, /no data/);
  });

  it("needs nothing from anywhere, knows dark mode, and fits a phone", () => {
    const html = renderHtml(everywhere("text"));
    assert.doesNotMatch(html, /https?:|<link|<svg|url\(|@import/i);
    assert.match(html, /<meta name="color-scheme" content="light dark">/);
    assert.match(html, /prefers-color-scheme:dark/);
    assert.match(html, /<meta name="viewport" content="width=device-width,initial-scale=1">/);
    assert.match(html, /max-width:680px/);
  });
});

describe("a report as text", () => {
  const sections: Section[] = [
    {
      title: "Resources",
      facts: [
        { label: "CPU", value: { value: 91, unit: "percent", key: "cpu", tone: "warning" } },
        { label: "Disk", value: { value: 40, unit: "percent", key: "disk" } },
        { label: "Failures", value: { value: 5, unit: "count", key: "failures" } },
        { label: "New", value: { value: 5, unit: "count", key: "new" } },
      ],
    },
    { title: "Backups", failure: "S3 is away" },
  ];

  it("shows each value with its change, what to look at, and which part is missing", () => {
    const text = renderText(
      report(sections, {
        since: "2026-03-07T13:00:00.000Z",
        before: { cpu: 80.5, disk: 40, failures: 7 },
      }),
    );
    assert.equal(
      text,
      [
        "Morning report, stack unit",
        "2026-03-07 08:00 to 2026-03-08 09:00 (America/New_York)",
        "Changes are since 2026-03-07 08:00.",
        "To look at: CPU.",
        "1 of 2 parts could not be made.",
        "",
        "Resources",
        "---------",
        "!  CPU       91 % (+10.5 %)",
        "   Disk      40 % (±0)",
        "   Failures  5 (−2)",
        "   New       5",
        "",
        "Backups",
        "-------",
        "This part could not be made: S3 is away",
        "",
      ].join("\n"),
    );
  });

  it("lets no text move a terminal's cursor or begin a line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        const shown = renderText(everywhere(text));
        assert.doesNotMatch(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        assert.equal(shown.split("\n").length, renderText(everywhere("x")).split("\n").length);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps every figure that has a key and a value, and no other", () => {
    assert.deepEqual(
      figuresOf({
        sections: [
          {
            title: "x",
            facts: [
              { label: "a", value: { value: 1, unit: "count", key: "a" } },
              { label: "b", value: { value: null, unit: "count", key: "b" } },
              { label: "c", value: { value: 3, unit: "count" } },
            ],
            tables: [{ columns: ["d"], rows: [[{ value: 4, unit: "bytes", key: "d" }]], empty: "" }],
          },
        ],
      }),
      { a: 1, d: 4 },
    );
  });
});
