import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Config, publicUrlOf } from "../../config";
import { PROJECT_FOLDER } from "../context";
import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine, type RunResult, run } from "../exec";
import { type PastRelease, RELEASED, type Released } from "./release";

/** How a release's images come to be there again. */
export interface ImagePlan {
  /** References as they will run; those that are built have no final one yet. */
  images: Record<Released, string>;
  /** Gone from the Docker host, and made from the release's commit. */
  rebuild: Rebuild[];
  /** One line for whatever is not simply there. */
  notes: string[];
}

interface Rebuild {
  service: Released;
  commit: string;
  /** A folder of the git repository. */
  repository: string;
  /** The build context, relative to that folder. */
  context: string;
  dockerfile: string;
  buildArguments: string;
}

type Settings = Pick<Config, "app" | "http">;

/**
 * Looks which images of a release are on the Docker host, and where those come from that are not.
 *
 * @param kept What nginx runs now: it stands in for a pruned one that this checkout cannot make.
 * @throws UserError naming an image that is gone and cannot be made from a commit.
 */
export async function planImages(
  docker: DockerHost,
  release: PastRelease,
  kept: string | undefined,
  config: Settings,
): Promise<ImagePlan> {
  const plan: ImagePlan = { images: { backend: "", frontend: "", nginx: "" }, rebuild: [], notes: [] };
  for (const service of RELEASED) {
    const reference = release.images[service];
    if (reference === undefined) {
      throw new UserError(
        `the release does not say which image ${service} ran: take another with --to VERSION`,
      );
    }
    plan.images[service] = reference;
    // A published image is pulled by its digest where it is gone.
    if (reference.includes("@") || (await docker.imageExists(reference))) {
      continue;
    }
    const made = await rebuildOf(service, release, config);
    if (typeof made !== "string") {
      plan.rebuild.push(made);
      plan.notes.push(
        `image of ${service} (${shortImage(reference)}) is gone: it is built again from commit ${made.commit.slice(0, 12)}`,
      );
    } else if (service === "nginx" && kept !== undefined && (await docker.imageExists(kept))) {
      plan.images.nginx = kept;
      plan.notes.push(
        `image of nginx (${shortImage(reference)}) is gone and cannot be built again (${made}): today's stays`,
      );
    } else {
      throw new UserError(
        `image of ${service} (${reference}) is gone from the Docker host, and cannot be built again: ${made}; take another ` +
          "release with --to VERSION",
      );
    }
  }
  return plan;
}

/** What a build from the release's commit takes, or why there is none. */
async function rebuildOf(
  service: Released,
  { commit, dirty, app }: PastRelease,
  config: Settings,
): Promise<Rebuild | string> {
  if (commit === null) {
    return "no commit of the release is on record";
  }
  if (dirty) {
    return `files differed from its commit ${commit.slice(0, 12)} when it was built`;
  }
  const source = app?.source ?? config.app.source;
  const folder = service === "nginx" ? PROJECT_FOLDER : source && resolve(PROJECT_FOLDER, source);
  if (folder === undefined) {
    return "the application has no source folder (fitnesscrm:app.source)";
  }
  if (!existsSync(folder) || (await git(folder, "cat-file", "-e", `${commit}^{commit}`)).code !== 0) {
    return `commit ${commit.slice(0, 12)} is not in the repository of ${folder}`;
  }
  const prefix = (await git(folder, "rev-parse", "--show-prefix")).stdout.trim();
  return {
    service,
    commit,
    repository: folder,
    context: `${prefix}${service === "nginx" ? "images/nginx" : service}`,
    dockerfile: service === "nginx" ? "Dockerfile" : "Dockerfile.prod",
    buildArguments: service === "frontend" ? `VITE_API_URL=${publicUrlOf(config.http)}` : "",
  };
}

/** Builds what is gone, as the program would. @returns The images with their final references. */
export async function rebuildImages(
  docker: DockerHost,
  stack: string,
  plan: ImagePlan,
  detail: (text: string) => void,
): Promise<Record<Released, string>> {
  const images = { ...plan.images };
  for (const rebuild of plan.rebuild) {
    detail(`${rebuild.service} from commit ${rebuild.commit.slice(0, 12)}`);
    images[rebuild.service] = await inWorktree(rebuild, (folder) => build(docker, stack, rebuild, folder));
  }
  return images;
}

/** The checkout itself stays as it is: somebody may be at work in it. */
async function inWorktree<T>(
  { repository, commit }: Rebuild,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-rollback-"));
  try {
    const added = await git(repository, "worktree", "add", "--quiet", "--detach", "--force", folder, commit);
    if (added.code !== 0) {
      throw new UserError(`commit ${commit.slice(0, 12)} cannot be checked out: ${lastLine(added.stderr)}`);
    }
    return await work(folder);
  } finally {
    await git(repository, "worktree", "remove", "--force", folder);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function build(docker: DockerHost, stack: string, rebuild: Rebuild, folder: string): Promise<string> {
  const { service, commit, context, dockerfile, buildArguments } = rebuild;
  const owner = service === "nginx" ? "fitnesscrm" : `fitnesscrm-${stack}`;
  const { code, stdout, stderr } = await run("sh", ["components/images/build.sh"], {
    cwd: PROJECT_FOLDER,
    env: {
      ...docker.environment,
      IMAGE: `${owner}/${service}:${commit.slice(0, 12)}`,
      CONTEXT: join(folder, context),
      DOCKERFILE: dockerfile,
      BUILD_ARGS: buildArguments,
    },
  });
  if (code !== 0) {
    process.stderr.write(stderr);
    throw new UserError(
      `image of ${service} could not be built from commit ${commit.slice(0, 12)}: ${lastLine(stderr)}`,
    );
  }
  return (JSON.parse(stdout) as { id: string }).id;
}

function git(folder: string, ...args: readonly string[]): Promise<RunResult> {
  // A git hook sets these, and they would win over the folder that is asked about.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX)$/.test(name)),
  );
  // A hook of the repository is meant for whoever works in it.
  return run("git", ["-C", folder, "-c", "core.hooksPath=/dev/null", ...args], { env });
}

/** `sha256:1f2e3d4c5b6a`, or a published image's name with as much of its digest. */
export function shortImage(reference: string): string {
  return reference.replace(/sha256:([0-9a-f]{12})[0-9a-f]*$/, "sha256:$1");
}
