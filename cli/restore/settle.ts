import { UserError } from "../errors";
import { type Journal, noteOf, parseNote } from "./journal";
import { isTargetOf, stampOf } from "./names";
import { allowSql, type DatabaseFacts, dropSql, keepSql } from "./swap";
import type { Tools } from "./tools";

/** How long a database server that is just starting may take to answer, seconds. */
const SERVER_SECONDS = 60;

/** From another machine nobody sees whether a restore still runs. After this long, minutes, it is taken for ended. */
const FOREIGN_MINUTES = 15;
/** What was loaded this many hours ago and is still there is nobody's any more. */
const ORPHAN_HOURS = 24;

/**
 * The restore that did not end: by this machine's journal, else by what the databases' own comments say, where it was run on
 * another machine.
 *
 * @throws UserError when another machine has begun it a moment ago.
 */
export async function findUnfinished(tools: Tools): Promise<Journal | undefined> {
  const mine = tools.journal.read();
  if (mine !== undefined) {
    return mine;
  }
  const foreign = unfinishedIn(await tools.server.catalog(), tools.live);
  if (foreign !== undefined && isYoungerThan(foreign.since, FOREIGN_MINUTES, tools.now())) {
    throw new UserError(
      `stack ${tools.stack} is being restored from another machine since ${foreign.since}: wait for it to end; ` +
        `${FOREIGN_MINUTES} minutes after that time this command takes it for ended and puts right what it left`,
    );
  }
  return foreign;
}

function isYoungerThan(iso: string, minutes: number, now: Date): boolean {
  return now.getTime() - Date.parse(iso) < minutes * 60_000;
}

function unfinishedIn(catalog: readonly DatabaseFacts[], live: string): Journal | undefined {
  return catalog
    .map(({ comment }) => parseNote(comment)?.unfinished ?? undefined)
    .find((entry) => entry?.live === live);
}

/**
 * Finishes a restore whose swap was done, and reverses any other: afterwards the database and the uploads belong together, the
 * backend has its tasks, and nothing is left of what was given up.
 *
 * @returns One line of what was done.
 */
export async function settle(tools: Tools, entry: Journal): Promise<string> {
  let catalog: DatabaseFacts[];
  try {
    catalog = await tools.server.catalogWithin(SERVER_SECONDS);
  } catch (error) {
    // Nothing can be put right without the server, but the application must not stay away because of that.
    await tools.backend.start(entry.replicas ?? 0).catch(() => undefined);
    throw error;
  }
  if (isSwapped(catalog, entry)) {
    await moveForward(tools, entry);
    return `the ${titleOf(entry)} that was ended after the swap was finished`;
  }
  const undone = await moveBack(tools, entry, catalog);
  return `the ${titleOf(entry)} that was ended before the swap was reversed${undone}: nothing has changed`;
}

/** Whether the databases have changed places. The server alone knows, whatever the journal had come to. */
export function isSwapped(catalog: readonly DatabaseFacts[], { replaced }: Journal): boolean {
  return catalog.some(({ name }) => name === replaced);
}

async function moveForward(tools: Tools, entry: Journal): Promise<void> {
  if (entry.step === "finish") {
    await finish(tools, entry);
    return;
  }
  // Somebody may have started the backend meanwhile, with another number of tasks.
  const current = await tools.backend.replicas();
  await complete(tools, { ...entry, replicas: current > 0 ? current : entry.replicas });
}

/** From the swap to the end. Every part of it may have been done already. */
export async function complete(tools: Tools, entry: Journal): Promise<void> {
  tools.journal.write(entry);
  if ((await tools.backend.replicas()) > 0) {
    await tools.backend.stop();
  }
  if (entry.uploads.way !== "keep") {
    await tools.uploads.swap(entry.stamp, entry.uploads.way === "kept" ? entry.uploads.stamp : undefined);
  }
  const last: Journal = { ...entry, step: "finish" };
  tools.journal.write(last);
  await finish(tools, last);
}

async function finish(tools: Tools, entry: Journal): Promise<void> {
  await tools.backend.start(entry.replicas ?? 0);
  const note = JSON.stringify(noteOf(entry, "finished"));
  await tools.server.execute(`comment of ${entry.replaced}`, keepSql(entry.replaced, note));
  tools.journal.remove();
}

async function moveBack(tools: Tools, entry: Journal, catalog: readonly DatabaseFacts[]): Promise<string> {
  const notes: string[] = [];
  const target = catalog.find(({ name }) => name === entry.target);
  // First of all, so that a swap that is still on its way into the server finds itself called off.
  if (target !== undefined && entry.kind === "restore") {
    await tools.server.execute(`dropping ${target.name}`, dropSql(target.name));
    notes.push(`database ${target.name} was dropped`);
  }
  if (target !== undefined && entry.kind === "undo") {
    const note = parseNote(target.comment);
    if (note !== undefined) {
      const kept = JSON.stringify({ ...note, unfinished: null });
      await tools.server.execute(`comment of ${target.name}`, keepSql(target.name, kept));
    }
  }
  const live = catalog.find(({ name }) => name === entry.live);
  if (live !== undefined && !live.allowConnections) {
    await tools.server.execute(`opening ${live.name}`, allowSql(live.name));
  }
  if (entry.replicas !== null && entry.replicas > 0 && (await tools.backend.replicas()) === 0) {
    await tools.backend.start(entry.replicas);
    notes.push("the backend was started");
  }
  if (entry.uploads.way === "new") {
    await tools.uploads.discard(entry.stamp);
  }
  tools.journal.remove();
  return notes.length === 0 ? "" : ` (${notes.join(", ")})`;
}

/** Drops what a restore loaded whose journal is lost. @returns Names. */
export async function dropOrphans(tools: Tools, catalog: readonly DatabaseFacts[]): Promise<string[]> {
  const limit = stampOf(new Date(tools.now().getTime() - ORPHAN_HOURS * 3_600_000));
  const names = catalog
    .map(({ name }) => name)
    .filter((name) => isTargetOf(tools.live, name) && name.slice(-limit.length) < limit);
  for (const name of names) {
    await tools.server.execute(`dropping ${name}`, dropSql(name));
  }
  return names;
}

/** @throws UserError when the application's database is missing. */
export function liveIn(catalog: readonly DatabaseFacts[], live: string, stack: string): DatabaseFacts {
  const found = catalog.find(({ name }) => name === live);
  if (found === undefined) {
    throw new UserError(
      `database ${live} does not exist: run ./fitnesscrm up --refresh --stack ${stack} first, which makes it`,
    );
  }
  return found;
}

function titleOf({ kind, backup }: Journal): string {
  const what = backup.id ?? backup.createdAt;
  return kind === "undo" ? `undoing of the restore to ${what}` : `restore to ${what}`;
}
