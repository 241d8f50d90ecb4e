import type { Serving } from "../deploy/serving";
import { shortImage } from "./images";
import type { ReleaseEntry } from "./list";
import { RELEASED } from "./release";

/** `backend and frontend of release 12, nginx of release 13` */
export function nameServing(serving: Serving, known: readonly ReleaseEntry[]): string {
  const groups = new Map<string, string[]>();
  for (const service of RELEASED) {
    const image = serving[service];
    if (image === undefined) {
      continue;
    }
    const entry = known.find(({ release }) => release?.images[service] === image);
    const what = entry === undefined ? `by image ${shortImage(image)}` : `of ${titleOf(entry)}`;
    groups.set(what, [...(groups.get(what) ?? []), service]);
  }
  return groups.size === 0
    ? "nothing"
    : [...groups].map(([what, services]) => `${services.join(" and ")} ${what}`).join(", ");
}

function titleOf({ version, result }: ReleaseEntry): string {
  return result === "succeeded" ? `release ${version}` : `update ${version}`;
}
