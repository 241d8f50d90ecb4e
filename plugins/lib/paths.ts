/**
 * Property paths as Pulumi writes them (`taskSpec.containerSpec.env["A.B"]`, `labels[0].value`), and patterns over
 * them, in which `*` stands for any one key or index: `labels.*.value` and `labels[*].value` are the same pattern.
 */

export type Segment = string | number;
export type Path = readonly Segment[];

const PLAIN_KEY = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** Pulumi's notation of a path. */
export function formatPath(path: Path): string {
  let text = "";
  for (const segment of path) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (PLAIN_KEY.test(segment)) text += text === "" ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment)}]`;
  }
  return text;
}

/** Reads a path or a pattern. `[3]` gives a number, every other segment a string; throws on a bracket left open. */
export function parsePath(text: string): Segment[] {
  const path: Segment[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === ".") {
      at += 1;
    } else if (text[at] === "[") {
      const quoted = /^\["(?:[^"\\]|\\.)*"\]/.exec(text.slice(at));
      const end = quoted ? at + quoted[0].length - 1 : text.indexOf("]", at);
      if (end < 0) throw new Error(`property path ${text}: a bracket is not closed`);
      const inner = text.slice(at + 1, end);
      if (quoted) path.push(JSON.parse(inner) as string);
      else path.push(/^\d+$/.test(inner) ? Number(inner) : inner);
      at = end + 1;
    } else {
      const key = /^[^.[]+/.exec(text.slice(at))?.[0] ?? "";
      path.push(key);
      at += key.length;
    }
  }
  return path;
}

const segmentMatches = (pattern: Segment, segment: Segment): boolean =>
  pattern === "*" || String(pattern) === String(segment);

/** True when the pattern names exactly this path. */
export function matches(pattern: Path, path: Path): boolean {
  return pattern.length === path.length && startsWith(path, pattern);
}

/** True when the path lies at or below what the pattern names. */
export function startsWith(path: Path, pattern: Path): boolean {
  return pattern.length <= path.length && pattern.every((p, i) => segmentMatches(p, path[i] as Segment));
}

/** Whether `value`, which stands at `path`, lies within, is or holds something that the pattern names. */
export function holds(value: unknown, path: Path, pattern: Path): boolean {
  if (startsWith(path, pattern)) return true;
  const leads = path.length < pattern.length && matches(pattern.slice(0, path.length), path);
  return leads && reaches(value, pattern.slice(path.length));
}

function reaches(value: unknown, pattern: Path): boolean {
  const [head, ...tail] = pattern;
  if (head === undefined) return value !== undefined && value !== null;
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, child]) => segmentMatches(head, key) && reaches(child, tail));
}
