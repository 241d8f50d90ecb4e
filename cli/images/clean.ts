import type { Reporter } from "../../toolchain";
import { messageOf, UserError } from "../errors";
import { takeLock } from "../lock";
import { moment } from "../logs";
import { openSession, type Session } from "../session";
import { columns, size } from "../table";
import { CACHE_DAYS, pruneBuildCache, removeImage, titleOf, viewEngine, weighImage } from "./engine";
import { freedBytes, type Weighed } from "./layers";
import { mayHaveOld, needsOf, needsOfOthers } from "./needs";
import { type EngineImage, isPublished, type Needs, removable } from "./removable";

export interface CleanOptions {
  stack: string;
  dryRun?: boolean;
  olderThan: string;
  buildCache?: boolean;
  json?: boolean;
}

/** What `./fitnesscrm images clean --json` prints. */
export interface Cleaning {
  readonly stack: string;
  /** Nothing was removed: it says what would be. */
  readonly dryRun: boolean;
  readonly removed: readonly { id: string; name: string; bytes: number }[];
  readonly freedBytes: number;
  /** Images of the stack that nothing runs and that stay, since a rollback or the next build may want them. */
  readonly kept: number;
  /** One line for whatever stays for another reason. */
  readonly notes: readonly string[];
  /** What the builder's cache gave back, in the engine's words; null where it was left alone. */
  readonly buildCache: string | null;
}

/** What an update that another one runs beside may have built and not started yet. */
export const YOUNG = "1h";

/** `./fitnesscrm images clean` (M55). */
export async function cleanImages(options: CleanOptions): Promise<void> {
  const { stack, dryRun = false, json } = options;
  const before = moment("--older-than", options.olderThan, Date.now());
  const session = openSession(stack);
  const problem = await session.docker.problem();
  if (problem !== undefined) {
    throw new UserError(`images clean: ${problem}: start it and run this again; nothing was changed`);
  }
  // Who only looks disturbs nobody, and need not wait.
  const release = dryRun
    ? async () => {}
    : await takeLock(session.context.folder, `fitnesscrm images clean --stack ${stack}`);
  try {
    const cleaning = await clean(session, { before, dryRun });
    const all = options.buildCache ? await withBuildCache(session, cleaning) : cleaning;
    process.stdout.write(`${json ? JSON.stringify(all, null, 2) : formatCleaning(all)}\n`);
  } finally {
    await release();
  }
}

/** Whose the cache is cannot be told, and it costs only time: it goes when it is asked for. */
async function withBuildCache({ docker }: Session, cleaning: Cleaning): Promise<Cleaning> {
  return cleaning.dryRun
    ? {
        ...cleaning,
        notes: [...cleaning.notes, `what the builder's cache did not use for ${CACHE_DAYS} days would go`],
      }
    : { ...cleaning, buildCache: await pruneBuildCache(docker) };
}

/**
 * The same after an update that succeeded: what it has replaced is one release older now. Whatever goes wrong is one line, since the
 * update itself is over and well.
 */
export async function cleanAfterUpdate(session: Session, reporter: Reporter): Promise<void> {
  const step = reporter.step("old images");
  try {
    const before = moment("--older-than", YOUNG, Date.now());
    const { removed, freedBytes: freed } = await clean(session, { before, isHurried: true });
    step.done(removed.length === 0 ? undefined : `${removed.length} removed, ${size(freed)}`);
  } catch (error) {
    const option = session.context.stack === "local" ? "" : ` --stack ${session.context.stack}`;
    step.fail(`they stay: ${messageOf(error)}; ./fitnesscrm images clean${option} tries it again`);
  }
}

interface How {
  /** Milliseconds since 1970: younger images stay. */
  before: number;
  dryRun?: boolean;
  /** Leaves alone what only a look into a long history could tell. */
  isHurried?: boolean;
}

const NO_NEEDS: Needs = { references: [], repositories: [] };

/** @param ask For tests. */
export async function clean(
  session: Session,
  { before, dryRun = false, isHurried = false }: How,
  ask = { needsOf, needsOfOthers },
): Promise<Cleaning> {
  const { stack } = session.context;
  const { images, used, stacks } = await viewEngine(session.docker);
  const nothing = { stack, dryRun, removed: [], freedBytes: 0, kept: 0, notes: [], buildCache: null };
  // Of published images only the history can tell whose they are.
  const published = images.filter(isPublished).flatMap(({ digests }) => digests);
  const machine = { references: used, repositories: [] };
  const unused = removable(images, { stack, before, past: published }, machine);
  if (unused.length === 0 || (isHurried && !mayHaveOld(unused.filter(isOfRelease(session.config))))) {
    return { ...nothing, kept: unused.filter((image) => !isPublished(image)).length };
  }
  const otherStacks = stacks.filter((other) => other !== stack);
  const [own, others] = await Promise.all([
    ask.needsOf(session, unused),
    ask.needsOfOthers(otherStacks, session.config),
  ]);
  const candidates = { stack, before, past: own.past };
  const references = [...own.references, ...others.references];
  const { repositories, published: keepsPublished } = others;
  const old = removable(unused, candidates, { references, repositories, published: keepsPublished });
  const going = await Promise.all(old.map((image) => weighImage(session.docker, image)));
  const { gone, notes } = dryRun ? { gone: going, notes: [] } : await removeAll(session, going);
  return {
    ...nothing,
    ...weighed(gone, images),
    kept: removable(unused, candidates, NO_NEEDS).length - old.length,
    notes: [...others.notes, ...notes],
  };
}

/** Other applications on the machine have pulled images of their own, which no history of ours knows. */
function isOfRelease({ app }: Session["config"]): (image: EngineImage) => boolean {
  const names = [app.backendImage, app.frontendImage].map((reference) => reference?.split("@")[0]);
  return (image) =>
    !isPublished(image) || image.digests.some((digest) => names.includes(digest.split("@")[0]));
}

function weighed(
  gone: readonly Weighed[],
  images: readonly EngineImage[],
): Pick<Cleaning, "removed" | "freedBytes"> {
  const ids = new Set(gone.map(({ image }) => image.id));
  const staying = images.filter(({ id }) => !ids.has(id));
  const bytes = freedBytes(gone, staying);
  return {
    removed: gone.map(({ image }, index) => ({
      id: image.id,
      name: titleOf(image),
      bytes: bytes[index] ?? 0,
    })),
    freedBytes: bytes.reduce((sum, each) => sum + each, 0),
  };
}

/** One after the other: an image goes only after those that were built on it. */
async function removeAll(
  { docker }: Session,
  going: readonly Weighed[],
): Promise<{ gone: Weighed[]; notes: string[] }> {
  const gone: Weighed[] = [];
  const notes: string[] = [];
  for (const one of going) {
    const why = await removeImage(docker, one.image);
    if (why === undefined) {
      gone.push(one);
    } else {
      notes.push(`${titleOf(one.image)} stays: ${why}`);
    }
  }
  return { gone, notes };
}

export function formatCleaning({
  stack,
  dryRun,
  removed,
  freedBytes: freed,
  kept,
  notes,
  buildCache,
}: Cleaning): string {
  const rows = removed.map(({ name, bytes }) => [name, size(bytes)]);
  const count = `${removed.length} ${removed.length === 1 ? "image" : "images"}`;
  const head =
    removed.length === 0
      ? `Stack ${stack} has no old images.`
      : `${dryRun ? "Would remove" : "Removed"} ${count} of stack ${stack}, ${size(freed)}:`;
  return [
    head,
    ...(rows.length > 0 ? columns(["IMAGE", "FREES"], rows).map((line) => `  ${line}`) : []),
    ...(kept > 0
      ? [`${kept} more that nothing runs ${kept === 1 ? "stays" : "stay"}, for a rollback or the next build.`]
      : []),
    ...notes,
    ...(buildCache === null ? [] : [`The builder's cache gave back ${buildCache}.`]),
  ].join("\n");
}
