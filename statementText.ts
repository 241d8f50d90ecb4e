/** SQL statements as they may be shown: on one line, and without the values in them. Pure. */

const MOST_CHARACTERS = 120;

/** Without the values that the server leaves in some statements: they may be data, or a password. 120 characters at most. */
export function shorten(query: string): string {
  const text = query
    .replace(/--[^\n]*/g, " ")
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .replace(/\$([A-Za-z_]\w*)?\$[\s\S]*?(\$\1\$|$)/g, "'…'")
    .replace(/\b[eE]'(?:\\[\s\S]|''|[^'\\])*('|$)/g, "'…'")
    .replace(/'(?:''|[^'])*('|$)/g, "'…'")
    .replace(/(?<![\w$."])\d+(\.\d+)?(?![\w"])/g, "…")
    .replace(/\s+/g, " ")
    .trim();
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;
}
