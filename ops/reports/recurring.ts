/** Which errors were there the week before as well (M10). Pure. */
import type { ReportContext } from "./context";
import { type ErrorGroup, OTHER } from "./sources/edgeLog";

/** The list of a report's errors, with which the one of the next week is compared. */
export const ERRORS_LIST = "errors";
/** The list with which the report itself was compared. */
export const COMPARED_LIST = "errors-before";

const DAY_MS = 86_400_000;

/** Names an error in every report. */
export function errorKey({ status, request }: Pick<ErrorGroup, "status" | "request">): string {
  return `error:${status} ${request}`;
}

/** Errors that the week before had, by their names (see {@link errorKey}). */
export function errorsBefore({ before, from }: Pick<ReportContext, "before" | "from">): readonly string[] {
  if (before === undefined) {
    return [];
  }
  // A report that is made again is about the same week as the one before it, and is compared with what that was compared with.
  if (Date.parse(before.at) > from.getTime() + DAY_MS) {
    return before.lists[COMPARED_LIST] ?? [];
  }
  // A report of before there were such lists has its figures only.
  return before.lists[ERRORS_LIST] ?? Object.keys(before.figures);
}

/** Those that were there the week before, too. */
export function recurringErrors(found: readonly ErrorGroup[], known: readonly string[]): ErrorGroup[] {
  const names = new Set(known);
  return found.filter((group) => names.has(errorKey(group)));
}

/** What can be worked on: the rest that was not told apart is no one error. */
export function ticketable(recurring: readonly ErrorGroup[]): ErrorGroup[] {
  return recurring.filter(({ request }) => request !== OTHER);
}
