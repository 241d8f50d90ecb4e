import assert from "node:assert/strict";
import { join } from "node:path";
import { REPORT_KINDS } from "../../../../ops/reports/model";
import { readToken } from "../../../../ops/reports/outside/ask";
import { type ReportSettings, readReportSettings } from "../../../../ops/reports/settings";
import { TempFolders } from "../../../support/temp";

describe("what ops is told of services outside", () => {
  const folders = new TempFolders();
  after(() => folders.remove());
  const settings: ReportSettings = {
    recipients: Object.fromEntries(
      REPORT_KINDS.map((kind) => [kind, ["ada@example.com"]]),
    ) as ReportSettings["recipients"],
    slowMilliseconds: 500,
    agentSeconds: 60,
    secretAges: [],
  };
  const read = (content: object) =>
    readReportSettings(join(folders.create({ "reports.json": JSON.stringify(content) }), "reports.json"));

  it("is nothing where none is set, and where each of them is otherwise", async () => {
    assert.deepEqual(await read(settings), settings);
    const both = {
      ...settings,
      tickets: { repository: "example/crm", apiUrl: "https://api.github.com" },
      sentry: { organization: "fitness", project: "crm", apiUrl: "https://sentry.io" },
    };
    assert.deepEqual(await read(both), both);
  });

  it("is refused where it does not fit", async () => {
    const tickets = { repository: "crm", apiUrl: "file:///etc/passwd" };
    await assert.rejects(read({ ...settings, tickets }), /tickets\.repository: .*; tickets\.apiUrl: [^\n]+$/);
  });

  it("has a token in a file, whose content no error repeats", async () => {
    const folder = folders.create({ good: "planted-token\n", bad: "planted\ntoken", empty: "\n" });
    assert.equal(await readToken(join(folder, "good")), "planted-token");
    for (const name of ["bad", "empty"]) {
      await assert.rejects(readToken(join(folder, name)), {
        message: `the secret ${join(folder, name)} is no token: it must be one line of printable ASCII characters`,
      });
    }
    await assert.rejects(readToken(join(folder, "none")), /none is missing$/);
  });
});
