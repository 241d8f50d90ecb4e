import { execFileSync } from "node:child_process";
import { z } from "zod";

/** What of a checkout names a release: its commit, and whether files differ from it (M19). */
export interface Checkout {
  /** 40 hex digits; null where there is no git checkout. */
  commit: string | null;
  dirty: boolean;
}

/** Reads the checkout that a folder belongs to. Never fails: a folder without git has no commit. */
export function readCheckout(folder: string): Checkout {
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", folder, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: withoutGitRepository(process.env),
    });
  try {
    return {
      commit: git("rev-parse", "HEAD").trim(),
      dirty: git("status", "--porcelain", "--", ".").trim() !== "",
    };
  } catch {
    return { commit: null, dirty: false };
  }
}

/** A git hook sets these, and they would win over the folder that is asked about. */
function withoutGitRepository(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const {
    GIT_DIR: _dir,
    GIT_WORK_TREE: _tree,
    GIT_INDEX_FILE: _index,
    GIT_PREFIX: _prefix,
    ...rest
  } = environment;
  return rest;
}

const facts = z.object({
  attempt: z.string(),
  /** ISO time. */
  startedAt: z.string(),
  /** Who deployed it, e.g. `ada@workstation`. */
  by: z.string(),
  /** Id of the backup made before it; null on the first deployment. */
  backup: z.string().nullable(),
  /** 40 hex digits; null where there is no git checkout. */
  commit: z.string().nullable(),
  /** Files differ from the commit. */
  dirty: z.boolean(),
});

/** What the gate before a deployment finds out. */
export type ReleaseFacts = z.infer<typeof facts>;

/** One release, as the stack output of that name has it. */
export interface Release extends ReleaseFacts {
  /** What the application is configured with; no secrets, no thresholds, no rota. */
  app: {
    source: string | null;
    version: string | null;
    environment: Record<string, string>;
    logLevel: string;
    allowedOrigins: string[];
  };
  /** References by service. */
  images: Record<string, string>;
  /** Number of the release that a rollback holds; null where none does. */
  pinned: number | null;
}

/** @param report JSON that the gate printed, of which the facts are a part. */
export function releaseFacts(report: string): ReleaseFacts {
  return facts.parse(JSON.parse(report));
}
