import { escapeIdentifier, escapeLiteral } from "pg";

/** PostgreSQL cuts longer names off without an error; an object would then be made under another name than declared. */
export const MAX_NAME_BYTES = 63;

function withoutNul(text: string, what: string): string {
  if (text.includes("\0")) {
    throw new Error(
      `${what} ${JSON.stringify(text)} contains a NUL character, which PostgreSQL cannot store`,
    );
  }
  return text;
}

/** A name, quoted so that it stands for itself in any statement. Throws for an empty name and for NUL characters. */
export function ident(name: string): string {
  if (name === "") {
    throw new Error("a PostgreSQL name must not be empty");
  }
  return escapeIdentifier(withoutNul(name, "the name"));
}

/** A string constant, quoted for any setting of `standard_conforming_strings`. Throws for NUL characters. */
export function literal(text: string): string {
  return escapeLiteral(withoutNul(text, "the text")).trimStart();
}

const SIGNATURE = /^\([A-Za-z0-9_ ,."[\]]*\)$/;

/**
 * A function's name with or without its argument types: `f` or `f(text, int)`. The types cannot be quoted as one name,
 * so only what a list of types may contain passes.
 */
export function routine(name: string): string {
  const open = name.indexOf("(");
  if (open < 0) {
    return ident(name);
  }
  const signature = name.slice(open);
  if (!SIGNATURE.test(signature)) {
    throw new Error(
      `${JSON.stringify(name)} is no function: write its name, or its name and argument types as in "f(text, integer)"`,
    );
  }
  return ident(name.slice(0, open)) + signature;
}

/** The elements of a list setting as PostgreSQL stores it, e.g. `"$user", public` to `$user` and `public`. */
export function parseNameList(stored: string): string[] {
  const names: string[] = [];
  const element = /\s*(?:"((?:[^"]|"")*)"|([^,]*?))\s*(?:,|$)/gy;
  while (element.lastIndex < stored.length) {
    const match = element.exec(stored);
    if (match === null) {
      throw new Error(`the setting ${JSON.stringify(stored)} is no list of names`);
    }
    names.push(match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll('""', '"'));
  }
  return names;
}

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  "": 1,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A time setting as stored (`5000`, `5s`, `2min`) in milliseconds. */
export function parseMilliseconds(stored: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(stored);
  const factor = UNITS[match?.[2] ?? ""];
  if (match === null || factor === undefined) {
    throw new Error(`the setting ${JSON.stringify(stored)} is no duration`);
  }
  return Math.round(Number(match[1]) * factor);
}
