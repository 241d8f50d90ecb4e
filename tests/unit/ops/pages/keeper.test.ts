import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ComponentHealth } from "../../../../ops/health";
import { PageKeeper, type PageOptions } from "../../../../ops/pages/keeper";
import { toldAlarms } from "../../../../ops/pages/openAlarms";
import { removePage, writePage } from "../../../../ops/pages/write";
import { writeAnnouncement } from "../../../../ops/window/announcement";
import { ALL_WELL, ZONE } from "../../../support/pageSamples";

describe("what keeps the pages", () => {
  let root: string;
  let now: Date;
  let checks: ComponentHealth[];
  let lines: string[];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "fitnesscrm-pages-"));
    now = new Date("2026-12-04T15:42:10Z");
    lines = [];
    checks = ["database", "redis", "backend"].map((name) => ({ name, healthy: true, reason: "ok" }));
  });
  afterEach(() => rm(root, { recursive: true }));

  const options = (changes: Partial<PageOptions> = {}): PageOptions => ({
    zone: ZONE,
    checks: () => checks.map((check) => ({ ...check, checkedAt: now.toISOString() })),
    backup: async () => ALL_WELL.backup,
    drill: async () => null,
    alarms: async () => [],
    duty: () => ({
      engineer: { name: "Ada Lovelace", email: "" },
      from: now,
      until: new Date("2026-12-11T22:00:00Z"),
      override: false,
    }),
    windows: join(root, "windows"),
    uptimeFile: join(root, "uptime.json"),
    folder: join(root, "pages"),
    everySeconds: 60,
    log: (line) => lines.push(line),
    now: () => now,
    ...changes,
  });
  const page = (name: string) => readFile(join(root, "pages", name), "utf8");
  const pass = (seconds: number) => {
    now = new Date(now.getTime() + seconds * 1000);
  };
  const rounds = async (keeper: PageKeeper, count: number) => {
    for (let round = 0; round < count; round += 1) {
      await keeper.round();
      pass(10);
    }
  };

  it("writes page, operators' page and banner at its start, and the page again every minute", async () => {
    const keeper = new PageKeeper(options());
    await rounds(keeper, 1);
    assert.match(await page("status.html"), /Everything works/);
    assert.match(await page("operators.html"), /Ada Lovelace/);
    assert.match(await page("banner.html"), /Planned maintenance on Sunday, December 6/);
    await rounds(keeper, 5);
    assert.match(await page("status.html"), /15:42:10Z/);
    await rounds(keeper, 1);
    assert.match(await page("status.html"), /15:43:10Z/);
    assert.deepEqual((await readdir(join(root, "pages"))).sort(), [
      "banner.css",
      "banner.html",
      "operators.html",
      "status.html",
    ]);
    assert.deepEqual(lines, []);
  });

  it("writes the pages without what nobody tells: an answer that never comes holds nothing up", async () => {
    const never = () => new Promise<never>(() => undefined);
    const keeper = new PageKeeper(options({ backup: never, drill: never, alarms: never, answerMs: 20 }));
    await rounds(keeper, 1);
    assert.match(await page("status.html"), /15:42:10Z/);
    assert.deepEqual(lines, []);
  });

  it("takes the banner away when the window is over", async () => {
    const keeper = new PageKeeper(options());
    now = new Date("2026-12-06T08:59:30Z");
    await rounds(keeper, 1);
    assert.match(await page("banner.html"), /Under maintenance until 04:00/);
    await rounds(keeper, 6);
    await assert.rejects(page("banner.html"), { code: "ENOENT" });
  });

  it("takes the banner away when the window's journal says that it is done", async () => {
    const keeper = new PageKeeper(options({ windows: root }));
    now = new Date("2026-12-06T07:10:00Z");
    const journal = {
      window: { from: "2026-12-06T07:00:00.000Z", to: "2026-12-06T09:00:00.000Z" },
      steps: [],
    };
    const write = (state: string) =>
      writeFile(join(root, "2026-12-06T07-00-00.000Z.json"), JSON.stringify({ ...journal, state }));
    await write("running");
    await rounds(keeper, 6);
    assert.match(await page("banner.html"), /Under maintenance/);
    await write("done");
    await rounds(keeper, 1);
    await assert.rejects(page("banner.html"), { code: "ENOENT" });
    assert.match(await page("status.html"), /Last window/);
  });

  it("shows when users were told by mail, or that they were not", async () => {
    const keeper = new PageKeeper(options({ windows: root }));
    await rounds(keeper, 6);
    assert.match(await page("status.html"), /<dt>Notice by mail<\/dt><dd>Not sent<\/dd>/);
    await writeAnnouncement(root, {
      from: "2026-12-06T07:00:00.000Z",
      state: "announced",
      mail: true,
      startedAt: "2026-12-04T15:43:00.000Z",
      endedAt: "2026-12-04T15:43:02.000Z",
      told: 2,
      of: 2,
      reason: "",
      clearedAt: null,
    });
    await rounds(keeper, 1);
    assert.match(await page("status.html"), /<dt>Notice by mail<\/dt><dd>Sent <time/);
  });

  it("goes on with the uptime of the one before it, and leaves out the time between", async () => {
    await rounds(new PageKeeper(options()), 7);
    pass(3600);
    checks = checks.map((check) => ({ ...check, healthy: check.name !== "redis" }));
    await rounds(new PageKeeper(options()), 7);
    const { days } = JSON.parse(await readFile(join(root, "uptime.json"), "utf8"));
    assert.deepEqual(days, {
      "2026-12-04": { backend: [120_000, 0], database: [120_000, 0], redis: [60_000, 60_000] },
    });
  });

  it("does not take an old result of a check for a new one", async () => {
    const checkedAt = now.toISOString();
    const keeper = new PageKeeper(
      options({ checks: () => checks.map((check) => ({ ...check, checkedAt })) }),
    );
    await rounds(keeper, 7);
    assert.match(await page("status.html"), /Not checked yet/);
  });

  it("shows the first checks as soon as they are through", async () => {
    const keeper = new PageKeeper(
      options({
        checks: () =>
          checks.map((check) => ({ ...check, ...(lines.length > 0 && { checkedAt: now.toISOString() }) })),
      }),
    );
    await rounds(keeper, 1);
    assert.match(await page("status.html"), /Not checked yet/);
    lines.push("checked");
    await rounds(keeper, 1);
    assert.match(await page("status.html"), /Everything works/);
  });

  it("writes the page when neither AWS, nor the backups, nor the other container answer", async () => {
    const away = () => Promise.reject(new Error("away"));
    await rounds(new PageKeeper(options({ backup: away, drill: away, alarms: away })), 1);
    const written = await page("status.html");
    assert.match(written, /the monitoring does not answer/);
    assert.equal(written.split("Not known at the moment").length, 4, "backup, drill and alarms");
    assert.doesNotMatch(written, /No backup yet/);
  });

  it("says once that the page cannot be written, tries again with the next look, and says that it can be", async () => {
    await writeFile(join(root, "pages"), "no folder");
    const keeper = new PageKeeper(options());
    await rounds(keeper, 3);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /^the status page is not written: E/);
    await rm(join(root, "pages"));
    await rounds(keeper, 1);
    assert.match(await page("status.html"), /Everything works/);
    assert.deepEqual(lines.slice(1), ["the status page is written again"]);
  });

  it("begins the uptime anew where its file is damaged, and says so", async () => {
    await writeFile(join(root, "uptime.json"), '{"days":');
    await rounds(new PageKeeper(options()), 7);
    assert.match(lines[0] ?? "", /cannot be read/);
    assert.match(await readFile(join(root, "uptime.json"), "utf8"), /"database":\[60000,0\]/);
  });

  it("leaves a file that says the same, and never shows half of one", async () => {
    const folder = join(root, "pages");
    await writePage("a.html", "one", folder);
    await writePage("a.html", "one", folder);
    await writePage("a.html", "two", folder);
    assert.deepEqual(await readdir(folder), ["a.html"]);
    assert.equal(await readFile(join(folder, "a.html"), "utf8"), "two");
    await removePage("a.html", folder);
    await removePage("a.html", folder);
    assert.deepEqual(await readdir(folder), []);
  });
});

describe("the alarms on the pages", () => {
  const alarm = (name: string, text: string, changes: object = {}) => ({
    AlarmName: `fitnesscrm-unit-${name}`,
    AlarmDescription: text,
    StateValue: "ALARM" as const,
    StateTransitionedTimestamp: new Date("2026-12-04T15:00:00Z"),
    Dimensions: [{ Name: "Stack", Value: "unit" }],
    ...changes,
  });

  it("are those of the stack that are open, without the chain's, the most severe first", () => {
    const told = toldAlarms("unit", [
      alarm("disk", "P3 Disk Usage above 85%"),
      alarm("database-connections", "P1 Database Connections above 80"),
      alarm("database-connections-escalation-cto", "P1 Database Connections above 80"),
      alarm("memory", "P3 Memory Usage above 85%", { StateValue: "OK" }),
      alarm("two-cpu", "P3 CPU", { Dimensions: [{ Name: "Stack", Value: "unit-two" }] }),
      alarm("odd", "of somebody else"),
    ]);
    assert.deepEqual(
      told.map(({ title, severity }) => [title, severity]),
      [
        ["Database connections", "P1"],
        ["Disk", "P3"],
        ["Odd", null],
      ],
    );
  });
});
