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
}

/** Declares a resource; its properties are checked against the SDK's types. */
export function declare<T extends Token>(
  type: T,
  name: string,
  props: Props<T>,
  more: { protect?: boolean; references?: Record<string, string[]> } = {},
): Declared {
  return {
    type,
    name,
    props: structuredClone(props) as Record<string, unknown>,
    protect: more.protect ?? false,
    references: more.references ?? {},
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
    options.focus === undefined ? resources : resources.slice(stack.indexOf(options.focus) + 1).slice(0, 1);
  for (const { name, policy } of rules) {
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

/** As the engine hands it over, by declaration: a stack under test is judged a thousand times with one resource changed. */
const linked = new Map<string, WeakMap<Declared, PolicyResource>>();

function link(stack: readonly Declared[], project: string): PolicyResource[] {
  const root = {
    type: "pulumi:pulumi:Stack",
    name: `${project}-local`,
    props: {},
    protect: false,
    references: {},
  };
  const cache = linked.get(project) ?? new WeakMap<Declared, PolicyResource>();
  linked.set(project, cache);
  return [root, ...stack].map((declared) => {
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

function policyResource(
  { type, name, props, protect, references }: Declared,
  project: string,
): PolicyResource {
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
    props: unknownCheckingProxy(props),
    opts: { ...OPTIONS, protect },
    dependencies: [],
    propertyDependencies: Object.fromEntries(
      Object.entries(references).map(([property, targets]) => [property, targets.map(target)]),
    ),
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
  const found = copy.filter((resource) => `${resource.type.split(":").at(-1)} ${resource.name}` === name);
  if (found.length !== 1) {
    throw new Error(`${found.length} resources are called ${name}`);
  }
  found.forEach(edit);
  return copy;
}

/** A copy of the stack without one resource. */
export function without(stack: readonly Declared[], name: string): Declared[] {
  const rest = stack.filter((resource) => `${resource.type.split(":").at(-1)} ${resource.name}` !== name);
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
