import { type Html, html } from "./html";
import { DAYS, type DayOfPart, percent, shareUp } from "./uptime";

type Kind = "up" | "part" | "down" | "none";

/** Below this share of a day's known time the day counts as one of outage, above it as one with an interruption. */
const MOSTLY_UP = 0.95;
const HEIGHT = 24;
const STEP = 4;
const WIDTH = 3;

function kindOf(day: DayOfPart): Kind {
  const share = shareUp([day]);
  return share === null ? "none" : share === 1 ? "up" : share >= MOSTLY_UP ? "part" : "down";
}

/** A bar a day, oldest first. What is not known is told by its height as well as by its colour. */
export function uptimeBars(part: string, days: readonly DayOfPart[]): Html {
  const bars: Record<Kind, string> = { up: "", part: "", down: "", none: "" };
  days.forEach((day, index) => {
    const kind = kindOf(day);
    const top = kind === "none" ? HEIGHT - 6 : 0;
    bars[kind] += `M${index * STEP} ${top}h${WIDTH}V${HEIGHT}h-${WIDTH}z`;
  });
  const paths = (Object.keys(bars) as Kind[])
    .filter((kind) => bars[kind] !== "")
    .map((kind) => html`<path class="${kind}" d="${bars[kind]}"/>`);
  return html`<svg class="bars" viewBox="0 0 ${DAYS * STEP - 1} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${summary(part, days)}">${paths}</svg>`;
}

function summary(part: string, days: readonly DayOfPart[]): string {
  const share = shareUp(days);
  const count = (wanted: Kind) => days.filter((day) => kindOf(day) === wanted).length;
  return share === null
    ? `${part}: nothing is known of the last ${DAYS} days yet`
    : `${part}, last ${DAYS} days: up ${percent(share)} of the time that is known; ${count("part") + count("down")} days with an interruption, ${count("none")} days unknown`;
}

/** What the colours of the bars mean. */
export function uptimeKey(): Html {
  const entry = (kind: Kind, text: string) =>
    html`<span><svg viewBox="0 0 8 8" aria-hidden="true"><path class="${kind}" d="M0 ${kind === "none" ? 5 : 0}h8V8H0z"/></svg>${text}</span>`;
  return html`<p class="key">${[
    entry("up", "worked all day"),
    entry("part", "short interruption"),
    entry("down", `down for more than ${Math.round((1 - MOSTLY_UP) * 100)}% of the day`),
    entry("none", "not known"),
  ]}</p>`;
}

/** The days that were not wholly up, newest first, for those who cannot tell the bars apart. */
export function interruptions(parts: readonly { title: string; days: readonly DayOfPart[] }[]): Html | null {
  const rows = parts.flatMap(({ title, days }) =>
    days.filter(({ down }) => down > 0).map((day) => ({ title, ...day })),
  );
  if (rows.length === 0) {
    return null;
  }
  rows.sort((a, b) => b.date.localeCompare(a.date) || a.title.localeCompare(b.title));
  return html`<details>
<summary>Days with an interruption</summary>
<div class="scroll" tabindex="0" role="group" aria-label="Days with an interruption"><table>
<thead><tr><th scope="col">Day (UTC)</th><th scope="col">Part</th><th scope="col">Down</th><th scope="col">Up</th></tr></thead>
<tbody>
${rows.map(
  (day) =>
    html`<tr><td>${day.date}</td><td>${day.title}</td><td>${downText(day.down)}</td><td>${percent(shareUp([day]) ?? 0)}</td></tr>`,
)}
</tbody>
</table></div>
</details>`;
}

function downText(milliseconds: number): string {
  const minutes = Math.ceil(milliseconds / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
