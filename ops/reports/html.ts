import { showWallClock } from "../../wallClock";
import { changeText, figure, plain } from "./format";
import {
  type Bars,
  type Cell,
  concernsOf,
  type Fact,
  type Figures,
  failuresOf,
  type Report,
  type Section,
  type Table,
  type Tone,
} from "./model";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for HTML, in an element or in an attribute: the only way into the page. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter);
}

const shown = (text: string): string => escapeHtml(plain(text));

/** Readable on white and on black alike, for clients that turn colours over by themselves. */
const COLOURS: Readonly<Record<Tone, string>> = { good: "#1a7f37", warning: "#9a6700", bad: "#cf222e" };

const FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const CELL = "padding:6px 8px;vertical-align:top;word-break:break-word;overflow-wrap:anywhere";

/** For clients that know it; without it the page is dark text on white, which is readable anywhere. */
const STYLE = `
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.page,.card{background:#161b22!important;color:#e6edf3!important}
.line{border-color:#30363d!important}
.quiet{color:#9da7b3!important}
.bar{background:#4c8ef5!important}
.good{color:#3fb950!important}.warning{color:#d29922!important}.bad{color:#ff7b72!important}
}
@media (max-width:480px){.card{padding:12px!important}}`.replaceAll("\n", "");

/**
 * A report as HTML mail: tables and inline styles, since mail clients know little else, and no script, image or link to anywhere. Every
 * text in it is escaped.
 */
export function renderHtml(report: Report): string {
  const { title, stack, timeZone, from, until, since, sections, before } = report;
  const time = (iso: string): string => showWallClock(timeZone, new Date(iso));
  const compared =
    since === null
      ? "The first report of its kind: nothing to compare with."
      : `Changes are since ${time(since)}.`;
  const head = [
    `<h1 style="margin:0 0 4px;font-size:20px;line-height:26px">${shown(title)}</h1>`,
    `<p class="quiet" style="margin:0 0 8px;color:#57606a;font-size:13px;line-height:18px">Stack ${shown(stack)}. ${shown(`${time(from)} to ${time(until)} (${timeZone})`)}.<br>${shown(compared)}</p>`,
    summary(report),
  ];
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">`,
    `<meta name="color-scheme" content="light dark"><title>${shown(title)}</title><style>${STYLE}</style></head>`,
    `<body class="page" style="margin:0;padding:0;background:#ffffff;color:#1f2328;${FONT};font-size:14px;line-height:20px">`,
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">`,
    `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:680px"><tr><td class="card" style="padding:20px;background:#ffffff;color:#1f2328">`,
    ...head,
    ...sections.map((section) => sectionHtml(section, before)),
    "</td></tr></table></td></tr></table></body></html>",
  ].join("\n");
}

function summary(report: Report): string {
  const concerns = concernsOf(report);
  const missing = failuresOf(report).length;
  const worst = missing > 0 ? "warning" : "good";
  const tone = concerns[0]?.tone ?? worst;
  const lines = [
    concerns.length === 0
      ? "Nothing needs a look."
      : `To look at: ${concerns.map(({ label }) => plain(label)).join("; ")}.`,
    ...(missing === 0 ? [] : [`${missing} of ${report.sections.length} parts could not be made.`]),
  ];
  return `<p class="${tone}" style="margin:0 0 8px;font-weight:600;color:${COLOURS[tone]}">${lines.map(escapeHtml).join("<br>")}</p>`;
}

function sectionHtml(section: Section, before: Figures): string {
  const { title, lead, facts = [], bars = [], tables = [], failure } = section;
  return [
    `<h2 class="line" style="margin:20px 0 6px;padding-top:12px;border-top:1px solid #d0d7de;font-size:16px;line-height:22px">${shown(title)}</h2>`,
    ...(lead === undefined
      ? []
      : [`<p class="quiet" style="margin:0 0 6px;color:#57606a;font-size:13px">${shown(lead)}</p>`]),
    ...(failure === undefined
      ? []
      : [
          `<p class="bad" style="margin:0 0 6px;color:${COLOURS.bad}">This part could not be made: ${shown(failure)}</p>`,
        ]),
    ...(facts.length === 0 ? [] : [factsHtml(facts, before)]),
    ...bars.map(barsHtml),
    ...tables.map((table) => tableHtml(table, before)),
  ].join("\n");
}

const TABLE = `<table width="100%" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;font-size:14px;line-height:20px">`;
const LAYOUT = TABLE.replace("<table", '<table role="presentation"');

function factsHtml(facts: readonly Fact[], before: Figures): string {
  const rows = facts.map(({ label, value, tone, note }) => {
    const own = tone ?? (typeof value === "string" ? undefined : value.tone);
    const colour = own === undefined ? "" : `;color:${COLOURS[own]};font-weight:600`;
    const more =
      note === undefined
        ? ""
        : `<br><span class="quiet" style="color:#57606a;font-size:12px">${shown(note)}</span>`;
    return `<tr><td style="${CELL};width:45%">${shown(label)}</td><td${own === undefined ? "" : ` class="${own}"`} style="${CELL}${colour}">${cellHtml(value, before)}${more}</td></tr>`;
  });
  return `${LAYOUT}${rows.join("")}</table>`;
}

function cellHtml(content: Cell, before: Figures): string {
  if (typeof content === "string") {
    return shown(content);
  }
  const change = changeText(content, before);
  return change === undefined
    ? escapeHtml(figure(content))
    : `${escapeHtml(figure(content))} <span class="quiet" style="color:#57606a;font-size:12px;white-space:nowrap">${escapeHtml(change)}</span>`;
}

/** Cells with a background are the charts of mail, which shows neither SVG nor scripts. */
function barsHtml({ title, unit, items }: Bars): string {
  const most = Math.max(0, ...items.map(({ value }) => value ?? 0));
  const rows = items.map(({ label, value }) => {
    const share = value === null || most <= 0 ? 0 : Math.round((Math.max(0, value) / most) * 100);
    const filled =
      share === 0
        ? ""
        : `<td class="bar" width="${share}%" style="background:#2f6fde;font-size:1px;line-height:14px;height:14px">&nbsp;</td>`;
    const rest =
      share === 100 ? "" : `<td width="${100 - share}%" style="font-size:1px;line-height:14px">&nbsp;</td>`;
    return (
      `<tr><td style="${CELL};width:28%;font-size:12px">${shown(label)}</td><td style="${CELL}">` +
      `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>${filled}${rest}</tr></table></td>` +
      `<td style="${CELL};width:20%;font-size:12px;text-align:right;white-space:nowrap">${escapeHtml(figure({ value, unit }))}</td></tr>`
    );
  });
  return `<p style="margin:8px 0 2px;font-weight:600;font-size:13px">${shown(title)}</p>${LAYOUT}${rows.join("")}</table>`;
}

function tableHtml({ columns, rows, empty }: Table, before: Figures): string {
  if (rows.length === 0) {
    return `<p class="quiet" style="margin:0 0 6px;padding:0 8px;color:#57606a">${shown(empty)}</p>`;
  }
  // A number that is broken in two is another number.
  const align = columns.map((_, index) =>
    rows.every((row) => typeof row[index] !== "string")
      ? "right;word-break:normal;overflow-wrap:normal"
      : "left",
  );
  const head = columns.map(
    (column, index) =>
      `<th scope="col" class="quiet line" style="${CELL};text-align:${align[index]};border-bottom:1px solid #d0d7de;color:#57606a;font-size:12px;font-weight:600">${shown(column)}</th>`,
  );
  const body = rows.map(
    (row) =>
      `<tr>${row.map((content, index) => `<td class="line" style="${CELL};text-align:${align[index]};border-bottom:1px solid #eaeef2">${cellHtml(content, before)}</td>`).join("")}</tr>`,
  );
  return `${TABLE}<thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}
