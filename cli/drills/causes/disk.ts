import { UserError } from "../../errors";
import { type Cause, type CauseContext, command, DRILL_LABEL, imageOf, type RemovalContext } from "./cause";
import { removeContainer, startContainer } from "./container";

const DRILL = "disk";
const FILE = "/fill/fitnesscrm-drill";

function volumeName(stack: string): string {
  return `fitnesscrm-${stack}-drill-disk`;
}

interface Volume {
  Options: Record<string, string> | null;
}

/**
 * A volume that is missing would be made anew by a mount, on the host's own disk, and filling that is no drill. So it must be there
 * and lie in memory, with a size.
 */
async function hasVolume({ docker, stack }: RemovalContext): Promise<boolean> {
  const { code, stdout } = await docker.run(["volume", "inspect", volumeName(stack)]);
  const [volume] = code === 0 ? (JSON.parse(stdout) as Volume[]) : [];
  return volume?.Options?.type === "tmpfs" && /(^|,)size=\d/.test(volume.Options.o ?? "");
}

function mount(stack: string): string[] {
  return ["--mount", `type=volume,source=${volumeName(stack)},target=/fill,volume-nocopy`];
}

async function begin(context: CauseContext): Promise<void> {
  if (!(await hasVolume(context))) {
    throw new UserError(
      `volume ${volumeName(context.stack)} is not there, or not one in memory with a size: run ./fitnesscrm up --stack ${context.stack}`,
    );
  }
  await startContainer(context, {
    drill: DRILL,
    cpus: 0.2,
    memoryMiB: 128,
    options: mount(context.stack),
    script: `free=$(df --output=avail -k /fill | tail -n 1); head -c $((free * 95 / 100))K /dev/zero >${FILE}; sleep infinity`,
  });
}

/** The file outlives the container that wrote it, since the agent holds the volume too. */
async function remove(context: RemovalContext): Promise<boolean> {
  const { docker, stack } = context;
  const had = await removeContainer(context, DRILL);
  if (!(await hasVolume(context))) {
    return had;
  }
  const said = await command(docker, "file of drill disk", [
    ...["run", "--rm", "--pull", "never", "--log-driver", "json-file"],
    ...["--label", `fitnesscrm.stack=${stack}`, "--label", `${DRILL_LABEL}=cleanup`],
    ...["--network", "none", "--read-only", "--cap-drop", "ALL", "--user", "0:0", ...mount(stack)],
    ...["--no-healthcheck", "--entrypoint", "rm", await imageOf(context, "db"), "-fv", FILE],
  ]);
  return had || said !== "";
}

export const disk: Cause = { begin, remove };
