import { CommandFailed, type ExecOptions, type Host, run } from "./host";
import type { Step } from "./types";

/** Docker Hub's registry; asked whether it answers before anything is pulled. */
export const HUB = "https://registry-1.docker.io/v2/";

/** Runs the Docker CLI and returns its standard output without the last line end. */
export async function docker(host: Host, args: readonly string[], options?: ExecOptions): Promise<string> {
  return (await run(host, ["docker", ...args], options)).trimEnd();
}

/** What is known of an image; undefined when the engine does not have it. */
export async function image(
  host: Host,
  reference: string,
): Promise<{ id: string; labels: Labels } | undefined> {
  const finished = await host.exec([
    "docker",
    "image",
    "inspect",
    "--format",
    '{"id":{{json .Id}},"labels":{{json .Config.Labels}}}',
    reference,
  ]);
  if (finished.code !== 0) {
    if (/no such image/i.test(finished.stderr)) return undefined;
    throw new CommandFailed(["docker", "image", "inspect", reference], finished);
  }
  const { id, labels } = JSON.parse(finished.stdout) as { id: string; labels: Labels | null };
  return { id, labels: labels ?? {} };
}
export type Labels = Readonly<Record<string, string>>;

/** Says what it was made from, so that it is made again when that changes. Images that were pulled do not have it. */
export const INPUTS_LABEL = "fitnesscrm.inputs";

/** Pulls an image from Docker Hub and gives it a second name. */
export async function pull(
  host: Host,
  reference: string,
  tag: string | undefined,
  step: Step,
): Promise<void> {
  step.detail(`pulling ${reference}`);
  await docker(host, ["pull", "--quiet", reference]);
  if (tag !== undefined) await docker(host, ["tag", reference, tag]);
}

/** Builds a folder's Dockerfile; both builders' progress is shown. */
export async function build(
  host: Host,
  options: { folder: string; tag: string; args?: Labels; labels: Labels },
  step: Step,
): Promise<void> {
  const pairs = (flag: string, values: Labels) =>
    Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  await docker(
    host,
    [
      "build",
      "--tag",
      options.tag,
      ...pairs("--build-arg", options.args ?? {}),
      ...pairs("--label", options.labels),
      options.folder,
    ],
    {
      onLine(line) {
        const busy = /^(?:Step (\d+\/\d+) :|#\d+ \[\s*(\d+\/\d+)\]) ?(.*)$/.exec(line);
        if (busy !== null) step.detail(`${busy[1] ?? busy[2]} ${(busy[3] ?? "").slice(0, 60)}`);
      },
    },
  );
}
