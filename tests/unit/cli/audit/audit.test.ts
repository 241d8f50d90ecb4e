import assert from "node:assert/strict";
import { pagesOf } from "../../../../cli/audit/audit";
import { formatAudit } from "../../../../cli/audit/format";
import { judge } from "../../../../cli/audit/lighthouse";
import { UserError } from "../../../../cli/errors";
import type { Audit } from "../../../../ops/audits/audit";

const SCORES = { performance: 98, accessibility: 100, "best-practices": 96, seo: 90 };

describe("what Lighthouse says of a page", () => {
  const report = (changes: object = {}): string =>
    JSON.stringify({
      lighthouseVersion: "12.8.2",
      categories: {
        performance: { score: 0.976 },
        accessibility: { score: 1 },
        "best-practices": { score: 0.96 },
        seo: { score: 0.9 },
      },
      audits: { "total-byte-weight": { numericValue: 12_345.4 } },
      ...changes,
    });

  it("becomes whole scores and bytes", () => {
    assert.deepEqual(judge(report(), "/"), {
      version: "12.8.2",
      page: { path: "/", scores: SCORES, bytes: 12_345 },
    });
  });

  const refusals: [name: string, stdout: string, failure: string | undefined, message: string][] = [
    [
      "a page that cannot be opened",
      report({
        runtimeError: { code: "FAILED_DOCUMENT_REQUEST", message: "net::ERR_CONNECTION_REFUSED\nmore" },
      }),
      "exit",
      "audit /x: the page could not be opened (FAILED_DOCUMENT_REQUEST): net::ERR_CONNECTION_REFUSED",
    ],
    ["no report", "", undefined, "audit /x: Lighthouse failed: it printed no report"],
    [
      "a browser that does not start",
      "",
      "Unable to connect to Chrome",
      "audit /x: Lighthouse failed: Unable to connect to Chrome",
    ],
    [
      "a category without a judgement",
      report({ categories: { performance: { score: null } } }),
      undefined,
      "audit /x: Lighthouse could not judge its performance: try again",
    ],
  ];
  for (const [name, stdout, failure, message] of refusals) {
    it(`is refused in one line: ${name}`, () => {
      assert.throws(() => judge(stdout, "/x", failure), new UserError(message));
    });
  }
});

describe("an audit", () => {
  const made: Audit = {
    at: "2026-12-06T09:00:00.000Z",
    version: "12.8.2",
    pages: [
      { path: "/", scores: SCORES, bytes: 212_000 },
      { path: "/status", scores: { ...SCORES, seo: 100 }, bytes: 8_400 },
    ],
  };

  it("is a table with what has changed since the one before", () => {
    const before: Audit = {
      ...made,
      at: "2026-11-01T09:00:00.000Z",
      version: "12.8.1",
      pages: [{ path: "/", scores: { ...SCORES, performance: 90, seo: 91 }, bytes: 1 }],
    };
    assert.equal(
      formatAudit(made, before),
      [
        "PAGE     PERFORMANCE  ACCESSIBILITY  BEST-PRACTICES  SEO      WEIGHT",
        "/        98 (+8)                100              96  90 (−1)  212 kB",
        "/status  98                     100              96  100      8.4 kB",
        "changes are since 2026-11-01T09:00:00.000Z, which Lighthouse 12.8.1 judged",
        "",
      ].join("\n"),
    );
    assert.match(formatAudit(made, undefined), /\nthe first audit: nothing to compare with\n$/);
  });

  it("is of the pages that are asked for, each once, or of the usual ones", () => {
    assert.deepEqual(pagesOf(undefined), ["/", "/status"]);
    assert.deepEqual(pagesOf(["/login", "/login"]), ["/login"]);
    for (const path of ["login", "https://elsewhere.example", "/a b", ""]) {
      assert.throws(() => pagesOf([path]), /must be a path below the stack's address/);
    }
  });
});
