import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { REPORT_KINDS } from "../../../../ops/reports/model";
import { outsideOf } from "../../../../ops/reports/open";
import { readToken } from "../../../../ops/reports/outside/ask";
import { type ReportSettings, readReportSettings } from "../../../../ops/reports/settings";
import { GitHub, TOKEN } from "../../../support/outsideServers";
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

  it("is asked with the token of its file, read anew each time, and files only where that is wanted", async () => {
    const gitHub = new GitHub();
    await gitHub.server.open();
    try {
      const { url: apiUrl } = gitHub.server;
      const folder = folders.create({ github_token: "planted-before-0123456789\n", sentry_token: TOKEN });
      const set = {
        tickets: { repository: "example/crm", apiUrl },
        sentry: { organization: "fitness", project: "crm", apiUrl },
      };
      const place = { stack: "unit", timeZone: "UTC" };
      const { tickets, sentry } = outsideOf(set, place, folder, true);
      const now = new Date();
      const signal = new AbortController().signal;
      await assert.rejects(async () => tickets?.file?.([], now, signal), /does not take the token/);
      writeFileSync(join(folder, "github_token"), `${TOKEN}\n`);
      const at = now.toISOString();
      const error = { request: "GET /a", status: 500, count: 2, first: at, last: at };
      assert.equal((await tickets?.file?.([error], now, signal))?.filed, 1);
      await assert.rejects(async () => sentry?.(7, signal), /^Error: Sentry does not know/);
      assert.equal(gitHub.server.seen.at(-1)?.authorization, `Bearer ${TOKEN}`);
      assert.equal(outsideOf(set, place, folder, false).tickets?.file, undefined);
      assert.deepEqual(outsideOf({}, place, folder, true), {});
    } finally {
      await gitHub.server.close();
    }
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
