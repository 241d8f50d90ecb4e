/** An image as the engine has it. */
export interface EngineImage {
  id: string;
  /** As `fitnesscrm/nginx:0123456789ab`. */
  tags: readonly string[];
  /** As `registry.example.com/backend@sha256:…`. */
  digests: readonly string[];
  /** Repository that our build script made it for; undefined for what others have made. */
  repository: string | undefined;
  /** When it was made, or last got a tag; milliseconds since 1970. */
  touchedAt: number;
  bytes: number;
  /** Digests of its layers, the lowest first. */
  layers: readonly string[];
}

/** What must not go. */
export interface Needs {
  /** References of images that something runs, that a rollback may bring back, or that the next build starts from. */
  references: readonly string[];
  /** Repositories of which everything stays. */
  repositories: readonly string[];
  /** Whether every image that was pulled by digest stays. */
  published?: boolean;
}

/** What may go, if nothing needs it. */
export interface Candidates {
  stack: string;
  /** Images by digest that releases of this stack have run: they were pulled for it. */
  past: readonly string[];
  /** Milliseconds since 1970: what is younger stays, since a deployment that is under way may be about to use it. */
  before: number;
}

/** What `build.sh` tags with: a digest of the context, or a commit. Another tag was given by a person. */
const OUR_TAG = /^[0-9a-f]{12}$/;

/**
 * Images that may be removed from the engine (M55): of this stack's own or of the project's, known by the label and by nothing but tags of
 * ours, old enough, and needed by nothing.
 *
 * The youngest come first: the engine removes no image that others were built on.
 */
export function removable(
  images: readonly EngineImage[],
  candidates: Candidates,
  needs: Needs,
): EngineImage[] {
  return images
    .filter((image) => image.touchedAt < candidates.before && isOurs(image, candidates))
    .filter((image) => !(needs.published === true && isPublished(image)))
    .filter((image) => image.repository === undefined || !needs.repositories.includes(image.repository))
    .filter((image) => !needs.references.some((reference) => isMeant(image, reference)))
    .sort((a, b) => b.touchedAt - a.touchedAt);
}

function isOurs(image: EngineImage, { stack, past }: Candidates): boolean {
  const { repository, tags, digests } = image;
  if (isPublished(image)) {
    return digests.every((digest) => past.includes(digest));
  }
  return (
    repository !== undefined &&
    (repository.startsWith("fitnesscrm/") || repository.startsWith(`fitnesscrm-${stack}/`)) &&
    tags.every((tag) => tag.startsWith(`${repository}:`) && OUR_TAG.test(tag.slice(repository.length + 1))) &&
    digests.every((digest) => digest.startsWith(`${repository}@`))
  );
}

/**
 * Pulled by digest, which leaves no tag. One that was built here with these tools and published keeps the label, and its digest names the
 * registry.
 */
export function isPublished({ tags, digests, repository }: EngineImage): boolean {
  return (
    tags.length === 0 &&
    digests.length > 0 &&
    !digests.every((digest) => repository !== undefined && digest.startsWith(`${repository}@`))
  );
}

/** Whether a reference, as a service, a container or a release has it, means an image. */
export function isMeant({ id, tags, digests }: EngineImage, reference: string): boolean {
  const [name = "", digest] = reference.split("@");
  if (digest !== undefined) {
    // The name and its tag are for people: what runs is what the digest says.
    return digest === id || digests.some((known) => known.endsWith(`@${digest}`));
  }
  const hex = name.replace(/^sha256:/, "");
  if (/^[0-9a-f]{7,64}$/.test(hex) && id.startsWith(`sha256:${hex}`)) {
    return true;
  }
  return tags.includes(/:[^/]+$/.test(name) ? name : `${name}:latest`);
}
