import { showWallClock } from "../../wallClock";
import { cell, changeText, figure, plain } from "./format";
import {
  type Bars,
  concernsOf,
  type Fact,
  type Figures,
  failuresOf,
  type Report,
  type Section,
  type Table,
} from "./model";

const BAR_WIDTH = 24;
const COLUMN_WIDTH = 60;

/** A report as plain text: for whoever reads mail without HTML, and for a terminal. */
export function renderText(report: Report): string {
  const { title, stack, timeZone, from, until, since, sections, before } = report;
  const time = (iso: string): string => showWallClock(timeZone, new Date(iso));
  const head = [
    `${plain(title)}, stack ${plain(stack)}`,
    `${time(from)} to ${time(until)} (${timeZone})`,
    since === null
      ? "The first report of its kind: nothing to compare with."
      : `Changes are since ${time(since)}.`,
    ...summary(report),
  ];
  return `${[head.join("\n"), ...sections.map((section) => sectionText(section, before))].join("\n\n")}\n`;
}

function summary(report: Report): string[] {
  const concerns = concernsOf(report).map(({ label }) => plain(label));
  const missing = failuresOf(report).length;
  return [
    concerns.length === 0 ? "Nothing needs a look." : `To look at: ${concerns.join("; ")}.`,
    ...(missing === 0 ? [] : [`${missing} of ${report.sections.length} parts could not be made.`]),
  ];
}

function sectionText(section: Section, before: Figures): string {
  const { title, lead, facts = [], bars = [], tables = [], failure } = section;
  const heading = plain(title);
  const blocks = [
    `${heading}\n${"-".repeat(heading.length)}`,
    ...(lead === undefined ? [] : [plain(lead)]),
    ...(failure === undefined ? [] : [`This part could not be made: ${plain(failure)}`]),
    ...(facts.length === 0 ? [] : [factsText(facts, before)]),
    ...bars.map(barsText),
    ...tables.map((table) => tableText(table, before)),
  ];
  return blocks.join("\n");
}

const MARKS = { bad: "!!", warning: "! ", good: "  " } as const;

function factsText(facts: readonly Fact[], before: Figures): string {
  const width = Math.max(...facts.map(({ label }) => plain(label).length));
  return facts
    .map(({ label, value, tone, note }) => {
      const own = tone ?? (typeof value === "string" ? undefined : value.tone);
      const shown = `${own === undefined ? "  " : MARKS[own]} ${plain(label).padEnd(width)}  ${cell(value, before)}`;
      return note === undefined ? shown : `${shown}  (${plain(note)})`;
    })
    .join("\n");
}

function barsText({ title, unit, items }: Bars): string {
  const most = Math.max(0, ...items.map(({ value }) => value ?? 0));
  const width = Math.max(0, ...items.map(({ label }) => plain(label).length));
  return [
    plain(title),
    ...items.map(({ label, value }) => {
      const length = value === null || most <= 0 ? 0 : Math.round((Math.max(0, value) / most) * BAR_WIDTH);
      return `   ${plain(label).padEnd(width)}  ${"#".repeat(length).padEnd(BAR_WIDTH)} ${figure({ value, unit })}`;
    }),
  ].join("\n");
}

function tableText({ columns, rows, empty }: Table, before: Figures): string {
  if (rows.length === 0) {
    return `   ${plain(empty)}`;
  }
  const shown = [
    columns.map((column) => plain(column).toUpperCase()),
    ...rows.map((row) =>
      row.map((content) => {
        const change = typeof content === "string" ? undefined : changeText(content, before);
        const value = typeof content === "string" ? plain(content, COLUMN_WIDTH) : figure(content);
        return change === undefined ? value : `${value} (${change})`;
      }),
    ),
  ];
  const widths = columns.map((_, index) => Math.max(...shown.map((row) => row[index]?.length ?? 0)));
  return shown
    .map(
      (row) =>
        `   ${row
          .map((value, index) => value.padEnd(widths[index] ?? 0))
          .join("  ")
          .trimEnd()}`,
    )
    .join("\n");
}
