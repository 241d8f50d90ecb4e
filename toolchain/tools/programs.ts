import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context";
import { docker, HUB, pull } from "../docker";
import { copyWritable, hashOf } from "../home";
import { run } from "../host";
import type { Tool } from "../types";
import { buildGo, fetchModule } from "./go";
import type { StandIn } from "./images";

export const TELEGRAF_VERSION = "1.37.2";
export const MAILPIT_VERSION = "1.27.11";
export const MAILBOX_IMAGE = `fitnesscrm/mailbox:${MAILPIT_VERSION}`;

/** With Go's own checksum of the module's content, which includes its go.sum. */
const TELEGRAF = {
  path: "github.com/influxdata/telegraf",
  version: TELEGRAF_VERSION,
  sum: "h1:mYr0I/suEw9+UM4KrCFuYuzJuq/e99cINniIwqO6ykw=",
};
const MAILPIT = {
  path: "github.com/axllent/mailpit",
  version: MAILPIT_VERSION,
  sum: "h1:57cO1Tlekptm80OBxry0wW/9Nc1WxzEjh12SC2LCrx0=",
};

/** The agent's program, wanted in the home's `bin` for the build of its image. */
export function telegrafTool(context: Context, engine: Tool, go: Tool): Tool {
  const { host, home, project } = context;
  const tagsFile = join(project, "toolchain/go/telegraf/tags");
  // One that lacks a plugin which is used now is another one.
  const built = async () => `${TELEGRAF_VERSION}+${(await hashOf([tagsFile])).slice(0, 12)}`;
  return {
    name: "Telegraf",
    why: "send metrics",
    remedy: `let the engine pull telegraf:${TELEGRAF_VERSION}, or let Go reach its module proxy`,
    async present() {
      for (const version of [TELEGRAF_VERSION, await built()]) {
        const found = await home.program("telegraf", version);
        if (found !== undefined) return described(found, TELEGRAF_VERSION);
      }
      return undefined;
    },
    ways: [
      {
        name: "Docker Hub",
        obstacle: () => host.silent(HUB),
        needs: [engine],
        get: (step) =>
          home.inTemporary("telegraf", async (folder) => {
            await pull(host, `telegraf:${TELEGRAF_VERSION}`, undefined, step);
            const container = await docker(host, ["create", `telegraf:${TELEGRAF_VERSION}`]);
            try {
              await docker(host, ["cp", `${container}:/usr/bin/telegraf`, join(folder, "telegraf")]);
            } finally {
              await docker(host, ["rm", "--volumes", container]);
            }
            await home.installProgram(join(folder, "telegraf"), "telegraf", TELEGRAF_VERSION, "Docker Hub");
          }),
      },
      {
        name: "Go module",
        needs: [go],
        exclusive: "build",
        async get(step) {
          const list = await readFile(tagsFile, "utf8");
          const tags = list.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
          const version = await built();
          await buildGo(
            context,
            {
              folder: await fetchModule(context, TELEGRAF, step),
              package: "./cmd/telegraf",
              tags,
              variables: { "github.com/influxdata/telegraf/internal.Version": TELEGRAF_VERSION },
            },
            step,
            (path) => home.installProgram(path, "telegraf", version, "Go module"),
          );
        },
      },
    ],
  };
}

/** The mailbox's program. Its image has it where Docker Hub answers; so it is wanted only where that image is built. */
export function mailpitTool(context: Context, go: Tool): Tool {
  const { host, home } = context;
  return {
    name: "Mailpit",
    why: "show the mail that the AWS emulator sends",
    remedy: "let the engine pull the image axllent/mailpit, or let Go and npm reach their registries",
    present: async () => described(await home.program("mailpit", MAILPIT_VERSION), MAILPIT_VERSION),
    ways: [
      {
        name: "Go module",
        needs: [go],
        exclusive: "build",
        get: (step) =>
          home.inTemporary("mailpit", async (folder) => {
            const source = join(folder, "source");
            await copyWritable(await fetchModule(context, MAILPIT, step), source);
            // The module holds the source of the web page only; its release bundles the page before it compiles.
            step.detail("npm: fetching what its web page is made with");
            await run(host, ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: source });
            step.detail("bundling its web page");
            await run(host, ["node", "esbuild.config.mjs"], { cwd: source, env: { MINIFY: "true" } });
            step.detail("compiling");
            await buildGo(
              context,
              {
                folder: source,
                package: ".",
                variables: { "github.com/axllent/mailpit/config.Version": `v${MAILPIT_VERSION}` },
              },
              step,
              (path) => home.installProgram(path, "mailpit", MAILPIT_VERSION, "Go module"),
            );
          }),
      },
    ],
  };
}

/** The mailbox image, of which Docker Hub has an official one. */
export function mailbox(mailpit: Tool): StandIn {
  return {
    name: "Mailbox image",
    why: "show the mail that the AWS emulator sends",
    official: `axllent/mailpit:v${MAILPIT_VERSION}`,
    tag: MAILBOX_IMAGE,
    folder: "mailbox",
    program: { tool: mailpit, file: "mailpit" },
  };
}

function described(found: { way: string } | undefined, version: string): string | undefined {
  return found === undefined ? undefined : `v${version} (${found.way})`;
}
