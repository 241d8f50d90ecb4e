/** What a security scan found, and what of it counts. Pure. */
import type { SecretAge } from "../rotation/plan";
import type { NpmLook } from "./npm";
import type { PackageLook } from "./packages";

/** One image that the stack runs. */
export interface ImageScan {
  /** As the service has it: `sha256:…`, or `name@sha256:…`. */
  readonly image: string;
  /** Services that run it. */
  readonly services: readonly string[];
  readonly packages: PackageLook;
}

/** What `./fitnesscrm security scan --json` prints. */
export interface SecurityScan {
  readonly stack: string;
  /** No known fix is missing, no secret is over its limit, and all that can be asked has answered. */
  readonly passed: boolean;
  readonly images: readonly ImageScan[];
  readonly npm: NpmLook;
  /** Secrets over their limit of age. */
  readonly secrets: readonly SecretAge[];
}

export function judge(found: Omit<SecurityScan, "passed">): SecurityScan {
  return {
    ...found,
    passed: found.images.every(isFine) && isNpmFine(found.npm) && found.secrets.length === 0,
  };
}

function isFine({ packages }: ImageScan): boolean {
  return packages.state === "looked"
    ? packages.warning === undefined && !packages.updates.some(({ security }) => security)
    : packages.state === "not-looked";
}

/** A fault that nobody has put right yet asks for nothing that could be done. */
function isNpmFine(npm: NpmLook): boolean {
  return npm.state === "looked" ? !npm.faults.some(({ fixed }) => fixed) : npm.state === "not-looked";
}

/** Services by image, in the order in which the images are met. */
export function imagesOf(
  services: readonly { service: string; image: string }[],
): Pick<ImageScan, "image" | "services">[] {
  const byImage = new Map<string, string[]>();
  for (const { service, image } of services) {
    byImage.set(image, [...(byImage.get(image) ?? []), service]);
  }
  return [...byImage].map(([image, names]) => ({ image, services: names }));
}
