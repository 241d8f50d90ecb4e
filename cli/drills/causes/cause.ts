import type { Config } from "../../../config";
import type { DockerHost } from "../../docker";
import { UserError } from "../../errors";
import { lastLine } from "../../exec";
import type { DrillLoad } from "../load";

/** What causes are made with. */
export interface CauseContext {
  readonly stack: string;
  readonly config: Config;
  readonly docker: DockerHost;
  /** Requests of users that go on while the drill does. */
  readonly load: DrillLoad | undefined;
  /** Aborted when the drill is to end. */
  readonly signal: AbortSignal;
}

/** One cause of one alarm. */
export interface Cause {
  /** Makes it. Done when it holds. */
  begin(context: CauseContext): Promise<void>;
  /**
   * Removes it, be it one that another run left behind: it looks at the stack, never at what `begin` remembers, and does nothing
   * where there is nothing.
   *
   * @returns Whether there was anything.
   */
  remove(context: RemovalContext): Promise<boolean>;
}

export type RemovalContext = Pick<CauseContext, "stack" | "config" | "docker">;

/** Label of everything that a drill makes or changes. */
export const DRILL_LABEL = "fitnesscrm.drill";
/** No cause that can end by itself outlives this, whatever becomes of the drill, seconds. */
export const CAUSE_SECONDS = 900;
/** How long one command on the engine may take, seconds. */
const COMMAND_SECONDS = 60;

/** Runs a docker command that must succeed. It is in a process group of its own: an interrupt at the terminal does not end it half way. */
export async function command(
  docker: DockerHost,
  what: string,
  args: readonly string[],
  seconds = COMMAND_SECONDS,
): Promise<string> {
  const { code, stdout, stderr } = await docker.run(args, seconds);
  if (code !== 0) {
    const reason = lastLine(stderr) || lastLine(stdout) || `exit code ${code}`;
    throw new UserError(`${what}: ${code === 124 ? `nothing within ${seconds} s` : reason}`);
  }
  return stdout.trim();
}

/** Image that a service of the stack runs: it is on this host, whatever the host can reach. */
export async function imageOf({ docker, stack }: RemovalContext, service: string): Promise<string> {
  const { name } = await docker.service(stack, service);
  return command(docker, `image of ${service}`, [
    ...["service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}"],
    name,
  ]);
}

/** Id of a service's running container; undefined when none runs. */
export async function containerOf(
  { docker, stack }: RemovalContext,
  service: string,
): Promise<string | undefined> {
  const labels = [`fitnesscrm.stack=${stack}`, `fitnesscrm.service=${service}`];
  const ids = await command(docker, `container of ${service}`, [
    ...["container", "ls", "--quiet", "--filter", "status=running"],
    ...labels.flatMap((label) => ["--filter", `label=${label}`]),
  ]);
  return ids.split("\n")[0] || undefined;
}

/** As {@link containerOf}. @throws UserError when none runs. */
export async function runningContainerOf(context: RemovalContext, service: string): Promise<string> {
  const id = await containerOf(context, service);
  if (id === undefined) {
    throw new UserError(
      `service ${service} of stack ${context.stack} does not run: ./fitnesscrm health --stack ${context.stack} says why`,
    );
  }
  return id;
}
