import assert from "node:assert/strict";
import fc from "fast-check";
import {
  chooseIncident,
  incidentsOf,
  requireLessons,
  requireOpen,
  STEPS,
} from "../../../../cli/incident/record";
import { formatIncidents, formatNext, incidentMarkdown } from "../../../../cli/incident/show";
import { INCIDENT_STEPS, SEVERITIES } from "../../../../manual";
import type { IncidentEvent, IncidentFacts } from "../../../../ops/incidents/event";

const NOTHING: IncidentFacts = { release: null, alarms: [], unhealthy: [], unknown: [] };
const ID = "20261126t101500z-0001";

let counter = 0;
function fields(incident: string, at: string) {
  counter += 1;
  return {
    incident,
    id: `20261126t101500z-${(0x1000 + counter).toString(16)}`,
    at,
    by: "ada@workstation",
  };
}
const opening = (incident = ID, title = "API answers 502", facts = NOTHING): IncidentEvent => ({
  ...fields(incident, "2026-11-26T10:15:00.000Z"),
  kind: "opened",
  title,
  severity: "P1",
  facts,
});
type Note = Extract<IncidentEvent, { kind: "note" }>;
const note = (step: Note["step"], text: string, at: string, severity?: Note["severity"]): IncidentEvent => ({
  ...fields(ID, at),
  kind: "note",
  step,
  text,
  ...(severity !== undefined && { severity }),
});
const closing = (at = "2026-11-26T11:20:00.000Z"): IncidentEvent => ({ ...fields(ID, at), kind: "closed" });

describe("an incident (M52)", () => {
  const events = [
    opening(),
    note("assessment", "every second request fails", "2026-11-26T10:20:00.000Z", "P0"),
    note("containment", "isolated", "2026-11-26T10:25:00.000Z"),
    note("lessons-learned", "the pool was too small", "2026-11-26T11:00:00.000Z"),
    closing(),
  ];

  it("has the manual's six steps, each with what was noted, and the severity as it was judged last", () => {
    const [incident] = incidentsOf(events);
    assert.ok(incident !== undefined);
    assert.deepEqual(Object.keys(incident.steps), Object.keys(INCIDENT_STEPS));
    assert.equal(incident.severity, "P0");
    assert.deepEqual(
      STEPS.map((step) => incident.steps[step].length),
      [0, 1, 1, 0, 0, 1],
    );
    assert.deepEqual([incident.openedAt, incident.closedAt], [events[0]?.at, events[4]?.at]);
    assert.equal(incident.timeline.length, 5);
  });

  it("is the same in whatever order, and however often, its events come", () => {
    const expected = incidentsOf(events);
    fc.assert(
      fc.property(fc.shuffledSubarray([...events, ...events], { minLength: 10, maxLength: 10 }), (mixed) => {
        assert.deepEqual(incidentsOf(mixed), expected);
      }),
    );
  });

  it("without its opening is left out: it is still on its way", () => {
    assert.deepEqual(incidentsOf(events.slice(1)), []);
  });

  const older = incidentsOf([opening("20261126t101500z-0002", "second")]);
  const open = incidentsOf([opening()]);
  const closed = incidentsOf([opening(), closing()]);
  const choices: [what: string, () => unknown, error: RegExp | undefined][] = [
    ["the only open one is meant", () => chooseIncident(open, undefined), undefined],
    ["a closed one can be named", () => chooseIncident(closed, ID), undefined],
    [
      "none is open",
      () => chooseIncident(closed, undefined),
      /no incident is open: \.\/fitnesscrm incident open/,
    ],
    [
      "two are open",
      () => chooseIncident([...open, ...older], undefined),
      /2 incidents are open: say which one by --incident ID: 20261126t101500z-0001 \(API answers 502\), /,
    ],
    [
      "it does not exist",
      () => chooseIncident(open, "20261126t101500z-ffff"),
      /incident "20261126t101500z-ffff" does not exist/,
    ],
    ["a closed one is noted in", () => closed.map(requireOpen), /was closed at 2026-11-26T11:20/],
    [
      "it is closed without lessons",
      () => open.forEach(requireLessons),
      /has no lessons learned, so it stays open: add --lessons/,
    ],
    ["it is closed with lessons", () => incidentsOf(events).forEach(requireLessons), undefined],
  ];
  for (const [what, work, error] of choices) {
    it(`${error === undefined ? "is chosen or taken" : "is refused"} where ${what}`, () => {
      if (error === undefined) {
        assert.doesNotThrow(work);
      } else {
        assert.throws(work, error);
      }
    });
  }

  it("is shown as Markdown with facts, steps, and its whole timeline", () => {
    const facts: IncidentFacts = {
      release: { attempt: "20261125t231502z-3f9a", commit: "0123abcd", images: {} },
      alarms: [{ name: "error-rate", severity: "P2", since: "2026-11-26T10:10:00.000Z" }],
      unhealthy: [{ name: "api", reason: "answers 502" }],
      unknown: [],
    };
    const [incident] = incidentsOf([opening(ID, "API answers 502", facts), ...events.slice(1)]);
    assert.ok(incident !== undefined);
    const text = incidentMarkdown(incident);
    assert.match(text, /^# P0: API answers 502\n/);
    assert.match(text, /- Closed 2026-11-26 11:20 UTC by ada@\u200bworkstation, after 1 h 5 min/);
    assert.match(text, /- Release: `20261125t231502z-3f9a` of commit `0123abcd`/);
    assert.match(text, /- Alarm P2 `error-rate` since 2026-11-26 10:10 UTC/);
    assert.match(text, /- Unwell: `api`: answers 502/);
    for (const [index, title] of [
      "Detection",
      "Assessment",
      "Containment",
      "Eradication",
      "Recovery",
      "Lessons Learned",
    ].entries()) {
      assert.ok(text.includes(`\n## ${index + 1}. ${title}\n`), title);
    }
    assert.match(text, /## 4\. Eradication\n\n\*Remove threat\*\n\nNothing was noted\./);
    assert.match(
      text,
      /\| 2026-11-26 10:20 UTC \| ada@\u200bworkstation \| Assessment \| P0: every second request fails \|/,
    );
    assert.match(formatNext(incident), /^Nothing noted yet for: Detection, Eradication, Recovery\.$/);
    assert.match(
      formatIncidents([incident], new Date("2026-11-27T10:15:00Z")),
      /P0 +closed +1 d ago +3 of 6 +API/,
    );
  });

  it("keeps what people wrote as text, whatever it holds", () => {
    const nasty =
      '<script>alert(1)</script> | $(rm -rf /) `id` [x](javascript:y) "; DROP TABLE x; --\n# not a heading';
    const [incident] = incidentsOf([
      opening(ID, nasty.split("\n")[0]),
      note("detection", nasty, "2026-11-26T10:16:00.000Z"),
    ]);
    assert.ok(incident !== undefined);
    const lines = incidentMarkdown(incident).split("\n");
    assert.ok(lines.every((line) => !line.includes("<script>") && !/(^|[^\\])`id/.test(line)));
    assert.deepEqual(lines.filter((line) => line.startsWith("# ")).length, 1);
    const rows = lines.filter((line) => line.startsWith("|"));
    assert.ok(
      rows.every((row) => (row.match(/(?<!\\)\|/g) ?? []).length === 5),
      "no text makes a cell",
    );
  });

  it("takes each of the manual's severities", () => {
    for (const severity of SEVERITIES) {
      const [incident] = incidentsOf([
        opening(),
        note("assessment", "x", "2026-11-26T10:20:00.000Z", severity),
      ]);
      assert.equal(incident?.severity, severity);
    }
  });
});
