import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const ROOT = resolve(__dirname, "..", "..");

/** Markdown that people read, as paths below the root; the changelog tells of the past and is not among it. */
export function documents(): string[] {
  const below = (folder: string): string[] =>
    readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? below(path) : path.endsWith(".md") ? [path] : [];
    });
  return ["README.md", "CONTRIBUTING.md", "examples/app/README.md", ...below("docs")].sort();
}

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** A Markdown table, its cells without the space around them. */
export interface Table {
  /** The heading that it stands below, without a number before it. */
  heading: string;
  header: string[];
  rows: string[][];
}

const cellsOf = (line: string): string[] =>
  line
    .replace(/^\||\|\s*$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());

const withoutNumber = (heading: string): string => heading.replace(/^#+ (\d+\. )?/, "");

export function tablesOf(text: string): Table[] {
  const tables: Table[] = [];
  let heading = "";
  let open: Table | undefined;
  for (const line of text.split("\n")) {
    if (/^#+ /.test(line)) {
      heading = withoutNumber(line);
    }
    if (!line.startsWith("|")) {
      open = undefined;
    } else if (open === undefined) {
      open = { heading, header: cellsOf(line), rows: [] };
      tables.push(open);
    } else if (!/^\|[-|: ]+\|$/.test(line)) {
      open.rows.push(cellsOf(line));
    }
  }
  return tables;
}

/** Text without its fenced code, its tables, and what a link leads to. */
export function proseOf(text: string): string {
  return text
    .replace(/^```[\s\S]*?^```$/gm, "")
    .replace(/^\|.*$/gm, "")
    .replace(/\]\([^)]*\)/g, "]");
}

/** Relative links of a document that lead nowhere: to no file, or to a heading that the file does not have. */
export function brokenLinks(file: string): string[] {
  const text = textOf(file).replace(/^```[\s\S]*?^```$/gm, "");
  const targets = [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => {
    const [path = "", anchor] = target.split("#");
    const full = path === "" ? join(ROOT, file) : join(ROOT, dirname(file), path);
    if (!existsSync(full)) {
      return true;
    }
    return anchor !== undefined && (!statSync(full).isFile() || !anchorsOf(full).includes(anchor));
  });
}

/** Anchors of a document's headings, as GitHub makes them. */
function anchorsOf(path: string): string[] {
  return [...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** Every `./fitnesscrm …` of a document, in code blocks and between backticks, without a comment behind it. */
export function commandLinesOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```[^\n]*\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) =>
    block.split("\n").filter((line) => line.startsWith("./fitnesscrm ")),
  );
  const inline = [...text.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/`(\.\/fitnesscrm [^`]+)`/g)].map(
    ([, line = ""]) => line.replaceAll("\\|", "|"),
  );
  return [...blocks, ...inline]
    .flatMap((line) => line.split(" && "))
    .map((line) => line.replace(/\s+#.*$/, "").replace(/ > \S+$/, ""));
}
