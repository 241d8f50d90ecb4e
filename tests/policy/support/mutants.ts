import type { Declared } from "./harness";
import { textMutants } from "./textMutants";

/** A stack in which one thing is weaker, or just different. */
export interface Mutant {
  /** `Service db taskSpec/resources/limits/memoryBytes`. */
  what: string;
  how: How;
  stack: Declared[];
  /** Type of the resource that was changed. */
  type: string;
  /** The resource that was changed; undefined when it is gone. */
  changed?: Declared;
}

export type How = "removed" | "other" | "more" | "less" | "wider" | "rarer";

/** By how much a number is made larger or smaller: far beyond anything that is a matter of taste. */
const FACTOR = 1000;

/** Every way to change one resource, one property or one number of a stack. */
export function* mutantsOf(
  stack: readonly Declared[],
  mutates: (type: string) => boolean,
): Generator<Mutant> {
  for (const [index, resource] of stack.entries()) {
    const { type } = resource;
    if (!mutates(type)) {
      continue;
    }
    const name = `${type.split(":").at(-1)} ${resource.name}`;
    yield { what: name, how: "removed", type, stack: stack.filter((_, other) => other !== index) };

    const edited = (edit: (copy: Declared) => void): Pick<Mutant, "stack" | "changed" | "type"> => {
      const changed = structuredClone(resource);
      edit(changed);
      return { type, changed, stack: stack.map((other, at) => (at === index ? changed : other)) };
    };
    if (resource.protect) {
      const mutated = edited((copy) => {
        copy.protect = false;
      });
      yield { what: `${name} protect`, how: "other", ...mutated };
    }
    for (const property of Object.keys(resource.references)) {
      const mutated = edited((copy) => {
        delete copy.references[property];
      });
      yield { what: `${name} ${property} reference`, how: "removed", ...mutated };
    }
    for (const gate of (resource.dependsOn ?? []).filter((key) => key.includes("::gate-"))) {
      const mutated = edited((copy) => {
        copy.dependsOn = copy.dependsOn?.filter((key) => key !== gate) ?? [];
        for (const [property, targets] of Object.entries(copy.references)) {
          copy.references[property] = targets.filter((key) => key !== gate);
        }
      });
      yield { what: `${name} dependsOn ${gate.split("::")[1]}`, how: "removed", ...mutated };
    }
    for (const [steps, value] of nodes(resource.props)) {
      for (const [how, other, inner] of changes(value)) {
        yield {
          what: `${name} ${pathOf(resource.props, steps)}${inner === undefined ? "" : `//${inner}`}`,
          how,
          ...edited((copy) => {
            copy.props = replaced(copy.props, steps, other) as Declared["props"];
          }),
        };
      }
    }
  }
}

/** Every node of a tree of properties below its root, with its path. */
export function* nodes(
  value: unknown,
  path: readonly string[] = [],
): Generator<[path: readonly string[], value: unknown]> {
  if (typeof value !== "object" || value === null) {
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    if (child !== undefined) {
      const below = [...path, key];
      yield [below, child];
      yield* nodes(child, below);
    }
  }
}

/** A path for people: what stands in a list is called by its name, where it has one. */
export function pathOf(root: unknown, steps: readonly string[]): string {
  let node = root;
  return steps
    .map((step) => {
      const isItem = Array.isArray(node);
      node = Object(node)[step];
      return isItem ? `[${nameOf(node) ?? step}]` : step;
    })
    .join("/");
}

function nameOf(item: unknown): string | undefined {
  if (typeof item === "string") {
    return /^([a-z_.]+)=/.exec(item)?.[1] ?? (item === "-c" ? item : undefined);
  }
  const named = Object(item);
  return named.label ?? named.target ?? named.fileName ?? named.id ?? named.name ?? named.configName;
}

/** A copy of a tree with another value at a path; undefined removes it. */
export function replaced(tree: unknown, [key = "", ...below]: readonly string[], value: unknown): unknown {
  const copy = structuredClone(tree) as Record<string, unknown>;
  if (below.length > 0) {
    copy[key] = replaced(copy[key], below, value);
  } else if (value !== undefined) {
    copy[key] = value;
  } else if (Array.isArray(copy)) {
    copy.splice(Number(key), 1);
  } else {
    delete copy[key];
  }
  return copy;
}

/** How a value is changed, into what, and where inside of it when it is a text with an inside. */
export type Change = readonly [how: How, value: unknown, inner?: string];

export function changes(value: unknown): Change[] {
  const removed: Change = ["removed", undefined];
  switch (typeof value) {
    case "number":
      return [removed, ["more", value === 0 ? 1 : value * FACTOR], ["less", value / FACTOR]];
    case "boolean":
      return [removed, ["other", !value]];
    case "string":
      return [removed, ["other", "mutant"], ...textMutants(value)];
    default:
      return [removed];
  }
}
