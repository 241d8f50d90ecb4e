import {
  type PolicyResource,
  type PolicyResourceOptions,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  UnknownValueError,
  unknownCheckingProxy,
} from "@pulumi/policy";
import type { Rule } from "../../../policies/lib/rule";
import type { Props, Token } from "../../../policies/lib/types";
import { RULES } from "../../../policies/policies";

/** A resource of a stack under test. */
export interface Declared {
  type: string;
  name: string;
  props: Record<string, unknown>;
  protect: boolean;
  /** Resources that a property takes its value from, as `type::name`. */
  references: Record<string, string[]>;
  /** Resources that it waits for, as `type::name`, and the component that it is a part of. */
  dependsOn?: readonly string[];
  parent?: string;
  /** What the provider would answer beside the properties; rules of the whole stack see it. */
  outputs?: Readonly<Record<string, unknown>>;
  ignoreChanges?: string[];
}

/** Declares a resource; its properties are checked against the SDK's types. */
export function declare<T extends Token>(
  type: T,
  name: string,
  props: Props<T>,
  more: Partial<Pick<Declared, "protect" | "references" | "dependsOn" | "outputs">> = {},
): Declared {
  return {
    type,
    name,
    props: structuredClone(props) as Record<string, unknown>,
    protect: more.protect ?? false,
    references: more.references ?? {},
    ...(more.dependsOn !== undefined && { dependsOn: more.dependsOn }),
    ...(more.outputs !== undefined && { outputs: more.outputs }),
  };
}

export interface Violation {
  policy: string;
  message: string;
  level: string;
  urn: string | undefined;
}

export interface JudgeOptions {
  /** Policy configuration by policy name. */
  config?: Record<string, Record<string, unknown>>;
  project?: string;
  /** Judge by these policies only. */
  only?: readonly string[];
  rules?: readonly Rule[];
  /** Of the resource policies, ask those of this resource only. */
  focus?: Declared | undefined;
  /** Stop at the first policy that refuses. */
  first?: boolean;
}

/** What the engine passes for a string that is not known yet in a preview. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/**
 * Judges a stack as the engine does: each resource by the resource policies, then all by the stack policies. A policy that
 * lets an unknown value escape fails the test.
 */
export function judge(stack: readonly Declared[], options: JudgeOptions = {}): Violation[] {
  const { config = {}, project = "fitnesscrm", only } = options;
  const rules = (options.rules ?? RULES).filter(({ name }) => only?.includes(name) ?? true);
  const violations: Violation[] = [];
  const resources = link(stack, project);
  const focused =
    options.focus === undefined
      ? resources
      : resources.filter(({ urn }) => urn === urnOf(project, options.focus as Declared));
  for (const { name, policy } of rules) {
    if (options.first === true && violations.length > 0) {
      break;
    }
    const report = (violation: unknown, urn?: string): void => {
      violations.push(toViolation(name, violation, urn));
    };
    // Copied, as the framework does: a policy must not change what the next one sees.
    const getConfig = <C extends object>(): C => structuredClone(config[name] ?? {}) as C;
    const common = { stackTags: new Map<string, string>(), getConfig, notApplicable };
    try {
      if ("validateStack" in policy) {
        void (policy as StackValidationPolicy).validateStack({ ...common, resources }, report);
        continue;
      }
      const { validateResource } = policy as ResourceValidationPolicy;
      for (const validate of [validateResource ?? []].flat()) {
        for (const resource of focused) {
          void validate({ ...common, ...resource, asType: () => undefined }, report);
        }
      }
    } catch (error) {
      if (error instanceof UnknownValueError) {
        throw new Error(`policy ${name} let an unknown value escape: ${String(error)}`);
      }
      throw error;
    }
  }
  return violations;
}

/**
 * The policies that a change of one resource can matter to, by the resource's type: those of the resource itself, and of the
 * stack's those that look at any resource of the type. One that looks at none takes the same way whatever they are.
 */
export function relevantPolicies(stack: readonly Declared[]): (type: string) => string[] {
  const seen = new Map<string, Set<string>>();
  for (const { name, policy } of RULES) {
    const types = new Set<string>();
    seen.set(name, types);
    if ("validateStack" in policy) {
      const spied = link(stack, "fitnesscrm").map((resource) =>
        spy(resource, () => types.add(resource.type)),
      );
      const getConfig = <C extends object>(): C => ({}) as C;
      const args = { resources: spied, stackTags: new Map<string, string>(), getConfig, notApplicable };
      void (policy as StackValidationPolicy).validateStack(args, () => undefined);
    }
  }
  return (type) =>
    RULES.filter(
      ({ name, types }) => (types as readonly string[]).includes(type) || seen.get(name)?.has(type),
    ).map(({ name }) => name);
}

function spy(resource: PolicyResource, looked: () => void): PolicyResource {
  return new Proxy(resource, {
    get(target, property) {
      if (property !== "type" && property !== "name" && property !== "urn") {
        looked();
      }
      return Reflect.get(target, property);
    },
  });
}

function notApplicable(): never {
  throw new Error("no policy of this pack calls notApplicable");
}

function toViolation(policy: string, violation: unknown, urn: string | undefined): Violation {
  if (typeof violation === "string") {
    return { policy, message: violation, level: "mandatory", urn };
  }
  const given = violation as { message: string; urn?: string; enforcementLevel: string };
  return { policy, message: given.message, level: given.enforcementLevel, urn: given.urn };
}

function urnOf(project: string, { type, name }: { type: string; name: string }): string {
  return `urn:pulumi:local::${project}::${type}::${name}`;
}

const ROOT = "pulumi:pulumi:Stack";

/** As the engine hands it over, by declaration: a stack under test is judged a thousand times with one resource changed. */
const linked = new Map<string, WeakMap<Declared, PolicyResource>>();

function link(stack: readonly Declared[], project: string): PolicyResource[] {
  const root = {
    type: ROOT,
    name: `${project}-local`,
    props: {},
    protect: false,
    references: {},
  };
  const cache = linked.get(project) ?? new WeakMap<Declared, PolicyResource>();
  linked.set(project, cache);
  const all = stack.some(({ type }) => type === ROOT) ? stack : [root, ...stack];
  return all.map((declared) => {
    const resource = cache.get(declared) ?? policyResource(declared, project);
    cache.set(declared, resource);
    return resource;
  });
}

const OPTIONS: Omit<PolicyResourceOptions, "protect"> = {
  ignoreChanges: [],
  aliases: [],
  customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
  additionalSecretOutputs: [],
};

function policyResource(declared: Declared, project: string): PolicyResource {
  const { type, name, props, protect, references, dependsOn, parent, outputs } = declared;
  // What stands elsewhere in the stack is looked up there, by its URN.
  const target = (of: string): PolicyResource => {
    const [targetType = "", targetName = ""] = of.split("::");
    return policyResource(
      { type: targetType, name: targetName, props: {}, protect, references: {} },
      project,
    );
  };
  return {
    type,
    name,
    urn: urnOf(project, { type, name }),
    props: unknownCheckingProxy({ ...outputs, ...props }),
    opts: { ...OPTIONS, protect, ignoreChanges: declared.ignoreChanges ?? [] },
    dependencies: (dependsOn ?? []).map(target),
    propertyDependencies: Object.fromEntries(
      Object.entries(references).map(([property, targets]) => [property, targets.map(target)]),
    ),
    ...(parent !== undefined && { parent: target(parent) }),
    isType: () => false,
    asType: () => undefined,
  };
}

/** A copy of the stack in which one resource was changed. */
export function change(
  stack: readonly Declared[],
  name: string,
  edit: (resource: Declared) => void,
): Declared[] {
  const copy = structuredClone(stack) as Declared[];
  const found = copy.filter((resource) => isCalled(resource, name));
  if (found.length !== 1) {
    throw new Error(`${found.length} resources are called ${name}`);
  }
  found.forEach(edit);
  return copy;
}

/** By its kind and name; a component is often called as what it is made of. */
function isCalled({ type, name }: Declared, called: string): boolean {
  return `${type.split(":").at(-1)} ${name}` === called && !type.startsWith("fitnesscrm:");
}

/** A copy of the stack without one resource. */
export function without(stack: readonly Declared[], name: string): Declared[] {
  const rest = stack.filter((resource) => !isCalled(resource, name));
  if (rest.length === stack.length) {
    throw new Error(`no resource is called ${name}`);
  }
  return structuredClone(rest);
}

type Path = readonly (string | number)[];

/** Reads a value at a dotted path (`rules.0.status`). */
export function valueAt(resource: Declared, path: string): unknown {
  return steps(path).reduce<unknown>((node, step) => Object(node)[step] as unknown, resource.props);
}

/** Sets a value at a dotted path; undefined removes the property. */
export function set(resource: Declared, path: string, value: unknown): void {
  const all = steps(path);
  const last = all.at(-1);
  if (last === undefined) {
    throw new Error("an empty path");
  }
  const parent = all.slice(0, -1).reduce<Record<string | number, unknown>>((node, step) => {
    node[step] ??= {};
    return node[step] as Record<string | number, unknown>;
  }, resource.props);
  if (value !== undefined) {
    parent[last] = value;
  } else if (Array.isArray(parent)) {
    parent.splice(Number(last), 1);
  } else {
    delete parent[last];
  }
}

/** Keys of labels and tags hold dots: a path's steps are told apart by `/` where it has one, else by dots. */
function steps(path: string): Path {
  return path.split(path.includes("/") ? "/" : ".").map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
