import { reasonOf } from "../../health";
import type { ErrorGroup } from "../sources/edgeLog";
import type { Issue, Issues } from "./github";
import { bodyOf, keyIn, keyOf, reopenedText, type TicketContent, titleOf } from "./text";

/** A bad week must not bury a repository, nor take GitHub's patience. */
export const MOST_FILED = 10;
export const MOST_UPDATED = 30;

/** What became of the tickets of one report. */
export interface TicketOutcome {
  readonly filed: number;
  readonly updated: number;
  readonly reopened: number;
  /** Closed tickets that stay closed: nothing failed since, or nobody wants to do anything about it. */
  readonly closed: number;
  /** Errors whose ticket waits for the next report. */
  readonly left: number;
  /** Why it ended before all was done, in one line. */
  readonly failure?: string;
}

export interface Filing extends Omit<TicketContent, "error"> {
  readonly errors: readonly ErrorGroup[];
}

type Done = Exclude<keyof TicketOutcome, "failure">;

/**
 * Files each error as a ticket, or brings the one that there is up to date. Doing it again changes nothing.
 *
 * @throws Error of one line when the tickets that there are cannot be listed: nothing is written then.
 */
export async function fileTickets(
  issues: Issues,
  { errors, ...context }: Filing,
  signal: AbortSignal,
): Promise<TicketOutcome> {
  const known = byKey(await issues.list(signal));
  const counts: Record<Done, number> = { filed: 0, updated: 0, reopened: 0, closed: 0, left: 0 };
  const byCount = [...errors].sort((a, b) => b.count - a.count);
  for (const [index, error] of byCount.entries()) {
    const content = { ...context, error };
    const issue = known.get(keyOf(context.stack, error));
    const step = stepFor(issue, error);
    if (isTooMany(step, counts)) {
      counts.left += 1;
      continue;
    }
    try {
      await take(step, issues, issue, content, signal);
      counts[step] += 1;
    } catch (error) {
      signal.throwIfAborted();
      // Whatever it is, the next one would meet it as well.
      counts.left += byCount.length - index;
      return { ...counts, failure: reasonOf(error) };
    }
  }
  return counts;
}

/** Of two about the same, the older one. */
function byKey(issues: readonly Issue[]): Map<string, Issue> {
  const known = new Map<string, Issue>();
  for (const issue of issues) {
    const key = keyIn(issue.body);
    const other = key === undefined ? undefined : known.get(key);
    if (key !== undefined && (other === undefined || issue.number < other.number)) {
      known.set(key, issue);
    }
  }
  return known;
}

/** What an error asks for. One that was closed after its last failure may well be put right. */
export function stepFor(
  issue: Pick<Issue, "open" | "closedAt" | "declined"> | undefined,
  { last }: Pick<ErrorGroup, "last">,
): Exclude<Done, "left"> {
  if (issue === undefined) {
    return "filed";
  }
  if (issue.open) {
    return "updated";
  }
  const isBack = issue.closedAt === null || Date.parse(last) > Date.parse(issue.closedAt);
  return isBack && !issue.declined ? "reopened" : "closed";
}

function isTooMany(step: Done, { filed, reopened, updated }: Readonly<Record<Done, number>>): boolean {
  return step === "updated" ? updated >= MOST_UPDATED : step !== "closed" && filed + reopened >= MOST_FILED;
}

async function take(
  step: Exclude<Done, "left">,
  issues: Issues,
  issue: Issue | undefined,
  content: TicketContent,
  signal: AbortSignal,
): Promise<void> {
  if (issue === undefined) {
    await issues.create(titleOf(content.error), bodyOf(content), signal);
    return;
  }
  const body = bodyOf(content, issue.body);
  if (step === "reopened") {
    // Opened first: a kill in between costs the comment, not a second one next time.
    await issues.change(issue.number, { body, state: "open" }, signal);
    await issues.comment(issue.number, reopenedText(content), signal);
  } else if (step === "updated" && body !== issue.body) {
    await issues.change(issue.number, { body }, signal);
  }
}
