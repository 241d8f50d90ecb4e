import type { DockerHost } from "./docker";
import { helperName } from "./local/environment";
import type { Pulumi } from "./pulumi";

/** The fields of a resource in an exported state by which it holds on to others. */
interface Links {
  urn: string;
  type: string;
  parent?: string;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[] | null>;
  deletedWith?: string;
  replaceWith?: string[];
}

export interface Deployment {
  resources?: Links[];
}

/**
 * A local stack's AWS resources live in the memory of the emulator's container. Where that does not run, they are gone
 * already, and to delete them one by one would only fail on each.
 *
 * @returns What was done, in words; undefined when the emulator runs.
 */
export async function forgetEmulated(
  pulumi: Pulumi,
  docker: DockerHost,
  stack: string,
): Promise<string | undefined> {
  const name = helperName(stack, "aws");
  const { stdout } = await docker.run(["container", "inspect", "--format", "{{.State.Running}}", name]);
  if (stdout.trim() === "true") {
    return undefined;
  }
  const text = await pulumi.runChecked("state of the stack", ["stack", "export", "--stack", stack]);
  const exported = JSON.parse(text) as { deployment: Deployment };
  const { deployment, forgotten } = without(exported.deployment, isEmulated);
  if (forgotten === 0) {
    return undefined;
  }
  await pulumi.runChecked(
    "state of the stack",
    ["stack", "import", "--force", "--stack", stack],
    JSON.stringify({ ...exported, deployment }),
  );
  return `the AWS emulator does not run: the ${forgotten} resources that it held are gone with it`;
}

function isEmulated({ type }: { type: string }): boolean {
  return type.startsWith("aws:") || type === "pulumi:providers:aws";
}

/** A deployment without some of its resources, and without what others say of those. */
export function without(
  deployment: Deployment,
  gone: (resource: Links) => boolean,
): { deployment: Deployment; forgotten: number } {
  const all = deployment.resources ?? [];
  const dropped = new Set(all.filter(gone).map(({ urn }) => urn));
  const keeps = (urn: string): boolean => !dropped.has(urn);
  const resources = all
    .filter(({ urn }) => keeps(urn))
    .map(({ deletedWith, ...resource }) => ({
      ...resource,
      ...(resource.dependencies && { dependencies: resource.dependencies.filter(keeps) }),
      ...(resource.replaceWith && { replaceWith: resource.replaceWith.filter(keeps) }),
      ...(resource.propertyDependencies && {
        propertyDependencies: Object.fromEntries(
          Object.entries(resource.propertyDependencies).map(([key, urns]) => [
            key,
            urns?.filter(keeps) ?? null,
          ]),
        ),
      }),
      ...(deletedWith !== undefined && keeps(deletedWith) && { deletedWith }),
    }));
  return { deployment: { ...deployment, resources }, forgotten: dropped.size };
}
