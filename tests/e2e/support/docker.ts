import { run } from "../../../cli/exec";
import { STACK } from "./launcher";

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

/** One statement's result as the server's superuser, unaligned. */
export async function sql(statement: string, database = "fitnesscrm"): Promise<string> {
  const [container] = await containersOf("db");
  if (container === undefined) {
    throw new Error("no database container runs");
  }
  return docker("exec", "--user", "postgres", container, "psql", "-XAtc", statement, database);
}
