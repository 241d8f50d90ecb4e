import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { MANUAL } from "../../manual";
import { noticeText } from "../../ops/pages/notice";
import { violations } from "../support/accessibility";
import { openBrowser } from "../support/browser";
import { api } from "./support/app";
import { containersOf, docker, serviceName } from "./support/docker";
import { mustOnStack, URL_OF_STACK } from "./support/launcher";
import { ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

const STATUS = `${URL_OF_STACK}/status`;
const HOUR = 3_600_000;
/** A window of this test's own: that of the calendar may be near. */
const WINDOW = { from: new Date(Date.now() - HOUR / 4), to: new Date(Date.now() + HOUR) };
const NOTICE = noticeText({ state: "under-way", window: WINDOW }, MANUAL.timeZone);
/** The newest journal counts: this one, whatever other tests have left. */
const JOURNAL = "/backups/.windows/9999-12-31T00-00-00.000Z.json";

describe("status page and banner (M38, M41)", function () {
  this.timeout(300_000);
  let browser: Browser;

  before(async () => {
    await ensureStack();
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await inOps(`rm -f ${JOURNAL}`);
    await docker("service", "scale", "--detach", `${serviceName("backend")}=2`);
    await waitFor("the backend to be back", async () => (await api("/api/health")).status === 200, 120);
  });

  async function inOps(script: string): Promise<string> {
    const [ops] = await containersOf("ops");
    assert.ok(ops !== undefined, "ops runs");
    return docker("exec", ops, "sh", "-c", script);
  }
  /** What a window leaves behind that is in this state now. */
  async function journal(state: "running" | "done"): Promise<void> {
    const startedAt = WINDOW.from.toISOString();
    const content = {
      window: { from: startedAt, to: WINDOW.to.toISOString() },
      state,
      steps: [{ name: "backup", startedAt, endedAt: startedAt, result: "passed", detail: "<b>planted</b>" }],
    };
    const text = Buffer.from(JSON.stringify(content)).toString("base64");
    await inOps(`mkdir -p /backups/.windows && echo ${text} | base64 -d > ${JOURNAL}`);
  }
  const page = async (url: string): Promise<string> => {
    const answer = await fetch(url, {
      headers: { accept: "text/html" },
      signal: AbortSignal.timeout(10_000),
    });
    return answer.text();
  };
  const says = (what: RegExp) => async () => what.test(await page(STATUS));

  it("shows services, backup, alarms and the next window, and is renewed", async () => {
    await waitFor("all three services to be checked", async () => {
      return (await page(STATUS)).split('<span class="badge good">works</span>').length === 4;
    });
    const first = await page(STATUS);
    for (const heading of ["Services", "Backup and recovery", "Open alarms", "Maintenance"]) {
      assert.match(first, new RegExp(`<h2 [^>]*>${heading}</h2>`));
    }
    assert.match(first, /Next window/);
    assert.doesNotMatch(first, /the monitoring does not answer|This page is old/);
    assert.ok(Buffer.byteLength(first) < 50_000);
    const asOf = /As of <time datetime="([^"]+)"/;
    await waitFor("the page to be renewed", async () => {
      return asOf.exec(await page(STATUS))?.[1] !== asOf.exec(first)?.[1];
    });
    const opened = await browser.newPage();
    await opened.goto(STATUS);
    assert.deepEqual(await violations(opened), []);
    await opened.close();
  });

  it("names who is on call to operators only", async () => {
    const url = `${STATUS}/operators`;
    assert.equal((await fetch(url)).status, 401);
    const password = (await mustOnStack("secrets", "show", "operatorsPassword")).stdout.trim();
    const login = Buffer.from(`operator:${password}`).toString("base64");
    const answer = await fetch(url, { headers: { authorization: `Basic ${login}` } });
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /<h2 id="on-call">On call<\/h2>/);
  });

  it("tells of maintenance on the page and in the application while a window runs, and no longer", async () => {
    assert.equal((await page(URL_OF_STACK)).includes(NOTICE), false);
    await journal("running");
    await waitFor("the banner", async () => (await page(URL_OF_STACK)).includes(NOTICE));
    await waitFor("the page to say so", says(/Maintenance is under way/));
    assert.doesNotMatch(await page(STATUS), /planted/);

    const opened = await browser.newPage();
    const errors: string[] = [];
    opened.on("console", (message) => {
      if (message.type() === "error") {
        errors.push(message.text());
      }
    });
    await opened.goto(URL_OF_STACK, { waitUntil: "networkidle" });
    const banner = opened.getByRole("complementary", { name: "Maintenance" });
    assert.equal(await banner.textContent(), `${NOTICE} Status`);
    assert.equal((await banner.boundingBox())?.y, 0);
    await opened.getByRole("button", { name: /log ?in/i }).waitFor();
    assert.deepEqual(errors, []);
    await opened.close();

    await journal("done");
    await waitFor("the banner to go", async () => !(await page(URL_OF_STACK)).includes(NOTICE));
    await waitFor("the page to say so", says(/Last window/));
  });

  it("is there when the backend is not, and says so", async () => {
    await docker("service", "scale", "--detach", `${serviceName("backend")}=0`);
    await waitFor("the page to say so", says(/Application does not work/), 120);
    assert.equal((await fetch(STATUS)).status, 200);
  });
});
