import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { BANNER_STYLE, renderBanner } from "../../../ops/pages/banner";
import { renderOperatorsPage } from "../../../ops/pages/operatorsPage";
import { renderStatusPage } from "../../../ops/pages/statusPage";
import { violations } from "../../support/accessibility";
import { openBrowser } from "../../support/browser";
import { ALL_WELL, IN_TROUBLE, OPERATORS, ZONE } from "../../support/pageSamples";

const PROJECT = resolve(__dirname, "../../..");
const text = (path: string): string => readFileSync(join(PROJECT, path), "utf8");
/** The policies under which the pages are served. */
const POLICY = /Content-Security-Policy "([^"]+)"/;
const pagePolicy = POLICY.exec(text("images/nginx/status-page.conf"))?.[1] ?? "";
const sitePolicy = POLICY.exec(text("examples/app/frontend/nginx.conf"))?.[1] ?? "";
/** Where nginx puts that the page is old. */
const OLD = /set \$old '([^']+)'/.exec(text("images/nginx/status-page.conf"))?.[1] ?? "";

const site = text("examples/app/frontend/public/index.html").replace(/<script[^>]*><\/script>/g, "");
const bannered = (state: "ahead" | "under-way") =>
  site.replace("<body", `${renderBanner({ state, window: ALL_WELL.nextWindow }, ZONE)}<body data-kept="yes"`);

const FILES: Record<string, [policy: string, type: string, content: string]> = {
  "/well": [pagePolicy, "text/html", renderStatusPage(ALL_WELL)],
  "/trouble": [pagePolicy, "text/html", renderStatusPage(IN_TROUBLE).replace("<!-- old -->", OLD)],
  "/operators": [pagePolicy, "text/html", renderOperatorsPage(OPERATORS)],
  "/unknown": [pagePolicy, "text/html", text("images/nginx/pages/unknown.html")],
  "/no-such-page": [pagePolicy, "text/html", text("images/nginx/pages/no-such-page.html")],
  "/site-ahead": [sitePolicy, "text/html", bannered("ahead")],
  "/site-under-way": [sitePolicy, "text/html", bannered("under-way")],
  "/site-strict": ["default-src 'none'", "text/html", bannered("ahead")],
  "/styles.css": [sitePolicy, "text/css", text("examples/app/frontend/public/styles.css")],
  "/icon.svg": [sitePolicy, "image/svg+xml", text("examples/app/frontend/public/icon.svg")],
  "/status/banner.css": [pagePolicy, "text/css", BANNER_STYLE],
};

const SCREENS = [
  ["light", 1024],
  ["dark", 1024],
  ["light", 360],
  ["dark", 360],
] as const;

describe("pages and banner in a browser", function () {
  this.timeout(120_000);
  let browser: Browser;
  let server: Server;
  let origin: string;

  before(async () => {
    assert.ok(pagePolicy !== "" && sitePolicy !== "" && OLD !== "", "what nginx says is found in its files");
    server = createServer((request, response) => {
      const [policy, type, content] = FILES[request.url ?? ""] ?? ["", "text/plain", ""];
      response.writeHead(content === "" ? 404 : 200, {
        "Content-Type": `${type}; charset=utf-8`,
        "Content-Security-Policy": policy,
      });
      response.end(content);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    server?.close();
  });

  interface Look {
    scheme?: "light" | "dark";
    width?: number;
    scripts?: boolean;
  }
  /** Opens a page, and fails for whatever the browser complains about or is asked to load from elsewhere. */
  async function open(
    path: string,
    { scheme = "light", width = 1024, scripts = true }: Look,
    work: (page: Page) => Promise<void>,
  ): Promise<void> {
    const context = await browser.newContext({
      colorScheme: scheme,
      viewport: { width, height: 800 },
      javaScriptEnabled: scripts,
    });
    try {
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") {
          complaints.push(message.text());
        }
      });
      page.on("request", (request) => {
        if (!request.url().startsWith(origin) && !request.url().startsWith("data:")) {
          complaints.push(`asks for ${request.url()}`);
        }
      });
      await page.goto(origin + path);
      await work(page);
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
    }
  }

  const shot = async (page: Page, name: string): Promise<void> => {
    const folder = process.env.FITNESSCRM_SCREENSHOTS;
    if (folder !== undefined) {
      await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
    }
  };
  /** Neither the page nor a box in it is narrower than what it holds. */
  const isScrolledSideways = (page: Page): Promise<boolean> =>
    page.evaluate(`[document.documentElement, ...document.querySelectorAll("section")].some(
      ({ scrollWidth, clientWidth }) => scrollWidth > clientWidth,
    )`);

  for (const name of ["well", "trouble", "operators", "unknown", "no-such-page"]) {
    for (const [scheme, width] of SCREENS) {
      it(`/${name} is accessible and fits, ${scheme} and ${width} pixels wide`, () =>
        open(`/${name}`, { scheme, width }, async (page) => {
          assert.deepEqual(await violations(page), []);
          assert.equal(await isScrolledSideways(page), false);
          await shot(page, `${name}-${scheme}-${width}`);
        }));
    }
  }

  it("the list of interruptions opens without scripts, and fits a phone", () =>
    open("/well", { width: 360, scripts: false }, async (page) => {
      await page.getByText("Everything works").waitFor();
      const table = page.getByRole("table");
      assert.equal(await table.isVisible(), false);
      await page.getByText("Days with an interruption").first().click();
      assert.equal(await table.isVisible(), true);
    }));

  it("the opened list is accessible as well", () =>
    open("/well", { width: 360, scheme: "dark" }, async (page) => {
      await page.getByText("Days with an interruption").first().click();
      assert.deepEqual(await violations(page), []);
      assert.equal(await isScrolledSideways(page), false);
    }));

  it("is dark where the reader wants it dark", async () => {
    const colour = async (scheme: "light" | "dark") => {
      let found = "";
      await open("/well", { scheme }, async (page) => {
        found = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      });
      return found;
    };
    assert.equal(await colour("light"), "rgb(244, 246, 248)");
    assert.equal(await colour("dark"), "rgb(15, 22, 28)");
  });

  for (const state of ["ahead", "under-way"] as const) {
    for (const [scheme, width] of SCREENS) {
      it(`the banner (${state}) tops the application's page under its own policy, ${scheme} and ${width} pixels wide`, () =>
        open(`/site-${state}`, { scheme, width }, async (page) => {
          const banner = page.getByRole("complementary", { name: "Maintenance" });
          const box = await banner.boundingBox();
          assert.ok(
            box !== null && box.y === 0 && box.width === width && box.height > 20,
            JSON.stringify(box),
          );
          const seen = await page.evaluate(`({
            first: document.body.querySelector(":scope > :not(link)").className,
            kept: document.body.dataset.kept,
            bodies: document.querySelectorAll("body").length,
            mode: document.compatMode,
            isStyled: getComputedStyle(document.querySelector(".fitnesscrm-banner")).backgroundColor !== "rgba(0, 0, 0, 0)",
          })`);
          assert.deepEqual(seen, {
            first: `fitnesscrm-banner fitnesscrm-banner-${state}`,
            kept: "yes",
            bodies: 1,
            mode: "CSS1Compat",
            isStyled: true,
          });
          assert.deepEqual(await violations(page, ".fitnesscrm-banner"), []);
          await shot(page, `banner-${state}-${scheme}-${width}`);
        }));
    }
  }

  it("the banner can be read where the application's policy allows no style at all", async () => {
    const page = await browser.newPage();
    await page.goto(`${origin}/site-strict`);
    await page.getByText("Planned maintenance on Sunday, December 6").waitFor();
    await page.close();
  });
});
