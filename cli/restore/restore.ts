import { z } from "zod";
import { messageOf, UserError } from "../errors";
import { formatHealth } from "../health";
import { ARCHIVE_SECONDS } from "../logs/keep";
import type { TableRows } from "./catalog";
import { type Journal, type Note, noteOf, parseNote } from "./journal";
import { nextStamp, replacedName, targetName, timeOf } from "./names";
import {
  ageOf,
  type BackupEntry,
  backupEntry,
  chooseBackup,
  momentOf,
  newestBefore,
  type Request,
  restoreQuestion,
} from "./plan";
import { compareRows, formatBytes, type RestoreSummary } from "./report";
import { complete, dropOrphans, findUnfinished, isSwapped, liveIn, settle } from "./settle";
import { commentSql, type DatabaseFacts, dropSql } from "./swap";
import type { Tools } from "./tools";

type RestoreRequest = Extract<Request, { what: "restore" }>;

/** What the container says of a load. */
const loaded = z.object({
  id: z.string().nullish(),
  createdAt: z.string(),
  target: z.string(),
  tables: z.number(),
  rows: z.number(),
  seconds: z.number(),
  timings: z.record(z.string(), z.number()).optional(),
});

/** What is going to be loaded, and what its uploads are. */
interface Source {
  /** For people: `backup ID`, or `the state`. */
  title: string;
  backup: Journal["backup"];
  /** Given to the container's `load`. */
  load: Record<string, unknown>;
  uploads?: { id: string; from: string };
  uploadsNote: string;
}

/**
 * Brings the application's data back to an earlier state: loaded into a database of its own and compared there, then put in
 * the current one's place, which is kept.
 *
 * @returns What was done; undefined when only a killed restore was put right, or when the question was answered with no.
 */
export async function restore(tools: Tools, request: Request): Promise<RestoreSummary | undefined> {
  const unfinished = await findUnfinished(tools);
  if (unfinished !== undefined) {
    tools.say(`restore: ${await settle(tools, unfinished)}`);
  }
  if (request.what === "settle") {
    if (unfinished === undefined) {
      throw new UserError(
        "restore: say what to restore: --latest, --id ID, --to-time TIME, or --undo for what the last one replaced",
        2,
      );
    }
    return undefined;
  }
  if (request.what === "restore") {
    return restoreBackup(tools, request);
  }
  if (unfinished !== undefined) {
    // What it was about may be another one than whoever asked had in mind.
    throw new UserError(
      `restore --${request.what}: a restore that had not ended was put right first: look at the stack, then run this again`,
    );
  }
  return request.what === "undo" ? undo(tools) : confirm(tools);
}

async function restoreBackup(tools: Tools, request: RestoreRequest): Promise<RestoreSummary | undefined> {
  const { stack, live } = tools;
  const catalog = await tools.server.catalog();
  liveIn(catalog, live, stack);
  const source = await findSource(tools, request);
  const question = restoreQuestion(stack, source.title, source.backup.createdAt, tools.now());
  if (!request.dryRun && !(await tools.ask(question))) {
    tools.say("restore: nothing was changed");
    return undefined;
  }
  for (const name of await dropOrphans(tools, catalog)) {
    tools.say(`restore: database ${name}, left by an earlier restore, was dropped`);
  }
  const stamp = nextStamp(tools.now(), stampsIn(catalog, live));
  const entry: Journal = {
    version: 1,
    kind: "restore",
    stack,
    live,
    target: targetName(live, stamp),
    replaced: replacedName(live, stamp),
    stamp,
    backup: source.backup,
    since: tools.now().toISOString(),
    step: "load",
    replicas: null,
    uploads: { way: source.uploads === undefined ? "keep" : "new" },
    rows: null,
  };
  const work = new Work(tools, entry);
  return work.guarded(async () => {
    await load(tools, work, source);
    return request.dryRun
      ? endDryRun(tools, work, source)
      : swapIn(tools, work, source.uploadsNote, (entry) => noteOf(entry, "unfinished"));
  });
}

async function findSource(tools: Tools, { choice, from }: RestoreRequest): Promise<Source> {
  const backups = z
    .array(backupEntry)
    .parse(await tools.ops("ops", ["backups"], { timeoutSeconds: 120 })) satisfies BackupEntry[];
  if (!("toTime" in choice)) {
    const { id, createdAt } = chooseBackup(backups, choice, from, tools.stack);
    return {
      title: `backup ${id}`,
      backup: { id, createdAt },
      load: { id, from },
      uploads: { id, from },
      uploadsNote: "those of the backup, the replaced ones are kept beside the database",
    };
  }
  const { toTime } = choice;
  const nearest = newestBefore(backups, toTime);
  // The log knows nothing of files. Those that are there have come since, and what is newer than the database does no harm;
  // on a new machine there are none.
  const wanted = nearest !== undefined && (await tools.uploads.isEmpty());
  return {
    title: "the state",
    backup: { id: null, createdAt: toTime },
    load: { toTime },
    ...(wanted && { uploads: { id: nearest.id, from } }),
    uploadsNote: wanted
      ? `those of backup ${nearest.id}, the nearest one before that time`
      : "left as they are, the log does not hold them",
  };
}

/** Loads a backup beside what is live. Nobody notices. */
async function load(tools: Tools, work: Work, source: Source): Promise<void> {
  work.enter({ step: "load" });
  const { target } = work.entry;
  await work.step("load and compare", async (detail) => {
    const password = await tools.password();
    const input = { ...source.load, target, host: "db", port: 5432, password };
    const answer = await tools.ops("restore", ["load"], {
      input: JSON.stringify(input),
      onLine: detail,
    });
    const result = loaded.safeParse(answer);
    if (!result.success) {
      throw new UserError(
        `restore load: answered something unexpected: its image and this checkout differ, run ./fitnesscrm up --stack ` +
          tools.stack,
      );
    }
    work.enter({
      step: "uploads",
      backup: { id: work.entry.backup.id, createdAt: result.data.createdAt },
      rows: await tools.server.rows(target),
    });
  });
  if (source.uploads !== undefined) {
    const { uploads } = source;
    await work.step("uploads", () => tools.uploads.stage(work.entry.stamp, uploads));
  }
}

async function endDryRun(tools: Tools, work: Work, source: Source): Promise<RestoreSummary> {
  const { entry } = work;
  const before = await tools.server.rows(tools.live);
  await tools.server.execute(`dropping ${entry.target}`, dropSql(entry.target));
  if (source.uploads !== undefined) {
    await tools.uploads.discard(entry.stamp);
  }
  tools.journal.remove();
  return work.summary("dry-run", before, null, "read and checked, not swapped");
}

/** The backend's containers go when it is stopped, and with them the log that may tell why all this is needed (M55). */
async function archiveLogs(tools: Tools): Promise<void> {
  try {
    await tools.ops("ops", ["run", "log-archive"], { timeoutSeconds: ARCHIVE_SECONDS });
  } catch (error) {
    tools.say(
      `restore: what the backend logged since the last archive goes with its containers: ${messageOf(error)}`,
    );
  }
}

/** Stops the application, puts the target in the live database's place, and starts the application again. */
async function swapIn(
  tools: Tools,
  work: Work,
  uploadsNote: string,
  noteOfTarget: (entry: Journal) => Note,
): Promise<RestoreSummary> {
  const { entry } = work;
  const replicas = await tools.backend.replicas();
  await archiveLogs(tools);
  tools.interruption.hold();
  work.enter({ step: "stop", replicas, since: tools.now().toISOString() });
  const mark = JSON.stringify(noteOfTarget(work.entry));
  await tools.server.execute(`comment of ${entry.target}`, commentSql(entry.target, mark));
  const stopped = performance.now();
  await work.step("stop the backend", () => tools.backend.stop());
  work.enter({ step: "swap" });
  await work.step("swap", async () => {
    const catalog = await tools.server.catalog();
    const target = catalog.find(({ name }) => name === entry.target);
    if (target === undefined) {
      throw new UserError(`database ${entry.target} is gone: somebody has dropped it`);
    }
    const live = liveIn(catalog, tools.live, tools.stack);
    const note = JSON.stringify(noteOf(work.entry, "unfinished"));
    await swapDatabases(tools, work.entry, { live, target, mark, note });
    await complete(tools, work.entry);
  });
  await work.step("health", (detail) => waitForHealth(tools, entry, replicas, detail));
  work.stoppedSeconds = (performance.now() - stopped) / 1000;
  const before = await tools.server.rows(entry.replaced);
  return work.summary(entry.kind, before, entry.replaced, uploadsNote);
}

/** An answer that got lost on its way is no failure: the server knows what was done. */
async function swapDatabases(
  tools: Tools,
  entry: Journal,
  { live, target, mark, note }: { live: DatabaseFacts; target: DatabaseFacts; mark: string; note: string },
): Promise<void> {
  try {
    await tools.server.swap({ live, target, replaced: entry.replaced, mark, note });
  } catch (error) {
    if (!(error instanceof UserError) || !isSwapped(await tools.server.catalogWithin(60), entry)) {
      throw error;
    }
  }
}

async function waitForHealth(
  tools: Tools,
  entry: Journal,
  replicas: number,
  detail: (text: string) => void,
): Promise<void> {
  if (replicas === 0) {
    detail("the backend was stopped before, and still is");
    return;
  }
  const health = await tools.health(detail);
  if (!health.healthy) {
    tools.say(formatHealth(health));
    throw new UserError(
      `stack ${tools.stack} holds the restored data but is not healthy: see the lines above; ./fitnesscrm restore --undo ` +
        `goes back to ${entry.replaced}`,
    );
  }
}

/** Databases that restores of `live` have put aside, oldest first. */
function keptIn(catalog: readonly DatabaseFacts[], live: string): { database: DatabaseFacts; note: Note }[] {
  return catalog
    .flatMap((database) => {
      const note = parseNote(database.comment);
      return note?.live === live && database.name === replacedName(live, note.stamp)
        ? [{ database, note }]
        : [];
    })
    .sort((a, b) => a.note.stamp.localeCompare(b.note.stamp));
}

function stampsIn(catalog: readonly DatabaseFacts[], live: string): string[] {
  return keptIn(catalog, live).map(({ note }) => note.stamp);
}

async function undo(tools: Tools): Promise<RestoreSummary | undefined> {
  const { stack, live } = tools;
  const catalog = await tools.server.catalog();
  liveIn(catalog, live, stack);
  const last = keptIn(catalog, live).at(-1);
  if (last === undefined) {
    throw new UserError(`restore --undo: stack ${stack} keeps no replaced database: nothing to go back to`);
  }
  const { note, database } = last;
  if (note.uploads && !(await tools.uploads.kept()).some((kept) => kept.stamp === note.stamp)) {
    throw new UserError(
      `restore --undo: the uploads that belong to ${database.name} are gone from volume ${tools.uploads.volume}: ` +
        "restore a backup instead",
    );
  }
  const question =
    `Put database ${database.name} and its uploads back as stack ${stack}'s data (they were replaced by the ${note.kind} ` +
    `to ${note.backup.id ?? momentOf(note.backup.createdAt)})? What was written since then is lost to the application ` +
    "(it is kept until `./fitnesscrm restore --confirm`).";
  if (!(await tools.ask(question))) {
    tools.say("restore: nothing was changed");
    return undefined;
  }
  const stamp = nextStamp(tools.now(), stampsIn(catalog, live));
  const entry: Journal = {
    version: 1,
    kind: "undo",
    stack,
    live,
    target: database.name,
    replaced: replacedName(live, stamp),
    stamp,
    backup: note.backup,
    since: tools.now().toISOString(),
    step: "uploads",
    replicas: null,
    uploads: note.uploads ? { way: "kept", stamp: note.stamp } : { way: "keep" },
    rows: null,
  };
  const work = new Work(tools, entry);
  return work.guarded(async () => {
    work.enter({ rows: await tools.server.rows(database.name) });
    const uploadsNote = note.uploads ? "those of that time" : "left as they are, they were not replaced";
    // Called off, the database is still what it was: its own note stays.
    return swapIn(tools, work, uploadsNote, (unfinished) => ({
      ...note,
      unfinished: { ...unfinished, rows: null },
    }));
  });
}

async function confirm(tools: Tools): Promise<undefined> {
  const kept = keptIn(await tools.server.catalog(), tools.live);
  const uploads = await tools.uploads.kept();
  const names = [
    ...kept.map(
      ({ database, note }) =>
        `database ${database.name} (${formatBytes(database.bytes)}, replaced ${ageOf(timeOf(note.stamp), tools.now())} ago)`,
    ),
    ...uploads.map(({ stamp, bytes }) => `uploads .replaced-${stamp} (${formatBytes(bytes)})`),
  ];
  if (names.length === 0) {
    tools.say(`restore: stack ${tools.stack} keeps nothing of an earlier restore`);
    return undefined;
  }
  const question = `Drop for good what restores of stack ${tools.stack} have put aside: ${names.join(", ")}?`;
  if (!(await tools.ask(question))) {
    tools.say("restore: nothing was dropped");
    return undefined;
  }
  for (const { database } of kept) {
    await tools.server.execute(`dropping ${database.name}`, dropSql(database.name));
  }
  for (const { stamp } of uploads) {
    await tools.uploads.drop(stamp);
  }
  tools.say(`restore: dropped ${names.join(", ")}`);
  return undefined;
}

/** One restore under way: its journal, its times, and what becomes of it when a part fails. */
class Work {
  stoppedSeconds = 0;
  private readonly started = performance.now();
  private readonly steps: RestoreSummary["steps"] = [];

  constructor(
    private readonly tools: Tools,
    public entry: Journal,
  ) {}

  /** Writes down what is going to be done. @throws UserError when it was interrupted and nothing has changed yet. */
  enter(change: Partial<Journal>): void {
    const { held } = this.tools.interruption;
    if (held !== undefined) {
      throw new UserError(`was interrupted by ${held}`);
    }
    this.entry = { ...this.entry, ...change };
    this.tools.journal.write(this.entry);
  }

  async step<T>(name: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T> {
    const step = this.tools.reporter.step(name);
    const started = performance.now();
    try {
      const result = await work((text) => step.detail(text));
      step.done();
      this.steps.push({ name, seconds: (performance.now() - started) / 1000 });
      return result;
    } catch (error) {
      step.fail("see below");
      throw error;
    }
  }

  /** Runs all of it. What fails is reversed, or finished where the databases have changed places already. */
  async guarded(work: () => Promise<RestoreSummary>): Promise<RestoreSummary> {
    try {
      return await work();
    } catch (error) {
      const pending = this.tools.journal.read();
      if (pending === undefined) {
        // It has come to its end: what failed is the look at it afterwards.
        throw error;
      }
      throw new UserError(`restore: ${messageOf(error)}: ${await this.afterFailure(pending)}`);
    } finally {
      this.tools.interruption.release();
    }
  }

  private async afterFailure(pending: Journal): Promise<string> {
    try {
      return await settle(this.tools, pending);
    } catch (error) {
      // Whatever else is wrong: the backend gets its tasks back.
      await this.tools.backend.start(pending.replicas ?? 0).catch(() => undefined);
      return `and putting it right failed as well (${messageOf(error)}): run ./fitnesscrm restore, which goes on with it`;
    }
  }

  summary(
    kind: RestoreSummary["kind"],
    before: readonly TableRows[],
    replaced: string | null,
    uploads: string,
  ): RestoreSummary {
    const { stack, backup, rows } = this.entry;
    return {
      stack,
      kind,
      id: backup.id,
      createdAt: backup.createdAt,
      seconds: (performance.now() - this.started) / 1000,
      stoppedSeconds: this.stoppedSeconds,
      steps: this.steps,
      tables: compareRows(before, rows ?? []),
      replaced,
      uploads,
    };
  }
}
