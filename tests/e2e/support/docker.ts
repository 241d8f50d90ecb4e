import { run } from "../../../cli/exec";
import { STACK } from "./launcher";
import { waitFor } from "./wait";

/** Runs a docker command that must succeed. */
export async function docker(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run("docker", args, { timeoutSeconds: 180 });
  if (code !== 0) {
    throw new Error(`docker ${args.join(" ")}: ${stderr.trim() || stdout.trim() || `exit code ${code}`}`);
  }
  return stdout.trim();
}

/** What a service's tasks have printed, on both streams. */
export async function logsOf(service: string): Promise<string> {
  const { stdout, stderr } = await run("docker", ["service", "logs", "--raw", serviceName(service)], {
    timeoutSeconds: 60,
  });
  return stdout + stderr;
}

export function serviceName(service: string): string {
  return `fitnesscrm-${STACK}-${service}`;
}

/** Ids of a service's running containers. */
export async function containersOf(service: string): Promise<string[]> {
  const ids = await docker(
    "container",
    "ls",
    "--quiet",
    "--filter",
    `label=fitnesscrm.stack=${STACK}`,
    "--filter",
    `label=fitnesscrm.service=${service}`,
  );
  return ids.split("\n").filter((id) => id !== "");
}

/** A service's containers once those that were replaced have served what they had: an update ends before that. */
export async function drained(service: string): Promise<string[]> {
  const replicas = Number(
    await docker(
      "service",
      "inspect",
      "--format",
      "{{.Spec.Mode.Replicated.Replicas}}",
      serviceName(service),
    ),
  );
  return waitFor(
    `${service} to run ${replicas} containers`,
    async () => {
      const containers = await containersOf(service);
      return containers.length === replicas && containers;
    },
    120,
  );
}

/** One statement's result as the server's superuser, unaligned. */
export async function sql(statement: string, database = "fitnesscrm"): Promise<string> {
  const [container] = await containersOf("db");
  if (container === undefined) {
    throw new Error("no database container runs");
  }
  return docker("exec", "--user", "postgres", container, "psql", "-XAtc", statement, database);
}
