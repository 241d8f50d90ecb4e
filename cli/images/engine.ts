import { z } from "zod";
import { IMAGE_LABEL } from "../../labels";
import { type DockerHost, words } from "../docker";
import { UserError } from "../errors";
import { lastLine } from "../exec";
import { type Weighed, weigh } from "./layers";
import type { EngineImage } from "./removable";

const imageJson = z.object({
  Id: z.string(),
  RepoTags: z.array(z.string()).nullish(),
  RepoDigests: z.array(z.string()).nullish(),
  Created: z.string().nullish(),
  Size: z.number(),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
  RootFS: z.object({ Layers: z.array(z.string()).nullish() }).nullish(),
  Metadata: z.object({ LastTagTime: z.string().nullish() }).nullish(),
});

const specJson = z.object({
  Labels: z.record(z.string(), z.string()).nullish(),
  TaskTemplate: z.object({ ContainerSpec: z.object({ Image: z.string() }).nullish() }).nullish(),
});
const serviceJson = z.object({ Spec: specJson, PreviousSpec: specJson.nullish() });

const historyJson = z.object({ Size: z.coerce.number(), CreatedBy: z.string() });

/** What the engine has, and what of it is taken. */
export interface EngineView {
  images: EngineImage[];
  /** References that containers and services have, those of other owners included. */
  used: string[];
  /** Names of our stacks that have services on it. */
  stacks: string[];
}

export async function viewEngine(docker: DockerHost): Promise<EngineView> {
  const [ids, containers, services] = await Promise.all([
    docker.runChecked("images", ["image", "ls", "--quiet", "--no-trunc"]),
    // One that has ended holds its image as well: a task that is looked at after its failure.
    docker.runChecked("containers", ["container", "ls", "--all", "--no-trunc", "--format", "{{.Image}}"]),
    docker.runChecked("services", ["service", "ls", "--quiet"]),
  ]);
  const [images, specs] = await Promise.all([
    inspect(docker, "image", ids, imageJson),
    inspect(docker, "service", services, serviceJson),
  ]);
  // The engine goes back to the one before by itself when an update of a service fails.
  const all = specs.flatMap(({ Spec, PreviousSpec }) => [Spec, ...(PreviousSpec ? [PreviousSpec] : [])]);
  return {
    images: images.map(engineImage),
    used: [...words(containers), ...all.flatMap((spec) => spec.TaskTemplate?.ContainerSpec?.Image ?? [])],
    stacks: [...new Set(all.flatMap(({ Labels }) => Labels?.["fitnesscrm.stack"] ?? []))],
  };
}

/** What was removed since it was listed is missing from the answer, which is right. */
async function inspect<T>(
  docker: DockerHost,
  type: "image" | "service",
  ids: string,
  schema: z.ZodType<T>,
): Promise<T[]> {
  const list = [...new Set(words(ids))];
  if (list.length === 0) {
    return [];
  }
  const { code, stdout, stderr } = await docker.run([type, "inspect", ...list]);
  const isAnswered = code === 0 || stderr.trim().split("\n").every(isMissing);
  const parsed = z.array(schema).safeParse(parseJson(stdout));
  if (!isAnswered || !parsed.success) {
    throw new UserError(`${type}s: ${lastLine(stderr) || "the engine answered something unexpected"}`);
  }
  return parsed.data;
}

function isMissing(line: string): boolean {
  return /no such (image|service|object)/i.test(line);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function engineImage(json: z.infer<typeof imageJson>): EngineImage {
  const made = Date.parse(json.Created ?? "") || 0;
  return {
    id: json.Id,
    tags: json.RepoTags ?? [],
    digests: json.RepoDigests ?? [],
    repository: json.Config?.Labels?.[IMAGE_LABEL],
    // A build that found everything in its cache makes an old image again.
    touchedAt: Math.max(made, Date.parse(json.Metadata?.LastTagTime ?? "") || 0),
    bytes: json.Size,
    layers: json.RootFS?.Layers ?? [],
  };
}

/** Looks up what an image's layers take. */
export async function weighImage(docker: DockerHost, image: EngineImage): Promise<Weighed> {
  const { stdout } = await docker.run([
    ...["image", "history", "--no-trunc", "--human=false", "--format", "{{json .}}"],
    image.id,
  ]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  const parsed = z.array(historyJson).safeParse(lines.map(parseJson));
  const history = parsed.success ? parsed.data : [];
  return weigh(
    image,
    history.map(({ Size, CreatedBy }) => ({ bytes: Size, step: CreatedBy })),
  );
}

/**
 * Removes an image that nothing uses.
 *
 * @returns Why it stays; undefined when it is gone.
 * @throws UserError when the engine has failed.
 */
export async function removeImage(docker: DockerHost, image: EngineImage): Promise<string | undefined> {
  const { id, tags, digests } = image;
  const names = tags.length > 0 ? tags : digests;
  // By its ID, a name that has gone to another image meanwhile is not missed; with several names the engine wants them all.
  const { code, stderr } = await docker.run(["image", "rm", ...(names.length > 1 ? names : [id])], 120);
  if (code === 0 || isMissing(stderr)) {
    return undefined;
  }
  if (/conflict|being used|in use/i.test(stderr)) {
    return lastLine(stderr).replace(/^.*?conflict: /i, "");
  }
  throw new UserError(`image ${titleOf(image)}: ${lastLine(stderr) || `exit code ${code}`}`);
}

/** Its tags, or what else it can be told by. */
export function titleOf({ id, tags, digests }: EngineImage): string {
  const [name = id] = digests;
  return tags.length > 0 ? tags.join(", ") : name.replace(/sha256:([0-9a-f]{12})[0-9a-f]*$/, "sha256:$1");
}

/** How long something in the builder's cache is not used before it counts as old. */
export const CACHE_DAYS = 10;

/**
 * Removes what the engine's builder has not used for a while, whoever has built it.
 *
 * @returns How much that was, in the engine's words.
 */
export async function pruneBuildCache(docker: DockerHost): Promise<string> {
  const text = await docker.runChecked(
    "build cache",
    ["builder", "prune", "--force", "--filter", `until=${CACHE_DAYS * 24}h`],
    600,
  );
  return /^Total[^:]*:\s*(.+)$/m.exec(text)?.[1]?.trim() ?? "an amount that the engine does not say";
}
