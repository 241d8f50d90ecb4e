import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(__dirname, "..", "..", "..");
const ROWS = 61;

/** Cells of each row of the table, by row id. */
function rows(): Map<string, string[]> {
  const lines = readFileSync(join(ROOT, "docs", "manual.md"), "utf8").split("\n");
  const cells = lines
    .filter((line) => /^\| M\d+ \|/.test(line))
    .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim()));
  return new Map(cells.map((row) => [row[0] ?? "", row]));
}

/** Targets of the relative links in a Markdown file. */
function links(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)[^)]*\)/g)].map((match) => match[1] ?? "");
}

describe("docs/manual.md", () => {
  it("has a line for each of the manual's 61 statements", () => {
    const expected = Array.from({ length: ROWS }, (_, index) => `M${index + 1}`);
    assert.deepEqual([...rows().keys()], expected);
  });

  it("names a file and a test wherever a row is called proven", () => {
    for (const [id, row] of rows()) {
      const [, , , file = "", proof = "", state = ""] = row;
      if (state.startsWith("proven")) {
        assert.match(file, /\]\(/, `${id} names no file`);
        assert.match(proof, /\]\(\.\.\/tests\//, `${id} names no test`);
      }
    }
  });
});

describe("the documents' links", () => {
  for (const file of ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/manual.md"]) {
    it(`of ${file} lead to files that exist`, () => {
      for (const target of links(file)) {
        assert.ok(
          existsSync(join(ROOT, dirname(file), target)),
          `${file} links to ${target}, which does not exist`,
        );
      }
    });
  }
});
