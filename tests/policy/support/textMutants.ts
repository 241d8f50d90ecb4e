import { type Change, changes, nodes, pathOf, replaced } from "./mutants";

const FACTOR = 1000;

/** What can be changed inside of a text: a number with its unit, a setting, a calendar, a document. */
export function textMutants(text: string): Change[] {
  return [...numberMutants(text), ...calendarMutants(text), ...documentMutants(text)];
}

/** `10m`, `500ms`, `256mb`, `0.0`, and the same behind `name=`. */
function numberMutants(text: string): Change[] {
  const [, name = "", digits, unit = ""] = /^([a-z_.]+=)?(\d+(?:\.\d+)?)([a-z]{0,3})$/i.exec(text) ?? [];
  if (digits === undefined) {
    return [];
  }
  const number = Number(digits);
  const written = (value: number): string => `${name}${value}${unit}`;
  return [
    ["more", written(number === 0 ? 1 : number * FACTOR)],
    // As the engine and the database read it: without an exponent.
    ["less", `${name}${(number / FACTOR).toFixed(6).replace(/\.?0+$/, "")}${unit}`],
  ];
}

/** `0 2 * * *`: in January only. */
function calendarMutants(text: string): Change[] {
  const fields = text.split(" ");
  return fields.length === 5 && fields[3] === "*" ? [["rarer", fields.with(3, "1").join(" ")]] : [];
}

/** JSON, plain or in base64, with one thing in it changed. */
function documentMutants(text: string): Change[] {
  const isEncoded = /^[A-Za-z0-9+/]{16,}={0,2}$/.test(text);
  const json = isEncoded ? Buffer.from(text, "base64").toString("utf8") : text;
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    return [];
  }
  if (typeof document !== "object" || document === null) {
    return [];
  }
  const written = (changed: unknown): string =>
    isEncoded ? Buffer.from(JSON.stringify(changed)).toString("base64") : JSON.stringify(changed);
  return [...nodes(document)].flatMap(([steps, value]) => {
    const path = pathOf(document, steps);
    return [...changes(value), ...wider(path)].map(
      ([how, other, inner]): Change => [
        how,
        written(replaced(document, steps, other)),
        inner === undefined ? path : `${path}//${inner}`,
      ],
    );
  });
}

/** A right to everything, in place of a right to something. */
function wider(path: string): Change[] {
  return /(^|\/)Action(\/\d+)?$/.test(path) ? [["wider", "*"]] : [];
}
