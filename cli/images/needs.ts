import type { Config } from "../../config";
import { readAttempt } from "../deploy/record";
import { messageOf, UserError } from "../errors";
import type { StackState } from "../pulumi";
import { builtImage } from "../recovery";
import { openHistory } from "../releases/history";
import { type ReleaseEntry, releasesIn } from "../releases/list";
import { isSameContent, type PastRelease, RELEASED } from "../releases/release";
import { openSession, type Session } from "../session";
import { type EngineImage, isPublished, type Needs } from "./removable";

/** Releases before the one that is live whose images stay, so that a rollback to them needs neither a build nor a registry. */
export const KEPT_RELEASES = 5;

/** How far back the history is searched for what old images were; each release costs a look into an old state. */
const SEARCHED_RELEASES = 50;

/** What stacks share that no service of theirs may name: an earlier release's nginx, and what the next build starts from. */
const SHARED = ["fitnesscrm/nginx", "fitnesscrm/packages"] as const;

/** {@link Needs} of a stack, and what it has run that no rollback reaches without a registry any more. */
export interface StackNeeds {
  references: string[];
  past: string[];
}

/** @param unused Images that nothing runs: the history is read as far as it takes to know those that were pulled. */
export async function needsOf(session: Session, unused: readonly EngineImage[]): Promise<StackNeeds> {
  const { config, context, docker, pulumi } = session;
  const [state, record, history] = await Promise.all([
    pulumi.exportState(),
    readAttempt(docker, context.stack),
    openHistory(pulumi),
  ]);
  if (state === undefined) {
    // Nothing found is not nothing needed: a shell may name the backend of another stack.
    throw new UserError(
      `stack ${context.stack} is not where its state is looked for: see PULUMI_BACKEND_URL and pulumi login`,
    );
  }
  const { kept, past } = await readKept(releasesIn(history), unused.filter(isPublished));
  return {
    references: [
      ...kept,
      ...imagesOf(state),
      ...Object.values(record?.live?.images ?? {}),
      ...Object.values(config.pin?.images ?? {}),
    ],
    past,
  };
}

/** Images that the state has, whether or not a service runs them: one that is gone is built again by the next update. */
function imagesOf(state: StackState): string[] {
  return (state.resources ?? []).flatMap((resource) => builtImage(resource) ?? []);
}

/**
 * What a rollback may bring back: the last release that succeeded, and those before it with which users see something else.
 *
 * @param releases Newest first, read no further than needed.
 * @param pulled Images that are to be found among those of older releases.
 */
export async function readKept(
  releases: AsyncIterable<ReleaseEntry>,
  pulled: readonly EngineImage[],
): Promise<{ kept: string[]; past: string[] }> {
  const kept: PastRelease[] = [];
  const past = new Set<string>();
  const isSought = ({ digests }: EngineImage): boolean => digests.some((digest) => !past.has(digest));
  let read = 0;
  for await (const { release, result } of releases) {
    read++;
    if (release !== undefined) {
      if (
        result === "succeeded" &&
        kept.length <= KEPT_RELEASES &&
        !kept.some((other) => isSameContent(other, release))
      ) {
        kept.push(release);
      }
      for (const image of imagesIn(release)) {
        past.add(image);
      }
    }
    if (kept.length > KEPT_RELEASES && (read >= SEARCHED_RELEASES || !pulled.some(isSought))) {
      break;
    }
  }
  return { kept: kept.flatMap(imagesIn), past: [...past] };
}

/** The others of a release stay as the checkout declares them: no rollback brings them back. */
function imagesIn({ images }: PastRelease): string[] {
  return RELEASED.flatMap((service) => images[service] ?? []);
}

/**
 * Whether so many images are unused that some of them must be more than a rollback needs: only then it is worth it to read the history,
 * which may be far away.
 */
export function mayHaveOld(unused: readonly EngineImage[]): boolean {
  const counts = new Map<string, number>();
  for (const image of unused) {
    const repository = image.repository ?? image.digests[0]?.split("@")[0];
    if (repository !== undefined) {
      counts.set(repository, (counts.get(repository) ?? 0) + 1);
    }
  }
  return [...counts].some(([repository, count]) => count > mostNeeded(repository));
}

function mostNeeded(repository: string): number {
  if (repository === "fitnesscrm/packages") {
    return 1;
  }
  return repository.startsWith("fitnesscrm/") && repository !== "fitnesscrm/nginx" ? 0 : KEPT_RELEASES;
}

/** What other stacks of the machine need of the images that all of them share. */
export async function needsOfOthers(
  stacks: readonly string[],
  { host }: Pick<Config, "host">,
): Promise<Needs & { notes: string[] }> {
  const all = await Promise.all(
    stacks.map(async (stack) => {
      try {
        const session = openSession(stack);
        if (session.config.host !== host) {
          throw new UserError("its settings here are about another machine");
        }
        return { references: (await needsOf(session, [])).references };
      } catch (error) {
        return { references: [], unknown: `${stack} (${messageOf(error)})` };
      }
    }),
  );
  const unknown = all.flatMap((each) => each.unknown ?? []);
  return {
    references: all.flatMap(({ references }) => references),
    repositories: unknown.length > 0 ? [...SHARED] : [],
    published: unknown.length > 0,
    notes: unknown.map(
      (which) =>
        `all of ${SHARED.join(" and ")} and all pulled images stay: what stack ${which} needs of them is not known here`,
    ),
  };
}
