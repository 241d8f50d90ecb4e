import type { DockerHost } from "../docker";
import { shortImage } from "./images";
import type { ReleaseEntry } from "./list";
import { RELEASED, type Released } from "./release";

export type Serving = Partial<Record<Released, string>>;

/** Images that the services of a release run by now, whatever the state says. */
export async function servingImages(docker: DockerHost, stack: string): Promise<Serving> {
  const names = RELEASED.map((service) => `fitnesscrm-${stack}-${service}`);
  // What exists is printed even where another one does not.
  const { stdout } = await docker.run([
    "service",
    "inspect",
    "--format",
    "{{.Spec.Name}} {{.Spec.TaskTemplate.ContainerSpec.Image}}",
    ...names,
  ]);
  const found = new Map(
    stdout
      .split("\n")
      .map((line) => line.trim().split(" "))
      .flatMap(([name, image]) => (name && image ? [[name, image] as const] : [])),
  );
  return Object.fromEntries(
    RELEASED.flatMap((service) => {
      const image = found.get(`fitnesscrm-${stack}-${service}`);
      return image === undefined ? [] : [[service, image]];
    }),
  );
}

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
