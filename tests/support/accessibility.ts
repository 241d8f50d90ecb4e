import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/**
 * What axe finds wrong with a page, a line each: rule, element and reason.
 *
 * @param within Selector of the part that is looked at; the whole page when left out.
 */
export async function violations(page: Page, within?: string): Promise<string[]> {
  // Evaluated and not added as a script, which the page's policy refuses.
  await page.evaluate(axe.source);
  const root = within === undefined ? "document" : JSON.stringify(within);
  const found = await page.evaluate<AxeResults>(`axe.run(${root}, { runOnly: ${JSON.stringify(TAGS)} })`);
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`),
  );
}
