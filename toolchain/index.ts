import { delimiter, dirname, join } from "node:path";
import type { Context } from "./context";
import { Home } from "./home";
import { type Host, thisHost } from "./host";
import { Resolver } from "./resolver";
import { actionlintTool } from "./tools/actionlint";
import { baseTool } from "./tools/base";
import { chromiumTool, findChromium } from "./tools/chromium";
import {
  engineTool,
  startedEngine as findStarted,
  type StartedEngine,
  stopEngine as stopStarted,
} from "./tools/engine";
import { goTool } from "./tools/go";
import { AWS_EMULATOR, imageTool } from "./tools/images";
import { findLighthouse, lighthouseTool } from "./tools/lighthouse";
import { pebbleTool } from "./tools/pebble";
import { PROVIDERS, pluginTool } from "./tools/plugins";
import { mailbox, mailpitTool, telegrafTool } from "./tools/programs";
import { findPulumi, languageHostTool, pulumiTool } from "./tools/pulumi";
import { swarmTool } from "./tools/swarm";
import { turnsIn } from "./turns";
import { ALREADY_THERE, type Provided, type Reporter, type Tool } from "./types";

export { BASE_IMAGE, baseImageId } from "./tools/base";
export type { StartedEngine } from "./tools/engine";
export { AWS_EMULATOR_IMAGE } from "./tools/images";
export { MAILBOX_IMAGE } from "./tools/programs";
export type { Provided, Reporter, Step } from "./types";
export { ALREADY_THERE, ToolchainError } from "./types";

/** What a command can ask for; each brings what it needs itself. */
export const NEEDS = [
  "pulumi",
  "engine",
  "swarm",
  "base",
  "emulator",
  "mailbox",
  "telegraf",
  "chromium",
  "actionlint",
  "pebble",
  "lighthouse",
] as const;
export type Need = (typeof NEEDS)[number];

export interface PrepareOptions {
  /** `$FITNESSCRM_HOME`, see {@link homeFolder}. */
  readonly home: string;
  readonly reporter: Reporter;
  readonly need: readonly Need[];
  /** Root of the checkout; this one when absent. */
  readonly project?: string;
  /** The machine; this one when absent. */
  readonly host?: Host;
}

/** A machine that has what was asked for. */
export interface Machine {
  /** Path of the CLI; undefined unless `pulumi` was asked for. */
  readonly pulumi?: string;
  readonly pulumiHome: string;
  /** What commands that run Pulumi or Docker need in their environment, PATH included. */
  readonly env: Readonly<Record<string, string>>;
  /** `DOCKER_HOST`; undefined for the engine at its usual socket. */
  readonly dockerHost?: string;
  /** Path of a browser; undefined unless `chromium` was asked for. */
  readonly chromium?: string;
  /** Path of Lighthouse's program, for node; undefined unless `lighthouse` was asked for. */
  readonly lighthouse?: string;
  /** Every tool, how it was got and how long that took, in seconds. */
  readonly provided: readonly Provided[];
  /** The engine, where an earlier or this run started it by hand. */
  readonly startedEngine?: StartedEngine;
}

/** `$FITNESSCRM_HOME`, by default `fitnesscrm` in the user's data folder. */
export function homeFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.FITNESSCRM_HOME) return env.FITNESSCRM_HOME;
  const data = env.XDG_DATA_HOME || (env.HOME ? join(env.HOME, ".local/share") : undefined);
  if (data === undefined)
    throw new Error("neither FITNESSCRM_HOME nor HOME is set: set FITNESSCRM_HOME to a folder");
  return join(data, "fitnesscrm");
}

/**
 * Gets everything that `need` names by the first way that works. What is there already is neither fetched nor reported.
 * Throws a {@link ToolchainError} that says, for every tool that could not be got, what was tried and what to do.
 */
export async function prepareMachine(options: PrepareOptions): Promise<Machine> {
  const context = contextOf(options);
  const { home, host } = context;
  await home.prepare();
  const resolver = new Resolver(host, options.reporter, turnsIn(join(home.cache, "turns")));
  const provided = await resolver.provide(toolsFor(context, options.need));

  const pulumi = options.need.includes("pulumi") ? await findPulumi(context) : undefined;
  const chromium = options.need.includes("chromium") ? await findChromium(context) : undefined;
  const lighthouse = options.need.includes("lighthouse") ? await findLighthouse(context) : undefined;
  const engine = await findStarted(home);
  return {
    ...(pulumi === undefined ? {} : { pulumi: pulumi.path }),
    pulumiHome: home.pulumi,
    env: {
      PATH: [...new Set([...(pulumi ? [dirname(pulumi.path)] : []), home.bin, host.env.PATH ?? ""])].join(
        delimiter,
      ),
      PULUMI_HOME: home.pulumi,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      // The engine would ask the internet for plugins that it does not find.
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    },
    ...(host.env.DOCKER_HOST ? { dockerHost: host.env.DOCKER_HOST } : {}),
    ...(chromium === undefined ? {} : { chromium }),
    ...(lighthouse === undefined ? {} : { lighthouse }),
    provided,
    ...(engine === undefined ? {} : { startedEngine: engine }),
  };
}

/** What is there and what is missing; gets nothing. `what` is undefined for what is missing or cannot be asked. */
export async function inspectMachine(
  options: Omit<PrepareOptions, "reporter">,
): Promise<{ tool: string; what: string | undefined }[]> {
  const tools = toolsFor(contextOf(options), options.need);
  return Promise.all(
    tools.map(async (tool) => ({ tool: tool.name, what: await tool.present().catch(() => undefined) })),
  );
}

/** The engine that the toolchain started by hand and that still runs; undefined when there is none. */
export async function startedEngine(home: string): Promise<StartedEngine | undefined> {
  return findStarted(new Home(home));
}

/** Stops the engine that the toolchain started by hand, and no other; false when there is none. */
export async function stopEngine(home: string, host: Host = thisHost()): Promise<boolean> {
  return stopStarted(host, new Home(home));
}

/** One line a tool that was got, with its time; for the end of a first run. */
export function timesByStep(provided: readonly Provided[]): string[] {
  const got = provided.filter(({ way }) => way !== ALREADY_THERE);
  const width = Math.max(0, ...got.map(({ tool }) => tool.length));
  return got.map(
    ({ tool, seconds, way }) => `${tool.padEnd(width)} ${seconds.toFixed(1).padStart(7)} s  ${way}`,
  );
}

function contextOf({ home, project, host }: Omit<PrepareOptions, "reporter" | "need">): Context {
  return { host: host ?? thisHost(), home: new Home(home), project: project ?? dirname(__dirname) };
}

function toolsFor(context: Context, need: readonly Need[]): Tool[] {
  const go = goTool(context);
  const pulumi = pulumiTool(context, go);
  const engine = engineTool(context);
  const base = baseTool(context, engine);
  const tools: Record<Need, () => Tool[]> = {
    pulumi: () => [
      pulumi,
      languageHostTool(context, pulumi, go),
      ...PROVIDERS.map((provider) => pluginTool(context, provider, pulumi)),
    ],
    engine: () => [engine],
    swarm: () => [engine, swarmTool(context, engine)],
    base: () => [engine, base],
    emulator: () => [engine, imageTool(context, AWS_EMULATOR, engine, base)],
    mailbox: () => [engine, imageTool(context, mailbox(mailpitTool(context, go)), engine, base)],
    telegraf: () => [telegrafTool(context, engine, go)],
    chromium: () => [chromiumTool(context)],
    actionlint: () => [actionlintTool(context, go)],
    pebble: () => [pebbleTool(context, go)],
    lighthouse: () => [lighthouseTool(context)],
  };
  return [...new Set(need.flatMap((name) => tools[name]()))];
}
