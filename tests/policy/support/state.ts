import type { Declared } from "./harness";

interface StateResource {
  urn: string;
  type: string;
  custom: boolean;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  parent?: string;
  protect?: boolean;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
}

interface State {
  version: number;
  deployment: { manifest: object; secrets_providers?: object; resources: StateResource[] };
}

const STACK = "pulumi:pulumi:Stack";

/** A state, as `pulumi stack export` writes it, with the resources of a stack under test. */
export function stateOf(stack: readonly Declared[]): State {
  const root = stack.find(({ type }) => type === STACK);
  const rest = inOrder(stack.filter((each) => each !== root).map(resourceOf));
  return {
    version: 3,
    deployment: {
      manifest: { time: "2026-01-01T00:00:00Z", magic: "", version: "v3.259.0" },
      resources: [{ urn: ROOT, type: STACK, custom: false, outputs: { ...root?.props } }, ...rest],
    },
  };
}

function urn(type: string, name: string): string {
  return `urn:pulumi:local::fitnesscrm::${type}::${name}`;
}

const ROOT = urn(STACK, "fitnesscrm-local");

function urnsOf(keys: readonly string[]): string[] {
  return keys.map((key) => urn(...(key.split("::") as [string, string])));
}

function resourceOf({
  type,
  name,
  props,
  protect,
  references,
  dependsOn,
  parent,
  outputs,
}: Declared): StateResource {
  const propertyDependencies = Object.fromEntries(
    Object.entries(references).map(([property, targets]) => [property, urnsOf(targets)]),
  );
  const custom = !type.startsWith("fitnesscrm:");
  return {
    urn: urn(type, name),
    type,
    custom,
    ...(custom && { id: name }),
    inputs: props,
    outputs: { ...outputs, ...props },
    parent: parent === undefined ? ROOT : (urnsOf([parent])[0] ?? ROOT),
    protect,
    dependencies: [...new Set([...urnsOf(dependsOn ?? []), ...Object.values(propertyDependencies).flat()])],
    propertyDependencies,
  };
}

/** A state lists what others depend on first. */
function inOrder(resources: readonly StateResource[]): StateResource[] {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const ordered = new Set<StateResource>();
  const visit = (resource: StateResource | undefined): void => {
    if (resource === undefined || ordered.has(resource)) {
      return;
    }
    for (const before of [...(resource.dependencies ?? []), resource.parent ?? ""]) {
      visit(byUrn.get(before));
    }
    ordered.add(resource);
  };
  resources.forEach(visit);
  return [...ordered];
}
