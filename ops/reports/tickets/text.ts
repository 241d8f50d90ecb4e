/** What a ticket says. A request's path is anybody's text: none of it is taken for Markdown, HTML or a name. Pure. */
import { createHash } from "node:crypto";
import { showWallClock } from "../../../wallClock";
import { plain } from "../format";
import type { ErrorGroup } from "../sources/edgeLog";

/** By which tickets are listed. */
export const LABEL = "fitnesscrm";

const LONGEST_TITLE = 120;

/** What a ticket's text is made from. */
export interface TicketContent {
  readonly stack: string;
  readonly timeZone: string;
  /** End of the week that is counted. */
  readonly until: Date;
  readonly error: ErrorGroup;
}

/** Names an error for good, and tells stacks apart that file in one repository. */
export function keyOf(stack: string, { status, request }: Pick<ErrorGroup, "status" | "request">): string {
  return createHash("sha256")
    .update(JSON.stringify([stack, status, request]))
    .digest("hex");
}

const begin = (key: string): string => `<!-- fitnesscrm:error ${key} -->`;
const end = (key: string): string => `<!-- fitnesscrm:end ${key} -->`;

/** The key of the error that a ticket is about; undefined for one that is about something else. */
export function keyIn(body: string): string | undefined {
  // At the beginning only: further down stands what others have written.
  return /^<!-- fitnesscrm:error ([0-9a-f]{64}) -->/.exec(body)?.[1];
}

/** A title has no code in it, so what could mean something is left out. */
export function titleOf({ status, request }: Pick<ErrorGroup, "status" | "request">): string {
  const safe = plain(request).replace(/[^A-Za-z0-9 /:._~%-]/g, "?");
  const title = `${status} again and again: ${safe}`;
  return title.length > LONGEST_TITLE ? `${title.slice(0, LONGEST_TITLE - 3)}...` : title;
}

/** Text as a block of code: its fence is longer than any that the text could close it with. */
export function fenced(text: string): string {
  const line = plain(text);
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(Math.max(3, longest + 1));
  return `${fence}text\n${line}\n${fence}`;
}

/**
 * A ticket's body: between two marks what the report writes, brought up to date each time, and after them what people have added.
 *
 * @param before The body as it is; undefined for a new ticket.
 */
export function bodyOf(content: TicketContent, before?: string): string {
  const { stack, error } = content;
  const key = keyOf(stack, error);
  const added = before === undefined ? "" : afterMark(before, end(key));
  return `${begin(key)}\n${written(content)}\n${end(key)}${added}`;
}

function written({ stack, timeZone, until, error }: TicketContent): string {
  const time = (at: Date): string => showWallClock(timeZone, at);
  return [
    `This request fails in the stack ${stack} week after week, says its weekly report of errors:`,
    "",
    fenced(error.request),
    "",
    `| Of the week until ${time(until)} (${timeZone}) | |`,
    "|---|---|",
    `| Status | ${error.status} |`,
    `| Failed requests | ${error.count} |`,
    `| First | ${time(new Date(error.first))} |`,
    `| Last | ${time(new Date(error.last))} |`,
    "",
    "The report brings this up to date while the error goes on, keeps what is written below, and opens the ticket again when the error comes back after it was closed. Closed as not planned, it stays closed.",
  ].join("\n");
}

function afterMark(body: string, mark: string): string {
  const at = body.indexOf(mark);
  return at === -1 ? "" : body.slice(at + mark.length);
}

export function reopenedText({ timeZone, error }: Pick<TicketContent, "timeZone" | "error">): string {
  return `It is back: ${error.count} failed requests in the last week, the last one at ${showWallClock(timeZone, new Date(error.last))} (${timeZone}).`;
}
