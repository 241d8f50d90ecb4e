/** Text in Markdown that cannot become anything but text: no markup, no HTML, no mention of a person. */
export function text(value: string): string {
  return (
    value
      .replace(/\s+/g, " ")
      .trim()
      .replace(/[\\`*_{}[\]<>|#~]/g, "\\$&")
      // GitHub notifies whoever is named after an at sign.
      .replace(/@(?=\w)/g, "@\u200b")
  );
}

/** Text as code, in a table's cell too. */
export function code(value: string): string {
  const line = value.replace(/\s+/g, " ").trim().replace(/\|/g, "\\|");
  // A run of backticks in it needs longer ones around it.
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

/** GitHub's coloured box. */
export function box(kind: "CAUTION" | "WARNING" | "NOTE", lines: readonly string[]): string {
  return [`[!${kind}]`, ...lines].map((line) => (line === "" ? ">" : `> ${line}`)).join("\n");
}
