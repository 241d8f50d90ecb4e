import { cp, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Context } from "../context";
import { hashOf, replaceFolder } from "../home";
import { run } from "../host";
import type { Tool } from "../types";

/** The newest that runs on the oldest Node.js that the project takes. */
export const LIGHTHOUSE_VERSION = "12.8.2";

const INSTALL_MS = 10 * 60_000;

/** Its npm packages, pinned by a lock file of their own: a checkout that audits nothing does not install them. */
const filesOf = (context: Pick<Context, "project">): string[] =>
  ["package.json", "package-lock.json"].map((name) => join(context.project, "toolchain/lighthouse", name));

async function folderOf(context: Pick<Context, "home" | "project">): Promise<string> {
  const content = (await hashOf(filesOf(context))).slice(0, 12);
  return join(context.home.folder, "lighthouse", `${LIGHTHOUSE_VERSION}-${content}`);
}

/** Path of Lighthouse's program, for node; undefined where it is not installed. */
export async function findLighthouse(
  context: Pick<Context, "home" | "project">,
): Promise<string | undefined> {
  const program = join(await folderOf(context), "node_modules/lighthouse/cli/index.js");
  return stat(program).then(
    () => program,
    () => undefined,
  );
}

export function lighthouseTool(context: Context): Tool {
  const { host, home } = context;
  return {
    name: "Lighthouse",
    why: "audit pages (M15)",
    remedy: "let npm reach its registry",
    present: async () =>
      (await findLighthouse(context)) === undefined ? undefined : `v${LIGHTHOUSE_VERSION} (npm)`,
    ways: [
      {
        name: "npm",
        get: (step) =>
          home.inTemporary("lighthouse", async (folder) => {
            for (const file of filesOf(context)) {
              await cp(file, join(folder, basename(file)));
            }
            step.detail("npm ci");
            await run(host, ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
              cwd: folder,
              timeout: INSTALL_MS,
            });
            await replaceFolder(folder, await folderOf(context));
          }),
      },
    ],
  };
}
