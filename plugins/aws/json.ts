/**
 * When two JSON documents mean the same to AWS. A difference in text alone (key order, a list of one written as a
 * scalar) must not show as a change.
 */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** The ways in which a property that holds JSON text is compared. */
export type JsonMeaning = "policy" | "filter" | "document";

/** The parsed text, or undefined when it is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** True when both texts mean the same; texts that are not JSON are compared as they stand. */
export function sameMeaning(meaning: JsonMeaning, left: string, right: string): boolean {
  if (left === right) return true;
  const a = parseJson(left);
  const b = parseJson(right);
  if (a === undefined || b === undefined) return false;
  const canonical = CANONICAL[meaning];
  return canonical(a) === canonical(b);
}

const CANONICAL: Record<JsonMeaning, (value: Json) => string> = {
  document: (value) => stable(withoutNulls(value)),
  filter: (value) => stable(unordered(value)),
  policy: canonicalPolicy,
};

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON text with sorted keys. */
function stable(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(stable).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${stable(value[key] ?? null)}`).join(",")}}`;
}

function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, withoutNulls(item)]),
  );
}

/** The conditions of an SNS filter policy are alternatives: their order, and doing one twice, does not matter. */
function unordered(value: Json): Json {
  if (Array.isArray(value)) {
    // Numeric conditions are an exception: `[">=", 0, "<", 10]` reads from left to right.
    if (typeof value[0] === "string" && NUMERIC_OPERATORS.has(value[0])) return value;
    const items = new Map(value.map((item) => [stable(unordered(item)), unordered(item)]));
    return [...items.keys()].sort().map((key) => items.get(key) ?? null);
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unordered(item)]));
}

const NUMERIC_OPERATORS = new Set(["=", ">", ">=", "<", "<="]);

function list(value: Json | undefined): Json[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function stringSet(value: Json | undefined): string {
  const items = list(value).map((item) => (typeof item === "string" ? item : stable(item)));
  return stable([...new Set(items)].sort());
}

function canonicalPolicy(policy: Json): string {
  if (!isObject(policy)) return stable(policy);
  const { Version, Statement, ...rest } = policy;
  const statements = list(Statement).map(canonicalStatement);
  return stable({
    ...rest,
    // The version that AWS assumes where none is written.
    Version: Version ?? "2008-10-17",
    Statement: [...new Set(statements)].sort(),
  });
}

const STRING_SETS = ["Action", "NotAction", "Resource", "NotResource"];

function canonicalStatement(statement: Json): string {
  if (!isObject(statement)) return stable(statement);
  const canonical: JsonObject = {};
  for (const [key, value] of Object.entries(statement)) {
    if (STRING_SETS.includes(key)) canonical[key] = stringSet(value);
    else if (key === "Principal" || key === "NotPrincipal") canonical[key] = canonicalPrincipal(value);
    else if (key === "Condition") canonical[key] = canonicalCondition(value);
    else if (key === "Sid" && value === "") continue;
    else canonical[key] = value;
  }
  return stable(canonical);
}

/** `"*"` is everybody, as is `{"AWS": "*"}`; an account's number is its root user. */
function canonicalPrincipal(value: Json): string {
  const byKind = isObject(value) ? value : { AWS: value };
  return stable(
    Object.fromEntries(
      Object.entries(byKind).map(([kind, names]) => [
        kind,
        stringSet(list(names).map((name) => (kind === "AWS" ? rootOfAccount(name) : name))),
      ]),
    ),
  );
}

function rootOfAccount(name: Json): Json {
  const account = typeof name === "string" ? /^arn:aws[\w-]*:iam::(\d{12}):root$/.exec(name)?.[1] : undefined;
  return account ?? name;
}

function canonicalCondition(value: Json): string {
  if (!isObject(value)) return stable(value);
  return stable(
    Object.fromEntries(
      Object.entries(value).map(([operator, tests]) => [
        operator,
        isObject(tests)
          ? Object.fromEntries(
              Object.entries(tests).map(([key, wanted]) => [
                key,
                stringSet(list(wanted).map((item) => (isObject(item) ? item : String(item)))),
              ]),
            )
          : tests,
      ]),
    ),
  );
}
