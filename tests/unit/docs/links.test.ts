import assert from "node:assert/strict";
import { brokenLinks, documents } from "../../support/documents";

describe("the documents' links", () => {
  for (const file of [...documents(), "CHANGELOG.md"]) {
    it(`of ${file} lead to files and headings that exist`, () => {
      assert.deepEqual(brokenLinks(file), []);
    });
  }
});
