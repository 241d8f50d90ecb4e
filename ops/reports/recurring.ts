/** Which errors were there in the report before as well (M10). Pure. */
import { type ErrorGroup, OTHER } from "./sources/edgeLog";
import type { Remembered } from "./store";

/** The list of a report's errors that the next one compares with. */
export const ERRORS_LIST = "errors";

/** Names an error in every report. */
export function errorKey({ status, request }: Pick<ErrorGroup, "status" | "request">): string {
  return `error:${status} ${request}`;
}

/**
 * Those that the report before knew, too.
 *
 * By its list of errors, which is of that report alone: its figures may be older ones where a part of it failed. A report of before there were
 * such lists has its figures only.
 */
export function recurringErrors(
  found: readonly ErrorGroup[],
  before: Pick<Remembered, "figures" | "lists"> | undefined,
): ErrorGroup[] {
  const list = before?.lists[ERRORS_LIST] ?? Object.keys(before?.figures ?? {});
  const known = new Set(list);
  return found.filter((group) => known.has(errorKey(group)));
}

/** What can be worked on: the rest that was not told apart is no one error. */
export function ticketable(recurring: readonly ErrorGroup[]): ErrorGroup[] {
  return recurring.filter(({ request }) => request !== OTHER);
}
