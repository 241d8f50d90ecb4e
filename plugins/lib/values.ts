/**
 * The engine's notation of property values (plain JSON in which objects with a signature key stand for secrets,
 * outputs, resources, assets, and sentinel strings for what is not known yet) and plain JavaScript, both ways.
 */
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { matches, type Path, type Segment, startsWith } from "./paths";
import { type Props, UNKNOWN } from "./types";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e";

const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** One sentinel a type: boolean, number, string, array, asset, archive, object. */
const SENTINELS: ReadonlySet<string> = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  UNKNOWN_STRING,
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** A value without wrappings, and the paths at which a secret stood. */
export interface Decoded<T = unknown> {
  readonly value: T;
  readonly secrets: readonly Path[];
}

/**
 * Takes a value out of the engine's notation. Secrets and outputs are unwrapped, references to resources become the
 * resource's id (its URN where it has none), sentinels become {@link UNKNOWN}; assets and archives stay as they are.
 */
export function decode(wire: unknown): Decoded {
  const secrets: Path[] = [];
  return { value: unwrap(wire, [], secrets), secrets };
}

/** {@link decode} for the bag of a request; an absent one is empty. */
export function fromStruct(struct: Struct | undefined): Decoded<Props> {
  return decode(struct?.toJavaScript() ?? {}) as Decoded<Props>;
}

/** {@link encode} for the bag of an answer. */
export function toStruct(props: Props, secrets: readonly Path[] = []): Struct {
  return Struct.fromJavaScript(encode(props, secrets) as Record<string, JavaScriptValue>);
}

/** Keys by which the bridge of the official providers marks bags that it made. */
export const isInternal = (key: string): boolean =>
  key === "__defaults" || key === "__meta" || key === "__internal";

/** The value without the bridge's marks, at any depth. */
export function withoutInternals<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutInternals) as T;
  const entries = Object.entries(value).filter(([key]) => !isInternal(key));
  return Object.fromEntries(entries.map(([key, child]) => [key, withoutInternals(child)])) as T;
}

function unwrap(wire: unknown, path: Segment[], secrets: Path[]): unknown {
  if (typeof wire === "string") return SENTINELS.has(wire) ? UNKNOWN : wire;
  if (typeof wire !== "object" || wire === null) return wire;
  if (Array.isArray(wire)) return wire.map((item, i) => unwrap(item, [...path, i], secrets));
  const bag = wire as Props;
  switch (bag[SIGNATURE]) {
    case SECRET:
      secrets.push(path);
      return unwrap(bag.value, path, secrets);
    case OUTPUT:
      if (bag.secret === true) secrets.push(path);
      return "value" in bag ? unwrap(bag.value, path, secrets) : UNKNOWN;
    case RESOURCE:
      if (!("id" in bag)) return bag.urn;
      return bag.id === "" ? UNKNOWN : unwrap(bag.id, path, secrets);
    default:
      return Object.fromEntries(
        Object.entries(bag).map(([key, child]) => [key, unwrap(child, [...path, key], secrets)]),
      );
  }
}

/**
 * Puts a value into the engine's notation and wraps what stands at a secret path; a secret pattern may hold `*`.
 * Undefined properties are left out; an undefined element of a list becomes null.
 */
export function encode(value: unknown, secrets: readonly Path[] = []): unknown {
  return wrap(value, [], secrets);
}

function wrap(value: unknown, path: Segment[], secrets: readonly Path[]): unknown {
  if (secrets.some((secret) => matches(secret, path))) {
    // What lies below needs no wrapping of its own: the engine treats all of it as secret.
    return { [SIGNATURE]: SECRET, value: wrap(value, path, []) };
  }
  if (value === UNKNOWN) return UNKNOWN_STRING;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((item, i) => (item === undefined ? null : wrap(item, [...path, i], secrets)));
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== undefined)
      .map(([key, child]) => [key, wrap(child, [...path, key], secrets)]),
  );
}

/**
 * The paths at which a secret may stand in the answer, given where one stood in the question. Inside a set an index
 * means nothing, so the whole set is secret.
 */
export function secretsOfSets(secrets: readonly Path[], sets: readonly Path[]): Path[] {
  return secrets.map((secret) => {
    const set = sets.find((pattern) => pattern.length < secret.length && startsWith(secret, pattern));
    return set ? secret.slice(0, set.length) : secret;
  });
}

/** Every string that stands at or below one of the paths; for keeping it out of messages. */
export function secretTexts(value: unknown, secrets: readonly Path[]): string[] {
  const texts: string[] = [];
  const visit = (node: unknown, path: Segment[], secret: boolean): void => {
    const hidden = secret || secrets.some((pattern) => matches(pattern, path));
    if (typeof node === "string" && hidden) texts.push(node);
    if (typeof node !== "object" || node === null) return;
    if (Array.isArray(node)) node.forEach((child, i) => void visit(child, [...path, i], hidden));
    else for (const [key, child] of Object.entries(node)) visit(child, [...path, key], hidden);
  };
  visit(value, [], false);
  return texts;
}

/** True when the value is, or holds, something that is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasUnknown);
}
