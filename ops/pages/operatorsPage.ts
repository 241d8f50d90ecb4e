import type { ComponentHealth } from "../health";
import { type Html, html } from "./html";
import { type OpenAlarm, renderPage, type StatusData, sentence } from "./statusPage";
import { durationText, moment } from "./times";

export interface OperatorsData extends Pick<StatusData, "asOf" | "zone" | "journal"> {
  readonly duty: { readonly engineer: string; readonly until: Date; readonly override: boolean };
  /** Everything that ops checks, with reasons. */
  readonly checks: readonly ComponentHealth[];
  readonly alarms: readonly (OpenAlarm & { readonly text: string })[] | undefined;
}

/** What operators see beside the status page (M57): who is on call, and why something does not work. */
export function renderOperatorsPage(data: OperatorsData): string {
  return renderPage(
    data,
    { title: "FitnessCRM for operators", says: "Who is on call, and why something does not work." },
    [onCall(data), checks(data), alarms(data), steps(data)],
  );
}

function onCall({ duty, zone }: OperatorsData): Html {
  return html`<section aria-labelledby="on-call">
<h2 id="on-call">On call</h2>
<p><strong>${duty.engineer}</strong>${duty.override && ", in place of whose shift it is"}, until ${moment(duty.until, zone)}</p>
</section>`;
}

function checks({ checks: found, asOf }: OperatorsData): Html {
  return html`<section aria-labelledby="checks">
<h2 id="checks">Checks</h2>
<ul>
${found.map(
  ({ name, healthy, reason, checkedAt }) => html`<li>
<div class="head"><h3>${name}</h3><span class="badge ${healthy ? "good" : "bad"}">${healthy ? "healthy" : "unhealthy"}</span></div>
<p class="note">${reason}${checkedAt !== undefined && `, ${durationText(asOf.getTime() - Date.parse(checkedAt))} ago`}</p>
</li>`,
)}
</ul>
</section>`;
}

function alarms({ alarms: open, zone }: OperatorsData): Html {
  const body =
    open === undefined
      ? html`<p>CloudWatch does not answer.</p>`
      : open.length === 0
        ? html`<p>None</p>`
        : html`<ul>
${open.map(({ title, since, text }) => html`<li><h3>${title}</h3><p>${text}</p><p class="note">since ${moment(since, zone)}</p></li>`)}
</ul>`;
  return html`<section aria-labelledby="alarms">
<h2 id="alarms">Open alarms</h2>
${body}
</section>`;
}

function steps({ journal }: OperatorsData): Html | null {
  const details = (journal?.steps ?? []).filter(({ detail }) => detail !== "");
  return details.length === 0
    ? null
    : html`<section aria-labelledby="steps">
<h2 id="steps">Steps of the last window</h2>
<ol>
${details.map(({ name, detail }) => html`<li><h3>${sentence(name)}</h3><p class="note">${detail}</p></li>`)}
</ol>
</section>`;
}
