/**
 * The status page (M38, M41): data in, one self-contained file of HTML out, without scripts. Pure; every text is escaped. What is internal
 * (reasons of failures, people) stands on the operators' page alone.
 */
import { MANUAL, type Severity } from "../../manual";
import type { Announcement } from "../window/announcement";
import type { WindowJournal } from "../window/journal";
import { Html, html } from "./html";
import { type Notice, noticeText } from "./notice";
import { STYLE } from "./style";
import { durationText, moment, spanText, stamped } from "./times";
import { DAYS, type DayOfPart, percent, shareUp } from "./uptime";
import { interruptions, uptimeBars, uptimeKey } from "./uptimeBars";

export type State = "up" | "down" | "unknown";

export interface Part {
  readonly title: string;
  readonly state: State;
  readonly days: readonly DayOfPart[];
}

export interface OpenAlarm {
  readonly title: string;
  readonly severity: Severity | null;
  readonly since: Date;
}

export interface LastDrill {
  readonly endedAt: Date;
  readonly passed: boolean;
  readonly milliseconds: number;
}

export interface StatusData {
  readonly asOf: Date;
  /** IANA zone of the times. */
  readonly zone: string;
  readonly parts: readonly Part[];
  /** Null before the first backup that was read back, undefined when the backups cannot be read. */
  readonly backup: { readonly dumpAt: Date; readonly restorableTo: Date } | null | undefined;
  /** Null before the first drill, undefined when it cannot be asked for. */
  readonly drill: LastDrill | null | undefined;
  /** Undefined when AWS does not say. */
  readonly alarms: readonly OpenAlarm[] | undefined;
  readonly nextWindow: { readonly from: Date; readonly to: Date };
  readonly notice: Notice | null;
  /** Of the window that the notice is of, or of the next one: null when none was begun, undefined when that is not looked at. */
  readonly announcement?: Announcement | null;
  readonly journal: WindowJournal | null;
}

const HOUR_MS = 3_600_000;

type Tone = "good" | "warn" | "bad" | "plain";

export function renderStatusPage(data: StatusData): string {
  return renderPage(
    data,
    {
      title: "FitnessCRM status",
      says: "Which parts of FitnessCRM are up, how often they were, and when maintenance is planned.",
    },
    [overall(data), noticeBox(data), services(data), backups(data), alarms(data), maintenance(data)],
  );
}

/** The frame of a page that is renewed once a minute. nginx puts a warning where it says `old`, when it is not. */
export function renderPage(
  { asOf, zone }: Pick<StatusData, "asOf" | "zone">,
  { title, says }: { readonly title: string; readonly says: string },
  sections: readonly (Html | null)[],
): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="${says}">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(STYLE)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="asof">As of ${moment(asOf, zone)} <a href="?">Reload</a></p>
</header>
<main>
<!-- old -->
${sections.filter((section) => section !== null)}
</main>
<footer>
<p>The system writes this page once a minute. When the time at its top is more than three minutes ago, the rest of it is old. Times are those of ${zone.replaceAll("_", " ")}.</p>
</footer>
</body>
</html>
`.text;
}

const ICONS: Readonly<Record<Tone, string>> = {
  good: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1.4 14.2-4-4 1.5-1.5 2.5 2.5 5.3-5.3 1.5 1.5z",
  warn: "M12 2 1 21h22zm1 16h-2v-2h2zm0-4h-2V9h2z",
  bad: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm4.2 12.8-1.4 1.4-2.8-2.8-2.8 2.8-1.4-1.4 2.8-2.8-2.8-2.8 1.4-1.4 2.8 2.8 2.8-2.8 1.4 1.4-2.8 2.8z",
  plain: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm1 15h-2v-6h2zm0-8h-2V7h2z",
};

function overall({ parts, notice, alarms }: StatusData): Html {
  const down = parts.filter(({ state }) => state === "down");
  const urgent = (alarms ?? []).some(({ severity }) => severity === "P0" || severity === "P1");
  const [tone, text]: [Tone, string] =
    down.length > 0
      ? [
          notice?.state === "under-way" ? "warn" : "bad",
          `${list(down.map(({ title }) => title))} ${down.length === 1 ? "does" : "do"} not work${notice?.state === "under-way" ? ": maintenance is under way" : ""}`,
        ]
      : notice?.state === "under-way"
        ? ["warn", "Maintenance is under way"]
        : parts.every(({ state }) => state === "unknown")
          ? ["plain", "Not checked yet"]
          : parts.some(({ state }) => state === "unknown")
            ? ["plain", "Not everything has been checked yet"]
            : urgent
              ? ["warn", "Everything answers, and an urgent alarm is open"]
              : ["good", "Everything works"];
  return html`<p class="overall ${tone}"><svg viewBox="0 0 24 24" aria-hidden="true"><path fill="currentColor" d="${ICONS[tone]}"/></svg>${text}</p>`;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function noticeBox({ notice, zone }: StatusData): Html | null {
  return notice === null ? null : html`<p class="notice">${noticeText(notice, zone)}</p>`;
}

const STATES: Readonly<Record<State, readonly [Tone, string]>> = {
  up: ["good", "works"],
  down: ["bad", "does not work"],
  unknown: ["plain", "not checked"],
};

function badge([tone, text]: readonly [Tone, string]): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

function services({ parts }: StatusData): Html {
  return html`<section aria-labelledby="services">
<h2 id="services">Services</h2>
<ul>
${parts.map(({ title, state, days }) => {
  const share = shareUp(days);
  return html`<li>
<div class="head"><h3>${title}</h3>${badge(STATES[state])}</div>
${uptimeBars(title, days)}
<p class="scale"><span>${DAYS} days ago</span><strong>${share === null ? "no figures yet" : `${percent(share)} up`}</strong><span>today</span></p>
</li>`;
})}
</ul>
${uptimeKey()}
${interruptions(parts)}
</section>`;
}

function backups({ asOf, zone, backup, drill }: StatusData): Html {
  const { recoveryPointObjectiveHours: point, recoveryTimeObjectiveHours: time } = MANUAL.backup;
  const age = asOf.getTime() - (backup?.restorableTo ?? asOf).getTime();
  return html`<section aria-labelledby="backups">
<h2 id="backups">Backup and recovery</h2>
<dl class="pair">
<div><dt>Data can be brought back as it was</dt>
${
  backup === undefined
    ? goal("Not known at the moment", point)
    : backup === null
      ? goal("No backup yet", point)
      : html`${goal(`${durationText(age)} ago`, point, age <= point * HOUR_MS)}
<dd class="note">Last full backup: ${moment(backup.dumpAt, zone)}</dd>`
}</div>
<div><dt>Last rehearsal of a recovery</dt>
${
  drill === undefined
    ? goal("Not known at the moment", time)
    : drill === null
      ? goal("None yet", time)
      : html`${goal(
          drill.passed ? `Passed in ${durationText(drill.milliseconds)}` : "Failed",
          time,
          drill.passed && drill.milliseconds <= time * HOUR_MS,
        )}
<dd class="note">${moment(drill.endedAt, zone)}</dd>`
}</div>
</dl>
</section>`;
}

/** What was reached, and the objective in hours. */
function goal(reached: string, objective: number, isMet?: boolean): Html {
  return html`<dd><strong>${reached}</strong></dd>
<dd>${
    isMet === undefined
      ? html`<span class="note">Objective: ${hours(objective)} at most</span>`
      : badge(
          isMet
            ? ["good", `within the objective of ${hours(objective)}`]
            : ["bad", `misses the objective of ${hours(objective)}`],
        )
  }</dd>`;
}

function hours(count: number): string {
  return `${count} hour${count === 1 ? "" : "s"}`;
}

const URGENCY: Readonly<Record<Severity, readonly [Tone, string]>> = {
  P0: ["bad", "P0 critical"],
  P1: ["bad", "P1 high"],
  P2: ["warn", "P2 medium"],
  P3: ["plain", "P3 low"],
};

function alarms({ alarms: open, asOf, zone }: StatusData): Html {
  const body =
    open === undefined
      ? html`<p>Not known at the moment: the monitoring does not answer.</p>`
      : open.length === 0
        ? html`<p>None</p>`
        : html`<ul>
${open.map(
  ({ title, severity, since }) => html`<li>
<div class="head"><h3>${title}</h3>${severity === null ? null : badge(URGENCY[severity])}</div>
<p class="note">Open for ${durationText(asOf.getTime() - since.getTime())}, since ${moment(since, zone)}</p>
</li>`,
)}
</ul>`;
  return html`<section aria-labelledby="alarms">
<h2 id="alarms">Open alarms</h2>
${body}
</section>`;
}

const OUTCOMES: Readonly<Record<WindowJournal["state"], readonly [Tone, string]>> = {
  announced: ["plain", "announced"],
  running: ["warn", "under way"],
  done: ["good", "done"],
  stopped: ["bad", "stopped"],
  overran: ["bad", "ran out of time"],
};

function maintenance(data: StatusData): Html {
  const { nextWindow, zone, journal, asOf } = data;
  return html`<section aria-labelledby="maintenance">
<h2 id="maintenance">Maintenance</h2>
<dl><dt>Next window</dt><dd>${stamped(nextWindow.from, spanText(nextWindow, zone))}</dd>${mailed(data)}</dl>
${journal === null || journal.state === "announced" ? null : lastWindow(journal, zone, asOf)}
</section>`;
}

/** Whether users were told by mail, once they have to be. */
function mailed({ announcement, notice, zone }: StatusData): Html | null {
  if (
    announcement === undefined ||
    announcement?.mail === false ||
    (announcement === null && notice === null)
  ) {
    return null;
  }
  const sent = announcement === null ? null : moment(new Date(announcement.startedAt), zone);
  const states = {
    sending: html`Being sent since ${sent}`,
    announced: html`Sent ${sent}`,
    incomplete: html`Not sent to everybody`,
  } as const;
  return html`<dt>Notice by mail</dt><dd>${announcement === null ? "Not sent" : states[announcement.state]}</dd>`;
}

const RESULTS = {
  passed: ["good", "passed"],
  failed: ["bad", "failed"],
  skipped: ["plain", "skipped"],
} as const;

function lastWindow(journal: WindowJournal, zone: string, asOf: Date): Html {
  const window = { from: new Date(journal.window.from), to: new Date(journal.window.to) };
  const steps = journal.steps.map(({ name, startedAt, endedAt, result }) => {
    const took = (endedAt === null ? asOf.getTime() : Date.parse(endedAt)) - Date.parse(startedAt);
    const outcome = result === null ? (["warn", "running"] as const) : RESULTS[result];
    return html`<li class="head"><span>${sentence(name)} <span class="note">${durationText(took)}</span></span>${badge(outcome)}</li>`;
  });
  return html`<div class="steps">
<div class="head"><h3>${journal.state === "running" ? "This window" : "Last window"}</h3>${badge(OUTCOMES[journal.state])}</div>
<p class="note">${stamped(window.from, spanText(window, zone))}</p>
<ol class="steps">
${steps}
</ol>
</div>`;
}

/** Words that people write as others than they are in names. */
const WRITTEN: Readonly<Record<string, string>> = { cpu: "CPU", oom: "Out of memory", redis: "Redis" };

/** `database-connections` as people write it. */
export function sentence(name: string): string {
  const text = name
    .split("-")
    .map((word) => WRITTEN[word] ?? word)
    .join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
