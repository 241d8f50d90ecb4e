/** Old inputs against new inputs: what changes, by property path, and what of it replaces the resource. */
import { isDeepStrictEqual } from "node:util";
import { formatPath, holds, matches, type Path, parsePath, type Segment } from "./paths";
import { type Props, type ResourceHandler, UNKNOWN } from "./types";
import { isInternal } from "./values";

export type Kind = "add" | "update" | "delete" | "add-replace" | "update-replace" | "delete-replace";

/** Kinds of change by path in Pulumi's notation; empty when nothing changes. */
export type DetailedDiff = Readonly<Record<string, Kind>>;

export type DiffRules = Pick<
  ResourceHandler<never, never>,
  "replaceOn" | "sets" | "ignoreDiff" | "autoName" | "deleteBeforeReplace"
> & {
  /** True when any change replaces. */
  readonly immutable?: boolean;
};

/**
 * Properties that count as absent: undefined, null, and an empty list or object, which the upstream providers do not
 * tell from an absent one.
 */
const absent = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (typeof value === "object" && Object.values(value).every((child) => child === undefined || child === null));

/** Compares two bags of inputs. The bridge's own marks are left out. */
export function diff(olds: Props, news: Props, rules: DiffRules): DetailedDiff {
  const found: Record<string, Kind> = {};
  const replaceOn = rules.replaceOn.map(parsePath);
  const sets = (rules.sets ?? []).map(parsePath);

  const report = (
    kind: "add" | "update" | "delete",
    path: Path,
    oldValue: unknown,
    newValue: unknown,
  ): void => {
    const text = formatPath(path);
    if (rules.ignoreDiff?.(text, oldValue, newValue)) return;
    const replaces =
      rules.immutable ||
      replaceOn.some((pattern) => holds(oldValue, path, pattern) || holds(newValue, path, pattern));
    found[text] = replaces ? `${kind}-replace` : kind;
  };

  const compare = (oldValue: unknown, newValue: unknown, path: Segment[]): void => {
    if (newValue === UNKNOWN) {
      report(absent(oldValue) ? "add" : "update", path, oldValue, newValue);
    } else if (absent(oldValue) && absent(newValue)) {
      return;
    } else if (absent(oldValue)) {
      report("add", path, oldValue, newValue);
    } else if (absent(newValue)) {
      report("delete", path, oldValue, newValue);
    } else if (Array.isArray(oldValue) && Array.isArray(newValue)) {
      const isSet = sets.some((pattern) => matches(pattern, path));
      compareLists(oldValue, newValue, path, isSet);
    } else if (isBag(oldValue) && isBag(newValue)) {
      compareBags(oldValue, newValue, path);
    } else if (!isDeepStrictEqual(oldValue, newValue)) {
      report("update", path, oldValue, newValue);
    }
  };

  const compareBags = (oldBag: Props, newBag: Props, path: Segment[]): void => {
    for (const key of new Set([...Object.keys(oldBag), ...Object.keys(newBag)])) {
      if (!isInternal(key)) compare(oldBag[key], newBag[key], [...path, key]);
    }
  };

  const compareLists = (
    oldList: readonly unknown[],
    newList: readonly unknown[],
    path: Segment[],
    isSet: boolean,
  ): void => {
    const kept = isSet ? common(oldList, newList) : undefined;
    for (let i = 0; i < Math.max(oldList.length, newList.length); i++) {
      const oldItem = kept?.old.has(i) ? undefined : oldList[i];
      const newItem = kept?.new.has(i) ? undefined : newList[i];
      compare(oldItem, newItem, [...path, i]);
    }
  };

  compareBags(olds, news, []);
  return found;
}

const isBag = (value: unknown): value is Props =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The indices of elements that stand in both lists, whatever their order; each element is paired once. */
function common(
  oldList: readonly unknown[],
  newList: readonly unknown[],
): { old: Set<number>; new: Set<number> } {
  const pairs = { old: new Set<number>(), new: new Set<number>() };
  newList.forEach((newItem, i) => {
    if (newItem === UNKNOWN) return;
    const at = oldList.findIndex((oldItem, j) => !pairs.old.has(j) && sameElement(oldItem, newItem));
    if (at < 0) return;
    pairs.old.add(at);
    pairs.new.add(i);
  });
  return pairs;
}

/** Equality of set elements, in which an absent property equals one that is not there. */
function sameElement(a: unknown, b: unknown): boolean {
  if (absent(a) && absent(b)) return true;
  if (!isBag(a) || !isBag(b)) return isDeepStrictEqual(a, b);
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => isInternal(key) || sameElement(a[key], b[key]));
}

/** Names of the top-level properties that replace the resource, as the engine wants them, sorted. */
export function replaceKeys(changes: DetailedDiff): string[] {
  const keys = Object.entries(changes)
    .filter(([, kind]) => kind.endsWith("-replace"))
    .map(([path]) => String(parsePath(path)[0]));
  return [...new Set(keys)].sort();
}

/** Names of the top-level properties that change, sorted. */
export function changedKeys(changes: DetailedDiff): string[] {
  return [...new Set(Object.keys(changes).map((path) => String(parsePath(path)[0])))].sort();
}

/**
 * Whether a replacement deletes first: the handler wants it, or the object's name was set by the program and stays,
 * so that the two objects would collide.
 */
export function deletesBeforeReplace(olds: Props, news: Props, rules: DiffRules): boolean {
  if (rules.deleteBeforeReplace) return true;
  const { autoName } = rules;
  if (autoName === undefined || isDefaulted(news, autoName)) return false;
  return isDeepStrictEqual(olds[autoName], news[autoName]);
}

/** True when the property was filled in rather than set by the program (the bridge's own mark). */
export function isDefaulted(inputs: Props, property: string): boolean {
  return Array.isArray(inputs.__defaults) && inputs.__defaults.includes(property);
}
