import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine, run } from "../exec";
import {
  formatIsolation,
  ISOLATION_FOLDER,
  type Isolatable,
  type Isolation,
  parseIsolations,
} from "./isolation";

const LIMIT_SECONDS = 20;

/** Id of the edge's running container; undefined when there is none. */
async function edgeContainer(docker: DockerHost, stack: string): Promise<string | undefined> {
  const filters = [`label=fitnesscrm.stack=${stack}`, "label=fitnesscrm.service=nginx", "status=running"];
  const ids = await docker.runChecked("containers of nginx", [
    ...["container", "ls", "--quiet", "--no-trunc"],
    ...filters.flatMap((filter) => ["--filter", filter]),
  ]);
  return ids.split("\n")[0]?.trim() || undefined;
}

/** Services that are off the edge. None where nginx does not run: nothing is on it then. @throws UserError when it cannot be asked. */
export async function readIsolations(docker: DockerHost, stack: string): Promise<Isolation[]> {
  const container = await edgeContainer(docker, stack);
  if (container === undefined) {
    return [];
  }
  const script = `for file in ${ISOLATION_FOLDER}/*; do [ ! -f "$file" ] || printf '%s %s\\n' "\${file##*/}" "$(tr -d '\\n' <"$file")"; done`;
  const { code, stdout, stderr } = await docker.run(["exec", container, "sh", "-c", script], LIMIT_SECONDS);
  if (code !== 0) {
    throw new UserError(`isolation: nginx cannot be asked: ${lastLine(stderr)}`);
  }
  return parseIsolations(stdout);
}

/**
 * What is off the edge, as lines for somebody who is about to change the stack: a deployment leaves it off, and is judged by answers that
 * users do not get. Never throws: that nobody can be asked is no reason to stop.
 */
export async function isolationNotes(docker: DockerHost, stack: string): Promise<string[]> {
  const found = await readIsolations(docker, stack).catch(() => []);
  return found.map((one) => formatIsolation(one, stack));
}

/** Takes a service off the edge from the next request on. @throws UserError when nginx does not run or refuses. */
export async function writeIsolation(docker: DockerHost, stack: string, isolation: Isolation): Promise<void> {
  const file = `${ISOLATION_FOLDER}/${isolation.service}`;
  // nginx looks for the name alone: it appears with its content, or not at all.
  const script = `mkdir -p ${ISOLATION_FOLDER} && cat >${file}.new && mv ${file}.new ${file}`;
  await inEdge(docker, stack, script, JSON.stringify(isolation));
}

export async function removeIsolation(docker: DockerHost, stack: string, service: Isolatable): Promise<void> {
  await inEdge(docker, stack, `rm -f ${ISOLATION_FOLDER}/${service}`);
}

async function inEdge(docker: DockerHost, stack: string, script: string, input = ""): Promise<void> {
  const container = await edgeContainer(docker, stack);
  if (container === undefined) {
    throw new UserError(
      `isolation: nginx of stack ${stack} does not run, so nobody reaches anything: ./fitnesscrm diagnose nginx --stack ${stack} says why`,
    );
  }
  const { code, stderr } = await run("docker", ["exec", "--interactive", container, "sh", "-c", script], {
    env: docker.environment,
    input,
    timeoutSeconds: LIMIT_SECONDS,
  });
  if (code !== 0) {
    throw new UserError(`isolation: nginx of stack ${stack}: ${lastLine(stderr) || `exit code ${code}`}`);
  }
}
