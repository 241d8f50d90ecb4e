/**
 * Reads a live object back into the shape in which the program wrote it, so that a refresh shows real changes only:
 * AWS fills in defaults, leaves out what is empty and orders lists as it likes.
 */

import type { Props } from "../lib/types";

/** True for what a service answers where nothing was set. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object") return Object.values(value).every(isEmpty);
  return false;
}

function isBag(value: unknown): value is Props {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `live` in the shape of `old`: its properties and its order, plus whatever is live and not empty. */
export function follow(old: unknown, live: unknown): unknown {
  if (isEmpty(old) && isEmpty(live)) return old;
  if (Array.isArray(old) && Array.isArray(live)) return followList(old, live);
  if (!isBag(live)) return live;
  const shape = isBag(old) ? old : {};
  const result: Props = {};
  for (const [key, value] of Object.entries(live)) {
    if (key in shape || !isEmpty(value)) result[key] = follow(shape[key], value);
  }
  for (const key of Object.keys(shape)) {
    if (!(key in result) && isEmpty(shape[key])) result[key] = shape[key];
  }
  return result;
}

function followList(old: readonly unknown[], live: readonly unknown[]): unknown[] {
  const rest = [...live];
  const found: unknown[] = [];
  const changed: unknown[] = [];
  for (const item of old) {
    const index = rest.findIndex((candidate) => isSame(item, candidate));
    if (index < 0) changed.push(item);
    else found.push(follow(item, rest.splice(index, 1)[0]));
  }
  return [...found, ...rest.map((item, index) => follow(changed[index], item))];
}

function isSame(old: unknown, live: unknown): boolean {
  if (isBag(old) && isBag(live) && typeof old.id === "string") return old.id === live.id;
  return isEqual(old, follow(old, live));
}

/** Structural equality; the order of keys does not matter, and an undefined property is an absent one. */
export function isEqual(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index]));
  }
  if (isBag(left) && isBag(right)) {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].every((key) => isEqual(left[key], right[key]));
  }
  return left === right;
}
