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
 * Takes what lived in an AWS emulator that is gone out of the state: to delete it one by one would only fail on each.
 *
 * @returns How many resources that were.
 */
export async function forgetEmulated(pulumi: Pulumi): Promise<number> {
  let count = 0;
  await pulumi.editState<Deployment>((before) => {
    const { deployment, forgotten } = without(before, isEmulated);
    count = forgotten;
    return deployment;
  });
  return count;
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
