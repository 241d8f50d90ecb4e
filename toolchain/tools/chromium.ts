import { aptInstall, aptObstacle } from "../apt";
import type { Context } from "../context";
import type { Tool } from "../types";

const NAMES = ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"];

/** Path of a Chromium that tests can drive. */
export async function findChromium({ host }: Pick<Context, "host">): Promise<string | undefined> {
  for (const name of NAMES) {
    const path = await host.which(name);
    if (path !== undefined) return path;
  }
  return undefined;
}

export function chromiumTool(context: Context): Tool {
  const { host } = context;
  return {
    name: "Chromium",
    why: "test what a browser shows",
    remedy: "install Chromium or Google Chrome and put it on PATH",
    present: () => findChromium(context),
    ways: [
      {
        name: "the distribution's package chromium",
        root: true,
        exclusive: "packages",
        obstacle: () => aptObstacle(host),
        get: (step) => aptInstall(host, ["chromium"], step),
      },
    ],
  };
}
