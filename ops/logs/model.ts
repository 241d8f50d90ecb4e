/** What is archived of the services' logs, and under which names: pure, and shared with the launcher. */
import { z } from "zod";
import { SERVICES, type ServiceName } from "../../serviceNames";

/** A line of a service's log, as the archive has it: one JSON object a line. */
export interface LogLine {
  /** UTC with nanoseconds, `2026-11-26T10:00:00.123456789Z`: its order as text is its order in time. */
  readonly time: string;
  /** Id of the Swarm task that wrote it. */
  readonly task: string;
  readonly stream: "stdout" | "stderr";
  /** Without its end. A line of more than 16 KiB is several, as the engine keeps it. */
  readonly line: string;
}

export const logLine: z.ZodType<LogLine> = z.object({
  time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
  task: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  line: z.string(),
});

/** Everything that a service wrote from one moment until before another: one object of the bucket. Milliseconds since 1970. */
export interface Segment {
  readonly service: ServiceName;
  readonly from: number;
  readonly to: number;
}

/** What is asked of the archive. */
export const logRequest = z.strictObject({
  /** All where it is left out. */
  service: z.enum(SERVICES).optional(),
  /** Milliseconds since 1970. */
  since: z.int().min(0),
  /** Lines of this moment are no part of it any more. */
  until: z.int().min(0),
  /** A regular expression that a line has to match. */
  grep: z.string().optional(),
});
export type LogRequest = z.infer<typeof logRequest>;

const segment = z.object({ service: z.enum(SERVICES), from: z.int(), to: z.int() });

/** The answer, one document a line: what there is, then the lines of each segment and a mark at its end, in that order. */
export const archiveAnswer = z.union([
  z.strictObject({ segments: z.array(segment) }),
  z.strictObject({ service: z.enum(SERVICES), time: z.string(), line: z.string() }),
  z.strictObject({ done: z.int().min(0) }),
]);
export type ArchiveAnswer = z.infer<typeof archiveAnswer>;

const SUFFIX = ".jsonl.zst.age";
const KEY = /^\d{4}\/\d\d\/\d\d\/([a-z]+)-(\d{8}T\d{9}Z)-(\d{8}T\d{9}Z)\.jsonl\.zst\.age$/;

/** Object of a segment below the prefix of logs, filed under the day (UTC) of its last line. */
export function keyOf({ service, from, to }: Segment): string {
  const day = new Date(to - 1).toISOString().slice(0, 10).replaceAll("-", "/");
  return `${day}/${service}-${stamp(from)}-${stamp(to)}${SUFFIX}`;
}

/** The segment that an object holds; undefined for a name that is none of ours. */
export function segmentOf(key: string): Segment | undefined {
  const [, name, from = "", to = ""] = KEY.exec(key) ?? [];
  const service = SERVICES.find((one) => one === name);
  const moments = [from, to].map((text) =>
    Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/, "$1-$2-$3T$4:$5:$6.$7Z")),
  );
  const [first = Number.NaN, last = Number.NaN] = moments;
  return service !== undefined && first < last ? { service, from: first, to: last } : undefined;
}

function stamp(moment: number): string {
  return new Date(moment).toISOString().replace(/[-:.]/g, "");
}

/** Until when a service's log is archived: where the next segment begins. 0 for one that never was. */
export function archivedUntil(segments: readonly Segment[], service: ServiceName): number {
  return Math.max(0, ...segments.filter((one) => one.service === service).map(({ to }) => to));
}

/** The segments that hold what is asked for, by their beginning. */
export function segmentsFor(
  segments: readonly Segment[],
  { service, since, until }: Pick<LogRequest, "service" | "since" | "until">,
): Segment[] {
  return segments
    .filter((one) => (service === undefined || one.service === service) && one.from < until && since < one.to)
    .sort(
      (a, b) => a.from - b.from || a.to - b.to || SERVICES.indexOf(a.service) - SERVICES.indexOf(b.service),
    );
}

/** Whether a line's moment lies in a segment. */
export function covers({ from, to }: Pick<Segment, "from" | "to">, time: string): boolean {
  return fixed(from) <= time && time < fixed(to);
}

/** A moment as the times of lines are written. */
export function fixed(moment: number): string {
  return new Date(moment).toISOString().replace(/Z$/, "000000Z");
}

/** A time of the engine's as lines have it; undefined for what is none. */
export function normalTime(text: string): string | undefined {
  const [, seconds, fraction = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text) ?? [];
  return seconds === undefined ? undefined : `${seconds}.${fraction.padEnd(9, "0")}Z`;
}

/** A line that the engine gives with its time before it. */
export function timedLine(text: string): { time: string; line: string } | undefined {
  const space = text.indexOf(" ");
  const time = normalTime(space === -1 ? text : text.slice(0, space));
  return time === undefined ? undefined : { time, line: space === -1 ? "" : text.slice(space + 1) };
}
