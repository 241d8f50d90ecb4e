import { type Browser, chromium } from "playwright-core";

/** Debian's Chromium, or the one that the toolchain found. @param more - Further options of its command line. */
export function openBrowser(...more: readonly string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.FITNESSCRM_CHROMIUM ?? "/usr/bin/chromium",
    // As root there is no sandbox; the rest keeps the browser from asking the internet for things.
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...more,
    ],
  });
}
