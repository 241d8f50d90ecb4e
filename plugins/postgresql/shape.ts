import { type Failure, type Props, UNKNOWN } from "../lib/types";
import { MAX_NAME_BYTES } from "./sql";

/** What the upstream provider's schema says about one input. */
export interface Rule {
  readonly type: "string" | "number" | "boolean" | "set" | "list";
  readonly required?: boolean;
  /** The upstream default, written into the checked inputs. */
  readonly default?: unknown;
  /** Filled in by the server when it is not given: a live value that nobody asked for is no drift. */
  readonly computed?: boolean;
  /** The server does not tell it: what was declared stands. */
  readonly notRead?: boolean;
  readonly oneOf?: readonly string[];
  readonly min?: number;
  /** The name of a database object, which PostgreSQL would cut off silently when too long. */
  readonly name?: boolean;
  /** Not supported by this plugin: why, and what to use. */
  readonly refuse?: string;
}

/** The inputs of one resource type, every one of the SDK's and none else. */
export type Shape<Inputs> = { readonly [K in keyof Required<Inputs>]: Rule };

type Rules = Readonly<Record<string, Rule>>;

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === "" ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  );
}

function wrongType(rule: Rule, value: unknown): string | undefined {
  switch (rule.type) {
    case "set":
    case "list":
      return Array.isArray(value) && value.every((item) => typeof item === "string" || item === UNKNOWN)
        ? undefined
        : "must be a list of strings";
    case "number":
      return Number.isInteger(value) ? undefined : "must be a whole number";
    default:
      return typeof value === rule.type ? undefined : `must be a ${rule.type}`;
  }
}

function wrongValue(rule: Rule, value: unknown): string | undefined {
  if (typeof value === "string") {
    if (rule.oneOf !== undefined && !rule.oneOf.includes(value)) {
      return `${JSON.stringify(value)} is not one of ${rule.oneOf.join(", ")}`;
    }
    if (value.includes("\0")) {
      return "contains a NUL character, which PostgreSQL cannot store";
    }
    if (rule.name && value === "") {
      return "must not be empty";
    }
    if (rule.name && Buffer.byteLength(value) > MAX_NAME_BYTES) {
      return `${JSON.stringify(value)} is longer than ${MAX_NAME_BYTES} bytes, which PostgreSQL would cut off`;
    }
  }
  if (typeof value === "number" && rule.min !== undefined && value < rule.min) {
    return `${value} is below ${rule.min}`;
  }
  return undefined;
}

/** Fills in upstream defaults and reports what is invalid. */
export function checkInputs(rules: Rules, news: Props): { inputs: Props; failures: Failure[] } {
  const inputs: Props = {};
  const failures: Failure[] = [];
  for (const key of Object.keys(news).filter((name) => !(name in rules))) {
    failures.push({ property: key, reason: "is not a property of this resource" });
  }
  for (const [key, rule] of Object.entries(rules)) {
    let value = news[key];
    if (value === undefined || value === null) {
      if (rule.required) {
        failures.push({ property: key, reason: "is required" });
        continue;
      }
      value = rule.default;
      if (value === undefined) {
        continue;
      }
    }
    inputs[key] = value;
    if (value === UNKNOWN) {
      continue;
    }
    const reason = rule.refuse ?? wrongType(rule, value) ?? wrongValue(rule, value);
    if (reason !== undefined) {
      failures.push({ property: key, reason });
    }
  }
  return { inputs, failures };
}

/** Equal as the upstream schema sees it: sets in any order, unset and empty alike. */
export function sameValue(rule: Rule, a: unknown, b: unknown): boolean {
  if (isEmpty(a) && isEmpty(b)) {
    return true;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    const [left, right] = rule.type === "set" ? [[...new Set(a)].sort(), [...new Set(b)].sort()] : [a, b];
    return left.length === right.length && left.every((item, index) => item === right[index]);
  }
  return a === b;
}

function emptyValue(rule: Rule): unknown {
  switch (rule.type) {
    case "set":
    case "list":
      return [];
    case "number":
      return 0;
    case "boolean":
      return false;
    default:
      return "";
  }
}

/**
 * The inputs that would lead to a live object. A property that was declared and still holds keeps its spelling, so that
 * a refresh shows nothing; one that nobody declared appears only when the upstream provider would undo it.
 */
export function liveInputs(rules: Rules, state: Props, oldInputs: Props | undefined): Props {
  const inputs: Props = {};
  for (const [key, rule] of Object.entries(rules)) {
    if (rule.refuse !== undefined) {
      continue;
    }
    const live = state[key];
    const old = oldInputs?.[key];
    if (old !== undefined) {
      inputs[key] = rule.notRead || sameValue(rule, live, old) ? old : (live ?? emptyValue(rule));
    } else if (!isEmpty(live) && live !== rule.default && !(rule.computed && oldInputs !== undefined)) {
      inputs[key] = live;
    } else if (oldInputs === undefined && rule.default !== undefined) {
      inputs[key] = live ?? rule.default;
    }
  }
  return inputs;
}

/** The state of a live object, with declared values kept in the spelling in which they were declared. */
export function inDeclaredSpelling<S extends Props>(rules: Rules, state: S, declared: Props | undefined): S {
  const spelled: Props = { ...state };
  for (const [key, rule] of Object.entries(rules)) {
    const value = declared?.[key];
    if (value !== undefined && sameValue(rule, state[key], value)) {
      spelled[key] = value;
    }
  }
  return spelled as S;
}

/** The state that a preview shows: what is declared, and what the server fills in only where it is known already. */
export function previewState(rules: Rules, inputs: Props, old: Props | undefined): Props {
  const state: Props = { ...inputs };
  for (const [key, rule] of Object.entries(rules)) {
    if (rule.computed && state[key] === undefined) {
      state[key] = old?.[key] ?? UNKNOWN;
    }
  }
  return state;
}

/** The properties that are sets upstream, for the engine's comparison. */
export function setsOf(rules: Rules): string[] {
  return Object.keys(rules).filter((key) => rules[key]?.type === "set");
}
