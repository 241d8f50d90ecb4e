import { ESCALATION_STEPS } from "../../manual";
import { columns } from "../restore/report";
import type { Drill } from "./catalogue";
import type { Page } from "./pages";
import { pageLimitSeconds, type Watched } from "./stage";

/**
 * `passed`: the page came in time to whom it had to and nobody else, and so did the word that it is over. `late`: all of that, but
 * the page took longer than it may.
 */
export type Verdict = "passed" | "late" | "failed";

/** What came of one drill, as `./fitnesscrm drill NAME --json` prints it. */
export interface DrillResult {
  drill: string;
  alarm: string;
  severity: string;
  verdict: Verdict;
  /** Why it failed. */
  reason?: string;
  /** From the moment at which the cause held to the mail in the last of the mailboxes. */
  causeToPageSeconds: number | null;
  limitSeconds: number;
  /** From that mail to the one that says it is over. */
  pageToOkSeconds: number | null;
  /** Addresses that were paged. */
  pagedTo: string[];
  /** Pages of other alarms meanwhile, as `ALARM to ADDRESS`. */
  otherPages: string[];
}

/** Names of the alarms by which steps of the chain hear. */
const REPEATED = new RegExp(`-escalation-(${ESCALATION_STEPS.join("|")})$`);

/** The host may be busy with something else while it is drilled: that is a true page of its own. */
const ALARMS_OF_THE_HOST: readonly string[] = ["cpu", "memory", "disk"];

/**
 * Pages of alarms other than those that are drilled: one cause must not page twice. What a step of the chain hears late repeats an
 * alarm, which is counted itself if it went off meanwhile.
 *
 * @param pages All that arrived.
 * @param drilled Full names of the alarms whose causes were made at the same time.
 * @param from When the drill began: what changed before is not its own.
 */
export function otherPagesOf(pages: readonly Page[], drilled: readonly string[], from: Date): string[] {
  return pages
    .filter(
      ({ alarm, state, changedAt }) =>
        state === "ALARM" && changedAt >= from && !drilled.includes(alarm) && !REPEATED.test(alarm),
    )
    .map(({ alarm, to }) => `${alarm} to ${to}`);
}

/** Other pages that the drill's own cause may have caused. */
export function consequencesOf(otherPages: readonly string[], stack: string): string[] {
  return otherPages.filter(
    (page) => !ALARMS_OF_THE_HOST.some((name) => page.startsWith(`fitnesscrm-${stack}-${name} to `)),
  );
}

export function failed(drill: Drill, watched: Watched, reason: string): DrillResult {
  return {
    drill: drill.name,
    alarm: watched.name,
    severity: watched.severity,
    verdict: "failed",
    reason,
    causeToPageSeconds: null,
    limitSeconds: pageLimitSeconds(watched),
    pageToOkSeconds: null,
    pagedTo: [],
    otherPages: [],
  };
}

/** The table at the end of a run. */
export function formatResults(results: readonly DrillResult[]): string {
  const seconds = (value: number | null): string => (value === null ? "-" : `${value.toFixed(1)} s`);
  const head = ["DRILL", "ALARM", "SEVERITY", "CAUSE TO PAGE", "LIMIT", "PAGE TO OK", "PAGED", "VERDICT"];
  const rows = results.map((result) => [
    result.drill,
    result.alarm,
    result.severity,
    seconds(result.causeToPageSeconds),
    `${result.limitSeconds} s`,
    seconds(result.pageToOkSeconds),
    result.pagedTo.join(", ") || "nobody",
    result.verdict,
  ]);
  const notes = results.flatMap(({ drill, reason, otherPages }) => [
    ...(reason === undefined ? [] : [`${drill}: ${reason}`]),
    ...(otherPages.length === 0 ? [] : [`${drill}: paged meanwhile: ${otherPages.join(", ")}`]),
  ]);
  const right = [false, false, false, true, true, true, false, false];
  return [...columns([head, ...rows], right), ...notes].join("\n");
}

/** Whether a run is a success for a script: a late page is a page. */
export function isSuccess(results: readonly Pick<DrillResult, "verdict">[]): boolean {
  return results.every(({ verdict }) => verdict !== "failed");
}
