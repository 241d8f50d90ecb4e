import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { openBrowser } from "../support/browser";
import { ADMIN_EMAIL, addClient, adminPassword } from "./support/app";
import { URL_OF_STACK } from "./support/launcher";
import { ensureStack } from "./support/stack";

describe("the frontend in a real browser", function () {
  this.timeout(300_000);
  let browser: Browser;

  before(async () => {
    await ensureStack();
    browser = await openBrowser();
  });

  after(async () => {
    await browser?.close();
  });

  it("shows the clients that the API has", async () => {
    await addClient("Wilma Browser");
    const page = await browser.newPage();
    await page.goto(URL_OF_STACK);
    await page
      .getByLabel(/e-?mail/i)
      .first()
      .fill(ADMIN_EMAIL);
    await page
      .getByLabel(/password/i)
      .first()
      .fill(await adminPassword());
    await page.getByRole("button", { name: /log ?in|sign ?in/i }).click();
    await page.getByText("Wilma Browser").first().waitFor({ timeout: 15_000 });
  });

  it("makes no error in the browser's console", async () => {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") {
        errors.push(message.text());
      }
    });
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(URL_OF_STACK, { waitUntil: "networkidle" });
    assert.deepEqual(errors, []);
  });
});
