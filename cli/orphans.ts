import { ROLE_CONNECTIONS } from "../config";
import type { DockerHost } from "./docker";
import type { Pulumi, StackState, StateResource } from "./pulumi";

/** What was done about operations that an update did not finish. */
export interface Unfinished {
  /** One line for each. */
  notes: string[];
  /** Something may be other than the state says: the next update must look first. */
  refresh: boolean;
}

/**
 * An update that was killed may have made an object without having recorded it. The state then lists a pending create, and
 * the next update would meet an object whose fixed name is taken.
 *
 * What such a create can have left is removed, provided that the state knows of no such object and that it holds no data: it
 * is made anew a moment later. Volumes and buckets are left alone, since making them again finds them as they are. Updates and
 * deletes that were under way are looked at by the next update's refresh.
 */
export async function clearPending(
  pulumi: Pulumi,
  docker: DockerHost,
  stack: string,
  state: StackState,
): Promise<Unfinished> {
  const pending = state.pending_operations ?? [];
  if (pending.length === 0) {
    return { notes: [], refresh: false };
  }
  const recorded = new Set((state.resources ?? []).map(identity));
  const notes: string[] = [];
  for (const { resource, type } of pending) {
    const isOrphan = type === "creating" && isOurs(resource, stack) && !recorded.has(identity(resource));
    const removed = isOrphan ? await removeOrphan(resource, docker, stack) : undefined;
    notes.push(`${nameOf(resource)} was ${type}${removed ? `: ${removed}` : ""}`);
  }
  await pulumi.editState((deployment) => ({ ...deployment, pending_operations: [] }));
  return { notes, refresh: pending.some(({ type }) => type !== "creating") };
}

function identity({ type, inputs }: StateResource): string {
  return `${type} ${String(inputs?.name)}`;
}

const ROLE = new RegExp(`^[a-z_][a-z0-9_]*_(app|${Object.keys(ROLE_CONNECTIONS).join("|")})$`);

/** A name that the program gives: nothing else is ever removed, whatever the state says. */
function isOurs({ type, inputs }: StateResource, stack: string): boolean {
  const name = String(inputs?.name);
  return type.startsWith("docker:")
    ? name === `fitnesscrm-${stack}` || name.startsWith(`fitnesscrm-${stack}-`)
    : ROLE.test(name);
}

function nameOf({ urn }: StateResource): string {
  return urn.split("::").slice(-2).join(" ").replace(/^.*\$/, "");
}

/** Docker types whose objects hold no data, by the command that removes one. */
const REMOVABLE: Readonly<Record<string, readonly string[]>> = {
  "docker:index/service:Service": ["service", "rm"],
  "docker:index/network:Network": ["network", "rm"],
  "docker:index/secret:Secret": ["secret", "rm"],
  "docker:index/serviceConfig:ServiceConfig": ["config", "rm"],
};

async function removeOrphan(
  { type, inputs }: StateResource,
  docker: DockerHost,
  stack: string,
): Promise<string | undefined> {
  const name = inputs?.name;
  const command = REMOVABLE[type];
  if (typeof name !== "string") {
    return undefined;
  }
  if (command !== undefined) {
    const result = await docker.run([...command, name]);
    return result.code === 0 ? "what it had made was removed" : undefined;
  }
  return type === "postgresql:index/role:Role" ? dropRole(name, docker, stack) : undefined;
}

/** A role that no update has recorded was never used, so it owns nothing; DROP ROLE refuses otherwise. */
async function dropRole(role: string, docker: DockerHost, stack: string): Promise<string | undefined> {
  const { stdout } = await docker.run([
    "container",
    "ls",
    "--quiet",
    "--filter",
    `label=fitnesscrm.stack=${stack}`,
    "--filter",
    "label=fitnesscrm.service=db",
  ]);
  const container = stdout.trim().split("\n")[0];
  if (!container) {
    return undefined;
  }
  const psql = ["psql", "--username", "postgres", "--command", `DROP ROLE IF EXISTS "${role}"`];
  const result = await docker.run(["exec", "--user", "postgres", container, ...psql]);
  return result.code === 0 ? "what it had made was removed" : undefined;
}
