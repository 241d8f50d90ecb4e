import { z } from "zod";
import { type Announcement, announcement, toldText } from "../ops/window/announcement";
import { type WindowJournal, windowJournal } from "../ops/window/journal";
import { showWallClock } from "../wallClock";
import type { DockerHost } from "./docker";
import { messageOf, UserError } from "./errors";
import { runInOps } from "./ops";
import { formatWindows, type WindowTimes, windowTimes } from "./schedule";
import { columns } from "./table";

/** What `window --json` prints. */
export interface WindowOverview {
  /** IANA zone of the windows. */
  zone: string;
  /** The windows that come next, an open one first. */
  next: WindowTimes[];
  /** The last window, or the rehearsal after it; null before the first, or where ops does not answer. */
  last: WindowJournal | null;
  /** The notice of the first of the next windows (M38); null where none was begun, absent where ops does not answer. */
  notice?: Announcement | null;
}

const NEXT = 3;
const ANSWER_SECONDS = 60;

/**
 * Windows from the calendar, and how the last one went from ops.
 *
 * @returns The overview, and one line where ops did not answer.
 */
export async function windowOverview(
  docker: DockerHost,
  stack: string,
  zone: string,
  now: Date,
): Promise<{ overview: WindowOverview; problem: string | undefined }> {
  const next = windowTimes(zone, now, NEXT);
  try {
    const answer = await runInOps(docker, stack, "ops", ["window"], { timeoutSeconds: ANSWER_SECONDS });
    return { overview: { zone, next, ...parseAnswer(answer) }, problem: undefined };
  } catch (error) {
    return { overview: { zone, next, last: null }, problem: messageOf(error) };
  }
}

function parseAnswer(answer: unknown): { last: WindowJournal | null; notice: Announcement | null } {
  const parsed = z
    .strictObject({ last: windowJournal.nullable(), notice: announcement.nullable() })
    .safeParse(answer);
  if (!parsed.success) {
    throw new UserError(
      "ops window: its answer is not what this checkout expects: their versions differ, run ./fitnesscrm up",
    );
  }
  return parsed.data;
}

export function formatWindow({ zone, next, last, notice }: WindowOverview, now: Date): string {
  const [first] = next;
  return [
    formatWindows(zone, next),
    ...(notice === undefined || first === undefined ? [] : [formatNotice(notice, first, zone, now)]),
    last === null ? "no window has run yet" : formatJournal(last, zone),
  ].join("\n");
}

/** What became of the notice of a window, in one line. */
export function formatNotice(
  notice: Announcement | null,
  { notice: due, from }: WindowTimes,
  zone: string,
  now: Date,
): string {
  const window = `notice of the window ${showWallClock(zone, new Date(from))}`;
  if (notice === null) {
    return now < new Date(due)
      ? `${window}: not sent yet`
      : `${window}: was never sent by mail: ./fitnesscrm tasks run maintenance-notice sends it`;
  }
  const { state, mail, startedAt, clearedAt } = notice;
  const at = showWallClock(zone, new Date(startedAt));
  const how = !mail && state === "announced" ? "by banner and status page" : toldText(notice);
  const cleared = clearedAt === null ? "" : `; cleared ${showWallClock(zone, new Date(clearedAt))}`;
  return `${window}: ${state} ${at}: ${how}${cleared}`;
}

/** A journal for people, a step a line. */
export function formatJournal(
  { window, state, steps, rehearsal, reason }: WindowJournal,
  zone: string,
): string {
  const from = showWallClock(zone, new Date(window.from));
  const head = `last ${rehearsal ? "rehearsal" : "window"} (${from}): ${state}${reason === "" ? "" : `: ${reason}`}`;
  const rows = steps.map(({ name, startedAt, endedAt, result, detail }) => [
    name,
    result ?? "running",
    endedAt === null ? "" : `${((Date.parse(endedAt) - Date.parse(startedAt)) / 1000).toFixed(1)} s`,
    detail,
  ]);
  return rows.length === 0 ? head : [head, ...columns(["STEP", "RESULT", "TOOK", "DETAIL"], rows)].join("\n");
}
