import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { outputsIn } from "../localState";
import type { StackState, StateResource } from "../pulumi";

/** Services of a release: what users see, and what a rollback brings back (M20). The others stay as they are declared. */
export const RELEASED = ["backend", "frontend", "nginx"] as const;
export type Released = (typeof RELEASED)[number];

const app = z.object({
  source: z.string().nullish(),
  version: z.string().nullish(),
  environment: z.record(z.string(), z.string()).default({}),
  logLevel: z.enum(["DEBUG", "INFO", "WARNING", "ERROR"]).default("INFO"),
  allowedOrigins: z.array(z.string()).default([]),
});

/** What the gate before a deployment writes down. */
const facts = z.object({
  attempt: z.string(),
  startedAt: z.string().nullish(),
  by: z.string().nullish(),
  backup: z.string().nullish(),
  commit: z.string().nullish(),
  dirty: z.boolean().nullish(),
});

/** The stack output; states of earlier versions have less of it. */
const output = z.object({
  ...facts.partial().shape,
  app: app.nullish(),
  images: z.record(z.string(), z.string()),
  pinned: z.number().nullish(),
});

/** A release as a state has it; null is what that state does not say. */
export interface PastRelease {
  attempt: string | null;
  startedAt: string | null;
  by: string | null;
  backup: string | null;
  commit: string | null;
  dirty: boolean;
  app: z.infer<typeof app> | null;
  images: Record<string, string>;
  pinned: number | null;
}

/** The release that was live when the last update of a state succeeded. */
export function releaseIn(state: StackState): PastRelease | undefined {
  const parsed = output.safeParse(outputsIn(state)?.release);
  if (!parsed.success) {
    return undefined;
  }
  const { images, pinned, app: settings, ...rest } = parsed.data;
  return { ...factsOf(rest), app: settings ?? null, images, pinned: pinned ?? null };
}

/**
 * What an update that failed was about: the facts that its gate wrote down, and the images that were made for it.
 *
 * @returns undefined when it failed before its gate, so that the state still tells of an earlier one.
 */
export function attemptIn(state: StackState): PastRelease | undefined {
  const commands = (state.resources ?? []).filter(
    (resource) => resource.type === "command:local:Command" && !resource.delete,
  );
  const report = commands.find((command) => nameOf(command) === "gate-before")?.outputs?.stdout;
  const parsed = facts.safeParse(parseJson(report));
  if (!parsed.success || parsed.data.attempt === releaseIn(state)?.attempt) {
    return undefined;
  }
  const images = commands.flatMap((command) => {
    const reference = imageOf(command);
    const name = nameOf(command);
    // What an image refresh builds the others on is run by no service.
    return reference === undefined || name === "packages"
      ? []
      : [[name === "postgres" ? "db" : name, reference] as const];
  });
  return { ...factsOf(parsed.data), app: null, images: Object.fromEntries(images), pinned: null };
}

function factsOf(found: Partial<z.infer<typeof facts>>): Omit<PastRelease, "app" | "images" | "pinned"> {
  return {
    attempt: found.attempt ?? null,
    startedAt: found.startedAt ?? null,
    by: found.by ?? null,
    backup: found.backup ?? null,
    commit: found.commit ?? null,
    dirty: found.dirty ?? false,
  };
}

function nameOf({ urn }: StateResource): string {
  return urn.slice(urn.lastIndexOf("::") + 2);
}

/** Reference of the image that a command built or pulled, as services know it. */
function imageOf({ inputs, outputs }: StateResource): string | undefined {
  const id = z.object({ id: z.string().startsWith("sha256:") }).safeParse(parseJson(outputs?.stdout));
  const { IMAGE, CONTEXT } = (inputs?.environment ?? {}) as Record<string, unknown>;
  if (!id.success) {
    return undefined;
  }
  return CONTEXT === undefined && typeof IMAGE === "string" ? IMAGE : id.data.id;
}

function parseJson(text: unknown): unknown {
  try {
    return typeof text === "string" ? (JSON.parse(text) as unknown) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether two states tell of one deployment. Those of earlier versions have no attempt; their images must do. */
export function isSameRelease(a: PastRelease, b: PastRelease): boolean {
  return a.attempt !== null || b.attempt !== null
    ? a.attempt === b.attempt
    : isDeepStrictEqual(a.images, b.images);
}

/** Whether users see the same with both: the same images of what is released, with the same settings. */
export function isSameContent(a: PastRelease, b: PastRelease): boolean {
  const contentOf = ({ images, app: settings }: PastRelease) => ({
    images: RELEASED.map((service) => images[service]),
    app: settings === null ? null : { ...settings, source: null },
  });
  return isDeepStrictEqual(contentOf(a), contentOf(b));
}
