import type { PolicyConfigSchema } from "@pulumi/policy";

type JsonSchema = PolicyConfigSchema["properties"][string];

/** One value of a policy's configuration, which can be made stricter and never looser. */
export interface Setting<T> {
  readonly schema: JsonSchema & { readonly description: string; readonly default: T };
  /** The value that applies when `given` was configured: never looser than the default, whatever was given. */
  apply(given: unknown): T;
}

/** A number that may be lowered. */
export function atMost(limit: number, description: string): Setting<number> {
  return {
    schema: { type: "number", exclusiveMinimum: 0, maximum: limit, default: limit, description },
    apply: (given) => (typeof given === "number" && given > 0 ? Math.min(given, limit) : limit),
  };
}

/** A number that may be raised. */
export function atLeast(limit: number, description: string): Setting<number> {
  return {
    schema: { type: "number", minimum: limit, default: limit, description },
    apply: (given) => (typeof given === "number" && given > limit ? given : limit),
  };
}

/** A list that may be shortened. */
export function subsetOf(allowed: readonly string[], description: string): Setting<readonly string[]> {
  return {
    schema: {
      type: "array",
      items: { type: "string", enum: [...allowed] },
      uniqueItems: true,
      default: [...allowed],
      description,
    },
    apply: (given) => (Array.isArray(given) ? allowed.filter((item) => given.includes(item)) : allowed),
  };
}

export type Settings = Readonly<Record<string, Setting<number> | Setting<readonly string[]>>>;

export type Values<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/**
 * The one switch for levels. Every policy is mandatory; a named one is lowered by its `exception`, which does not exist
 * without a written reason.
 */
export interface Exception {
  readonly level: "advisory" | "disabled";
  readonly reason: string;
}

/** Shorter reasons say nothing. */
const REASON_LENGTH = 20;

const EXCEPTION: JsonSchema = {
  type: "object",
  required: ["level", "reason"],
  properties: {
    level: { type: "string", enum: ["advisory", "disabled"] },
    reason: { type: "string", minLength: REASON_LENGTH },
  },
  additionalProperties: false,
  description: "Lowers this policy. The reason is shown to whoever runs a preview.",
};

/** The schema by which the engine refuses a looser configuration. */
export function configSchema(settings: Settings): PolicyConfigSchema {
  const own = Object.entries(settings).map(([key, { schema }]) => [key, schema] as const);
  return { properties: { ...Object.fromEntries(own), exception: EXCEPTION } };
}

/** What a policy's configuration comes to. `faults` are lines for the person who wrote it. */
export interface Configured<S extends Settings> {
  readonly values: Values<S>;
  readonly exception: Exception | undefined;
  readonly faults: readonly string[];
}

/** Reads a policy's configuration. Never throws, and never loosens: what is wrong counts as not given and is a fault. */
export function readConfig<S extends Settings>(
  settings: S,
  given: Readonly<Record<string, unknown>>,
): Configured<S> {
  const values = Object.fromEntries(Object.entries(settings).map(([key, s]) => [key, s.apply(given[key])]));
  const allowed = [...Object.keys(settings), "exception"];
  const faults = Object.keys(given)
    .filter((key) => !allowed.includes(key))
    .map((key) => `${key} is not a setting of this policy. Allowed: ${allowed.join(", ")}`);
  const exception = given.exception === undefined ? undefined : readException(given.exception);
  if (typeof exception === "string") {
    faults.push(exception);
  }
  return {
    values: values as Values<S>,
    exception: typeof exception === "string" ? undefined : exception,
    faults,
  };
}

function readException(given: unknown): Exception | string {
  const { level, reason } = Object(given) as Record<string, unknown>;
  if (level !== "advisory" && level !== "disabled") {
    return "exception.level is neither advisory nor disabled";
  }
  if (typeof reason !== "string" || reason.trim().length < REASON_LENGTH) {
    return `exception.reason is missing or shorter than ${REASON_LENGTH} characters: write why`;
  }
  return { level, reason: reason.trim() };
}
