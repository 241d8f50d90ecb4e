import {
  CAUSE_SECONDS,
  type Cause,
  type CauseContext,
  command,
  DRILL_LABEL,
  imageOf,
  type RemovalContext,
} from "./cause";

/** A container of a drill, which the agent counts as a further host, as large as its limits. */
interface DrillContainer {
  readonly drill: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** Further arguments of `docker run`. */
  readonly options?: readonly string[];
  /** What it runs, for bash. */
  readonly script: string;
}

/** Starts a container of a drill. It may do nothing but use its own limits, and ends by itself. */
export async function startContainer(context: CauseContext, container: DrillContainer): Promise<void> {
  const { docker, stack } = context;
  const { drill, cpus, memoryMiB, options = [], script } = container;
  // For its bash and coreutils.
  const image = await imageOf(context, "db");
  await command(docker, `container of drill ${drill}`, [
    ...["run", "--detach", "--rm", "--pull", "never", "--name", containerName(stack, drill)],
    ...["--label", `fitnesscrm.stack=${stack}`, "--label", `${DRILL_LABEL}=${drill}`],
    ...["--label", `fitnesscrm.cpus=${cpus}`, "--cpus", String(cpus)],
    ...["--memory", `${memoryMiB}m`, "--memory-swap", `${memoryMiB}m`, "--pids-limit", "32"],
    ...["--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    ...["--log-driver", "none", "--no-healthcheck", "--user", "0:0", "--workdir", "/"],
    ...options,
    ...["--entrypoint", "timeout", image, String(CAUSE_SECONDS), "bash", "-c", script],
  ]);
}

export async function removeContainer({ docker, stack }: RemovalContext, drill: string): Promise<boolean> {
  const name = containerName(stack, drill);
  const ids = await command(docker, `container of drill ${drill}`, [
    ...["container", "ls", "--all", "--quiet", "--filter", `name=^/${name}$`],
  ]);
  if (ids === "") {
    return false;
  }
  // One that ends by itself in this moment is as good.
  await docker.run(["container", "rm", "--force", name]);
  return true;
}

/** The agent looks at containers of the stack's name. */
function containerName(stack: string, drill: string): string {
  return `fitnesscrm-${stack}-drill-${drill}`;
}

/** A cause that is a container and nothing else. */
function containerCause(container: DrillContainer): Cause {
  return {
    begin: (context) => startContainer(context, container),
    remove: (context) => removeContainer(context, container.drill),
  };
}

export const cpu = containerCause({
  drill: "cpu",
  cpus: 0.2,
  memoryMiB: 64,
  script: "while :; do :; done",
});

export const memory = containerCause({
  drill: "memory",
  cpus: 0.2,
  memoryMiB: 64,
  // Memory of a process: what files in memory take does not count everywhere.
  script: `exec perl -e 'my $held = ""; vec($held, 57 << 20, 8) = 1; sleep'`,
});

export const oom = containerCause({
  drill: "oom",
  cpus: 0.2,
  memoryMiB: 32,
  // `tail` keeps what it reads until a line ends. One kill alone lies in one period, which an evaluation can just miss.
  script: "while :; do tail /dev/zero >/dev/null 2>&1; sleep 2; done",
});
