import type { EngineImage } from "../../../../cli/images/removable";

/** `sha256:` and 64 digits that begin with the given ones. */
export function sha(start: string): string {
  return `sha256:${start.padEnd(64, "0")}`;
}

/** An image of stack `unit`'s backend that was built long ago; `id` are its first digits. */
export function engineImage(id: string, more: Partial<EngineImage> = {}): EngineImage {
  return {
    id: sha(id),
    tags: [`fitnesscrm-unit/backend:${id.padEnd(12, "0")}`],
    digests: [],
    repository: "fitnesscrm-unit/backend",
    touchedAt: 0,
    bytes: 0,
    layers: [],
    ...more,
  };
}

/** One that was pulled by its digest. */
export function pulledImage(id: string, name = "registry.example.com/backend"): EngineImage {
  return engineImage(id, { tags: [], digests: [`${name}@${sha(id)}`], repository: undefined });
}
