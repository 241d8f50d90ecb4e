import { html } from "./html";
import { type Notice, noticeText } from "./notice";

/**
 * The banner in the application's pages (M38), as nginx puts it there. Its looks are a file of their own: the application may refuse
 * styles that stand in the page, and one that refuses this file as well still shows the text.
 */
export function renderBanner(notice: Notice, zone: string): string {
  return html`<link rel="stylesheet" href="/status/banner.css"><aside class="fitnesscrm-banner fitnesscrm-banner-${notice.state}" aria-label="Maintenance"><p>${noticeText(notice, zone)} <a href="/status">Status</a></p></aside>
`.text;
}

/** Nothing of it applies to anything else in the application's page. */
export const BANNER_STYLE = `.fitnesscrm-banner {
  all: initial;
  display: block;
  box-sizing: border-box;
  width: 100%;
  padding: 0.6rem 1rem;
  border-bottom: 1px solid #d9a441;
  background: #fdf0d9;
  color: #6b3a00;
  font: 500 0.95rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  text-align: center;
}
.fitnesscrm-banner p { all: unset; }
.fitnesscrm-banner a { all: unset; color: inherit; text-decoration: underline; cursor: pointer; white-space: nowrap; }
.fitnesscrm-banner a:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
.fitnesscrm-banner-under-way { border-bottom-color: #d9705f; background: #fdeae8; color: #8f1d13; }
@media (prefers-color-scheme: dark) {
  .fitnesscrm-banner { border-bottom-color: #7a5718; background: #3a2a10; color: #ffd28a; }
  .fitnesscrm-banner-under-way { border-bottom-color: #8a3c33; background: #43201d; color: #ffb3aa; }
}
@media print { .fitnesscrm-banner { display: none; } }
`;
