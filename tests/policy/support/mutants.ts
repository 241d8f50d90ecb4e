import { type Declared, set } from "./harness";

/** A stack in which one thing is weaker, or just different. */
export interface Mutant {
  /** `Service db taskSpec/resources/limits/memoryBytes`. */
  what: string;
  how: "removed" | "other" | "more" | "less";
  stack: Declared[];
  /** The resource that was changed; undefined when it is gone. */
  changed?: Declared;
}

/** Every way to change one resource, one property or one number of a stack. */
export function* mutantsOf(stack: readonly Declared[]): Generator<Mutant> {
  for (const [index, resource] of stack.entries()) {
    const name = `${resource.type.split(":").at(-1)} ${resource.name}`;
    yield { what: name, how: "removed", stack: stack.filter((_, other) => other !== index) };

    const edited = (edit: (copy: Declared) => void): Pick<Mutant, "stack" | "changed"> => {
      const changed = structuredClone(resource);
      edit(changed);
      return { changed, stack: stack.map((other, at) => (at === index ? changed : other)) };
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
      yield { what: `${name} ${property}`, how: "other", ...mutated };
    }
    for (const [path, value] of nodes(resource.props)) {
      for (const [how, other] of changes(value)) {
        yield { what: `${name} ${path}`, how, ...edited((copy) => set(copy, path, other)) };
      }
    }
  }
}

/** Every node of a tree of properties below its root, with its path. */
function* nodes(value: unknown, path: readonly string[] = []): Generator<[string, unknown]> {
  if (typeof value !== "object" || value === null) {
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    if (child !== undefined) {
      const below = [...path, key];
      yield [below.join("/"), child];
      yield* nodes(child, below);
    }
  }
}

function changes(value: unknown): [Mutant["how"], unknown][] {
  const removed: [Mutant["how"], unknown] = ["removed", undefined];
  switch (typeof value) {
    case "number":
      return [removed, ["more", value === 0 ? 1 : value * 10], ["less", value / 10]];
    case "boolean":
      return [removed, ["other", !value]];
    case "string":
      return [removed, ["other", "mutant"]];
    default:
      return [removed];
  }
}
