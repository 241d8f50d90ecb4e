import { execFileSync } from "node:child_process";

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
