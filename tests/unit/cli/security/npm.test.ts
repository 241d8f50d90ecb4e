import assert from "node:assert/strict";
import { type NpmLook, readAudit } from "../../../../cli/security/npm";

const audit = (vulnerabilities: object): string =>
  JSON.stringify({ auditReportVersion: 2, vulnerabilities, metadata: { vulnerabilities: { total: 0 } } });

describe("what npm audit answers", () => {
  const cases: [title: string, result: Partial<Parameters<typeof readAudit>[0]>, look: NpmLook][] = [
    ["nothing is known", { stdout: audit({}) }, { state: "looked", faults: [] }],
    [
      "faults of a package itself and of what it brings, with a version without them or not",
      {
        code: 1,
        stdout: audit({
          ws: {
            name: "ws",
            severity: "high",
            via: [{ source: 1, title: "ws: denial of service", url: "https://example.com", range: "<8.1" }],
            range: "<8.1",
            nodes: ["node_modules/ws"],
            fixAvailable: true,
          },
          outer: {
            severity: "moderate",
            via: ["ws"],
            range: "*",
            fixAvailable: { name: "outer", version: "2.0.0", isSemVerMajor: true },
          },
          stuck: { severity: "low", via: [{ title: "stuck" }], range: "1.0", fixAvailable: false },
        }),
      },
      {
        state: "looked",
        faults: [
          { name: "ws", severity: "high", range: "<8.1", title: "ws: denial of service", fixed: true },
          { name: "outer", severity: "moderate", range: "*", title: "by ws", fixed: true },
          { name: "stuck", severity: "low", range: "1.0", title: "stuck", fixed: false },
        ],
      },
    ],
    [
      "a registry that keeps no such list",
      {
        code: 1,
        stdout: JSON.stringify({
          message:
            "405 Method Not Allowed - POST https://registry.example.com/-/npm/v1/security/advisories/bulk",
          statusCode: 405,
          error: { summary: "", detail: "" },
        }),
      },
      { state: "not-looked", reason: "the registry keeps no list of faults (405 Method Not Allowed)" },
    ],
    [
      "a registry that is away",
      {
        code: 1,
        stdout: JSON.stringify({
          message:
            "request to https://registry.example.com/-/npm/v1/security/advisories/bulk failed, reason: connect ECONNREFUSED 192.0.2.1:443",
          error: { summary: "", detail: "" },
        }),
      },
      {
        state: "failed",
        reason: "request to the registry failed, reason: connect ECONNREFUSED 192.0.2.1:443",
      },
    ],
    [
      "a registry that fails",
      { code: 1, stdout: JSON.stringify({ message: "503 Service Unavailable", statusCode: 503 }) },
      { state: "failed", reason: "503 Service Unavailable" },
    ],
    [
      "no npm",
      { code: 127, stderr: "spawn npm ENOENT" },
      { state: "not-looked", reason: "npm is not installed" },
    ],
    ["no answer", { code: 124 }, { state: "failed", reason: "npm gave no answer within 90 seconds" }],
    [
      "no JSON",
      { code: 1, stdout: "<html>", stderr: "npm error audit endpoint returned an error\nnpm error log" },
      { state: "failed", reason: "npm error audit endpoint returned an error" },
    ],
    ["nothing", { code: 3 }, { state: "failed", reason: "npm audit ended with exit code 3" }],
  ];
  for (const [title, result, look] of cases) {
    it(`is understood: ${title}`, () => {
      assert.deepEqual(readAudit({ code: 0, stdout: "", stderr: "", ...result }), look);
    });
  }
});
