import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import type { Context } from "../context";
import { checksumOf } from "../download";
import { hashOf } from "../home";
import { run } from "../host";
import type { Step, Tool } from "../types";
import { compareVersions, parseVersion } from "../versions";
import { buildGo } from "./go";

/** The version that the SDK in package.json is of, and that every part here was proven with. */
export const PULUMI_VERSION = "3.259.0";
/** The last version of the SDK's module that contains the language host's source. */
export const LANGUAGE_HOST_VERSION = "3.68.0";

export const RELEASES = "https://get.pulumi.com/releases/sdk/";
const LANGUAGE_HOST = "pulumi-language-nodejs";
/** Language hosts of other languages are 300 MB that nothing here runs. */
const WANTED = [LANGUAGE_HOST, "pulumi-analyzer-policy", "pulumi-resource-pulumi-nodejs"];

/** Where the CLI is: ours when it is there, else the one on PATH when it is this version or a newer 3. */
export async function findPulumi({
  host,
  home,
}: Context): Promise<{ path: string; what: string } | undefined> {
  const ours = await home.program("pulumi", PULUMI_VERSION);
  if (ours !== undefined) return { path: ours.path, what: `v${PULUMI_VERSION} (${ours.way})` };
  const path = await host.which("pulumi");
  if (path === undefined) return undefined;
  const { code, stdout } = await host.exec([path, "version"], { env: { PULUMI_SKIP_UPDATE_CHECK: "true" } });
  const version = parseVersion(stdout);
  const wanted = parseVersion(PULUMI_VERSION) ?? [];
  const fits =
    code === 0 && version !== undefined && version[0] === wanted[0] && compareVersions(version, wanted) >= 0;
  return fits ? { path, what: `v${version.join(".")} at ${path}` } : undefined;
}

export function pulumiTool(context: Context, go: Tool): Tool {
  const { home, host } = context;
  return {
    name: "Pulumi CLI",
    why: "deploy anything",
    remedy: `install Pulumi ${PULUMI_VERSION} (https://www.pulumi.com/docs/install/) and put it on PATH`,
    present: async () => (await findPulumi(context))?.what,
    ways: [
      {
        name: "official download",
        obstacle: () => host.silent(RELEASES),
        get: (step) => downloadRelease(context, step, ["pulumi", ...WANTED]),
      },
      {
        name: "Go module",
        needs: [go],
        exclusive: "build",
        get: (step) =>
          buildGo(
            context,
            {
              folder: "pulumi",
              package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
              variables: {
                "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": `v${PULUMI_VERSION}`,
              },
            },
            step,
            (path) => home.installProgram(path, "pulumi", PULUMI_VERSION, "Go module"),
          ),
      },
    ],
  };
}

/** The program that runs the project's TypeScript for the CLI; the CLI looks for it beside itself and on PATH. */
export function languageHostTool(context: Context, pulumi: Tool, go: Tool): Tool {
  const { host, home } = context;
  return {
    name: "Pulumi language host",
    why: "run a program written in TypeScript",
    remedy: `install the whole Pulumi ${PULUMI_VERSION} release, ${LANGUAGE_HOST} included, and put it on PATH`,
    needs: [pulumi],
    async present() {
      const cli = await findPulumi(context);
      if (cli !== undefined && dirname(cli.path) !== home.bin) {
        const beside = join(dirname(cli.path), LANGUAGE_HOST);
        if (await stat(beside).catch(() => undefined)) return beside;
      }
      if (await home.program(LANGUAGE_HOST, PULUMI_VERSION)) return `v${PULUMI_VERSION} (official download)`;
      const wrapped = await home.program(LANGUAGE_HOST, (await oldHostWrapper(context)).version);
      return wrapped === undefined ? undefined : `v${LANGUAGE_HOST_VERSION} (Go module)`;
    },
    ways: [
      {
        name: "official download",
        obstacle: () => host.silent(RELEASES),
        get: (step) => downloadRelease(context, step, WANTED),
      },
      {
        name: "the one built before, with this project's options",
        obstacle: async () =>
          (await home.program(OLD_HOST, LANGUAGE_HOST_VERSION)) === undefined
            ? "there is none yet"
            : undefined,
        get: () => wrapOldHost(context),
      },
      {
        name: "Go module",
        needs: [go],
        exclusive: "build",
        get: (step) =>
          buildGo(
            context,
            {
              folder: "language-host",
              package: `github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/${LANGUAGE_HOST}`,
              variables: {
                "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": `v${LANGUAGE_HOST_VERSION}`,
              },
            },
            step,
            async (path) => {
              await home.installProgram(path, OLD_HOST, LANGUAGE_HOST_VERSION, "Go module");
              await wrapOldHost(context);
            },
          ),
      },
    ],
  };
}

const OLD_HOST = `${LANGUAGE_HOST}-v${LANGUAGE_HOST_VERSION}`;

/**
 * A language host that is older than the CLI knows the runtime options of Pulumi.yaml as flags only, while the CLI sends
 * them with each request: without them it would compile the program with settings of its own. A wrapper gives it the flags,
 * and is another one when the options are.
 */
async function oldHostWrapper({ project }: Context): Promise<{ script: string; version: string }> {
  const script = hostWrapper(OLD_HOST, await readFile(join(project, "Pulumi.yaml"), "utf8"));
  return { script, version: `${LANGUAGE_HOST_VERSION}+${(await hashOf([], [script])).slice(0, 12)}` };
}

async function wrapOldHost(context: Context): Promise<void> {
  const { script, version } = await oldHostWrapper(context);
  await context.home.inTemporary("language-host", async (folder) => {
    const file = join(folder, LANGUAGE_HOST);
    await writeFile(file, script);
    await context.home.installProgram(file, LANGUAGE_HOST, version, "Go module");
  });
}

/** A shell script that runs `program` beside it with the runtime options of a project file as flags. */
export function hostWrapper(program: string, projectFile: string): string {
  const { runtime } = parse(projectFile) as { runtime?: string | { options?: Record<string, unknown> } };
  const options = typeof runtime === "object" ? runtime.options : undefined;
  const flags = (["typescript", "nodeargs"] as const)
    .filter((name) => options?.[name] !== undefined)
    .map((name) => `'-${name}=${String(options?.[name]).replaceAll("'", "'\\''")}'`);
  return `${["#!/bin/sh", ["exec", `"${"$"}{0%/*}/${program}"`, ...flags, '"$@"'].join(" ")].join("\n")}\n`;
}

/** Fetches the release and keeps the programs named; the CLI itself is put in place last. */
async function downloadRelease({ host, home }: Context, step: Step, names: readonly string[]): Promise<void> {
  const arch = host.arch === "arm64" ? "arm64" : "x64";
  const archive = `pulumi-v${PULUMI_VERSION}-${host.platform}-${arch}.tar.gz`;
  const sums = await host.fetchText(`${RELEASES}pulumi-${PULUMI_VERSION}-checksums.txt`);
  await home.inTemporary("pulumi", async (folder) => {
    const file = join(folder, archive);
    await host.fetchFile(`${RELEASES}${archive}`, checksumOf(sums, archive), file, (done, total) =>
      step.detail(`${done.toFixed(0)} of ${total?.toFixed(0) ?? "?"} MB`),
    );
    step.detail("unpacking");
    await run(host, ["tar", "-xzf", file, "-C", folder]);
    const unpacked = new Set(await readdir(join(folder, "pulumi")));
    for (const name of [...names].sort((a, b) => Number(a === "pulumi") - Number(b === "pulumi"))) {
      if (!unpacked.has(name)) continue;
      await home.installProgram(join(folder, "pulumi", name), name, PULUMI_VERSION, "official download");
    }
  });
}
