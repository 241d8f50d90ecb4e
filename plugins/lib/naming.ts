/** Automatic names, as the official providers give them. */
import { createHash, randomBytes } from "node:crypto";
import { isDefaulted } from "./diff";
import type { Props } from "./types";

/** The resource's name in the program: what follows the last `::` of its URN. */
export const urnName = (urn: string): string => urn.slice(urn.lastIndexOf("::") + 2);

/**
 * Fills in `property` where the program left it out: the name that the object has already, or a new
 * `<resource name>-<7 hex digits>`. The digits follow from the engine's seed, so that a preview's name is the update's.
 */
export function autoName(
  news: Props,
  olds: Props | undefined,
  property: string,
  urn: string,
  seed: Uint8Array,
): Props {
  if (news[property] !== undefined) return { ...news, __defaults: [] };
  const kept = olds && isDefaulted(olds, property) ? olds[property] : undefined;
  const digits = seed.length > 0 ? createHash("sha256").update(seed).digest() : randomBytes(4);
  const name = kept ?? `${urnName(urn)}-${Buffer.from(digits).toString("hex").slice(0, 7)}`;
  return { ...news, [property]: name, __defaults: [property] };
}
