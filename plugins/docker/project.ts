/**
 * The inputs that would lead to a live object, told so that they differ from the old inputs only where the object does:
 * sets keep the old order, equal durations the old spelling, what the engine fills in by itself is left out unless the
 * old inputs set it.
 */
import { isDeepStrictEqual } from "node:util";
import { formatPath, matches, type Path, parsePath, type Segment } from "../lib/paths";
import type { Props } from "../lib/types";
import { parseDuration } from "./durations";

/** What the upstream schema says about a type's properties; paths are patterns. */
export interface Shape {
  /** Sets, and what tells one element from another: some of its properties, or none for plain values. */
  readonly sets: Readonly<Record<string, readonly string[]>>;
  /** Filled in by the engine when not set: a difference means nothing then. */
  readonly computed: readonly string[];
  readonly durations: readonly string[];
  /** What the upstream schema puts where nothing is set. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Cannot be read back; what was set counts as what is. */
  readonly unreadable: readonly string[];
}

/** @param old the old inputs; undefined on import, where everything that is not a default is told */
export function project(live: Props, old: Props | undefined, shape: Shape): Props {
  const sets = Object.entries(shape.sets).map(([path, keys]) => [parsePath(path), keys] as const);
  const patterns = (texts: readonly string[]): Path[] => texts.map(parsePath);
  const [computed, durations] = [patterns(shape.computed), patterns(shape.durations)];
  const unreadable = patterns(shape.unreadable);
  const defaults = Object.entries(shape.defaults).map(([path, value]) => [parsePath(path), value] as const);
  const is = (list: readonly Path[], path: Path): boolean => list.some((pattern) => matches(pattern, path));

  const isDefault = (value: unknown, path: Path): boolean => {
    if (isEmpty(value)) return true;
    const fallback = defaults.find(([pattern]) => matches(pattern, path));
    return fallback !== undefined && isDeepStrictEqual(fallback[1], value);
  };

  const merge = (value: unknown, before: unknown, path: Segment[]): unknown => {
    if (is(unreadable, path)) return before;
    if (before === undefined || before === null) {
      if (isDefault(value, path) || (old !== undefined && is(computed, path))) return undefined;
      return isBag(value) ? mergeBag(value, {}, path) : value;
    }
    if (isEmpty(value) && isDefault(before, path)) return before;
    if (is(durations, path) && parseDuration(value) === parseDuration(before)) return before;
    if (Array.isArray(value) && Array.isArray(before)) return mergeList(value, before, path);
    if (isBag(value) && isBag(before)) return mergeBag(value, before, path);
    return value;
  };

  const mergeBag = (value: Props, before: Props, path: Segment[]): Props => {
    const keys = new Set([...Object.keys(before), ...Object.keys(value)]);
    const entries = [...keys].map((key) => [key, merge(value[key], before[key], [...path, key])] as const);
    return Object.fromEntries(entries.filter(([, child]) => child !== undefined));
  };

  const mergeList = (value: readonly unknown[], before: readonly unknown[], path: Segment[]): unknown[] => {
    const keys = sets.find(([pattern]) => matches(pattern, path))?.[1];
    if (keys === undefined) return value.map((item, i) => merge(item, before[i], [...path, i]) ?? item);
    const rest = [...value];
    const kept = before.flatMap((item) => {
      const at = rest.findIndex((candidate) => sameElement(candidate, item, keys));
      if (at < 0) return [];
      const [found] = rest.splice(at, 1);
      return [merge(found, item, [...path, 0])];
    });
    return [...kept, ...rest.map((item) => (isBag(item) ? mergeBag(item, {}, [...path, 0]) : item))];
  };

  return mergeBag(live, old ?? {}, []);
}

const isBag = (value: unknown): value is Props =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What Go leaves out of its JSON, and what a property that is not set reads as. */
const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === 0 ||
  value === "" ||
  value === "0s" ||
  (typeof value === "object" && Object.values(value).every(isEmpty));

function sameElement(a: unknown, b: unknown, keys: readonly string[]): boolean {
  if (!isBag(a) || !isBag(b)) return isDeepStrictEqual(a, b);
  return keys.every((key) => isDeepStrictEqual(a[key], b[key]));
}

/** Whether a difference is only that a property which the engine fills in by itself is not set any more. */
export function isReleased(shape: Shape, path: string, value: unknown): boolean {
  if (value !== undefined && value !== null) return false;
  return shape.computed.some((pattern) => matches(parsePath(pattern), parsePath(path)));
}

/** Fills in the defaults whose surroundings are there. Unknown surroundings stay as they are. */
export function withDefaults(inputs: Props, shape: Shape): Props {
  const filled = structuredCloneOf(inputs);
  for (const [path, value] of Object.entries(shape.defaults)) fill(filled, parsePath(path), value);
  return filled;
}

function fill(bag: unknown, [head, ...tail]: Path, value: unknown): void {
  if (head === undefined || typeof bag !== "object" || bag === null) return;
  if (head === "*") {
    for (const child of Object.values(bag)) fill(child, tail, value);
  } else if (!Array.isArray(bag)) {
    const owner = bag as Props;
    if (tail.length > 0) fill(owner[head], tail, value);
    else owner[head] ??= value;
  }
}

/** A deep copy that keeps the mark of unknown values, which `structuredClone` refuses. */
function structuredCloneOf<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(structuredCloneOf) as T;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, structuredCloneOf(child)]),
  ) as T;
}

/** Every value at the paths that a pattern names, with its path in Pulumi's notation. */
export function valuesAt(bag: unknown, pattern: string): [path: string, value: unknown][] {
  const found: [string, unknown][] = [];
  const visit = (node: unknown, [head, ...tail]: Path, path: Segment[]): void => {
    if (head === undefined) found.push([formatPath(path), node]);
    else if (typeof node === "object" && node !== null) {
      for (const [key, child] of Object.entries(node)) {
        if (head !== "*" && head !== key) continue;
        visit(child, tail, [...path, Array.isArray(node) ? Number(key) : key]);
      }
    }
  };
  visit(bag, parsePath(pattern), []);
  return found;
}
