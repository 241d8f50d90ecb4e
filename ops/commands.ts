/** The command line inside the containers, which the launcher speaks by `docker exec`. */

import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { nextWindow, windowAt } from "../maintenanceWindow";
import { audits } from "./audits/store";
import { listBackups } from "./backup/backup";
import { deployments } from "./deployments/command";
import { reasonOf } from "./health";
import { incidents } from "./incidents/command";
import { logRequest } from "./logs/model";
import { readLogs } from "./logs/read";
import { program } from "./program";
import { REPORT_KINDS } from "./reports/model";
import { reportPlaces, showReport } from "./reports/open";
import { load } from "./restore/load";
import { loadToTime } from "./restore/pointInTime";
import { uploads } from "./restore/uploads";
import { type Announcement, readAnnouncement } from "./window/announcement";
import { readLastRun } from "./window/journal";

const from = z.enum(["local", "s3", "any"]).default("any");
const target = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be a lower-case identifier");
const server = { target, host: z.string().min(1), port: z.int(), password: z.string().min(1) };
const loadInput = z.union([
  z.strictObject({ toTime: z.string(), ...server }),
  z.strictObject({ id: z.string().optional(), latest: z.literal(true).optional(), from, ...server }),
]);
const uploadsInput = z.strictObject({ id: z.string(), from });

export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Runs one command: input as JSON on standard input, the result as one JSON document on standard output, progress and, as the last
 * line, `ops: REASON` on standard error.
 *
 * @returns The exit code.
 */
export async function dispatch(
  argv: readonly string[],
  streams: Streams,
  signal: AbortSignal,
): Promise<number> {
  const log = (line: string): void => void streams.stderr.write(`${line}\n`);
  try {
    const answer = await answerTo(argv, streams, { signal, log });
    if (answer !== undefined) {
      streams.stdout.write(`${JSON.stringify(answer)}\n`);
    }
    return 0;
  } catch (error) {
    log(`ops: ${reasonOf(error)}`);
    return 1;
  }
}

interface Context {
  readonly signal: AbortSignal;
  log(line: string): void;
}

async function answerTo(
  [command, ...args]: readonly string[],
  streams: Streams,
  context: Context,
): Promise<unknown> {
  const { settings, places, scheduler, windows } = await program();
  switch (command) {
    case "tasks":
      return scheduler.status();
    case "window":
      return { last: await readLastRun(windows), notice: await noticeOfNext(windows, settings.timeZone) };
    case "backups":
      return listBackups(settings);
    case "run":
      return runTask(args, scheduler, context);
    case "load": {
      const input = parse(loadInput, await text(streams.stdin));
      return "toTime" in input
        ? loadToTime(settings, input, context)
        : load(settings, input, context, places);
    }
    case "uploads": {
      const input = parse(uploadsInput, await text(streams.stdin));
      await uploads(settings, input, streams.stdout, context, places);
      return undefined;
    }
    case "report": {
      const kind = REPORT_KINDS.find((one) => one === args[0]);
      if (kind === undefined || args.length > 1) {
        throw new Error(`report takes one of ${REPORT_KINDS.join(", ")}`);
      }
      const { report, text: plain, html } = await showReport(kind, settings, reportPlaces(), context);
      return { report, text: plain, html };
    }
    case "logs":
      await readLogs(settings, parse(logRequest, await text(streams.stdin)), streams.stdout, context, places);
      return undefined;
    case "deployments":
      return deployments(
        args,
        { settings, secrets: places.secrets, options: context },
        places.backups,
        async (schema) => parse(schema, await text(streams.stdin)),
      );
    case "incidents":
      return incidents(args, { settings, secrets: places.secrets, options: context }, async (schema) =>
        parse(schema, await text(streams.stdin)),
      );
    case "audits":
      return audits(args, { settings, secrets: places.secrets, options: context }, async (schema) =>
        parse(schema, await text(streams.stdin)),
      );
    default:
      throw new Error(
        `${JSON.stringify(command)} is no command: there are tasks, window, backups, run NAME, load, uploads, report KIND, logs, deployments, incidents and audits`,
      );
  }
}

/** The notice of the window that is open, or of the next one. */
function noticeOfNext(windows: string, zone: string): Promise<Announcement | null> {
  const now = new Date();
  return readAnnouncement(windows, (windowAt(now, zone) ?? nextWindow(now, zone)).from);
}

async function runTask(
  args: readonly string[],
  scheduler: Awaited<ReturnType<typeof program>>["scheduler"],
  { signal, log }: Context,
): Promise<unknown> {
  const [name, option, label, ...more] = args;
  if (
    name === undefined ||
    (option !== undefined && (option !== "--label" || label === undefined)) ||
    more.length > 0
  ) {
    throw new Error("run takes a task's name and --label LABEL");
  }
  const stop = (): void => void scheduler.stop();
  signal.addEventListener("abort", stop, { once: true });
  const record = await scheduler.runNow(name, { by: "operator", ...(label !== undefined && { label }) }, log);
  if (record.result !== "ok") {
    throw new Error(record.reason);
  }
  return record;
}

function parse<T>(schema: z.ZodType<T>, input: string): T {
  let json: unknown;
  try {
    json = JSON.parse(input);
  } catch {
    // What came is not shown: it may hold a password.
    throw new Error("JSON is expected on standard input");
  }
  const result = schema.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new Error(`the input is not valid: ${issue?.path.join(".") || "it"}: ${issue?.message}`);
  }
  return result.data;
}
