import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context";
import { hashOf, replaceFolder, writeWhole } from "../home";
import { run } from "../host";
import type { Tool } from "../types";
import { findPulumi } from "./pulumi";

/** Providers that the project uses. Which version, its package.json says. */
export const PROVIDERS = ["docker", "aws", "postgresql", "command"] as const;
export type Provider = (typeof PROVIDERS)[number];

/** `own` ones come from `plugins/` and stand in where the official binaries are out of reach. */
export type PluginKind = "official" | "own";

const DOWNLOADS = "https://get.pulumi.com/releases/plugins/";
const MARKER = "origin.json";

interface Marker {
  readonly kind: PluginKind;
  /** SHA-256 of the sources and of the lock file; only for `own`. */
  readonly inputs?: string;
}

/** What `FITNESSCRM_PLUGINS` asks for; undefined when the first way that works will do. */
export function forcedKind(env: Context["host"]["env"]): PluginKind | undefined {
  const value = env.FITNESSCRM_PLUGINS;
  if (value === undefined || value === "") return undefined;
  if (value === "official" || value === "own") return value;
  throw new Error(`FITNESSCRM_PLUGINS is "${value}"; allowed are official and own`);
}

/** Version of a provider's plugin: the exact version of its SDK in package.json. */
export async function providerVersion(project: string, provider: Provider): Promise<string> {
  const text = await readFile(join(project, "package.json"), "utf8");
  const { dependencies } = JSON.parse(text) as { dependencies?: Record<string, string> };
  const version = dependencies?.[`@pulumi/${provider}`];
  if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
    throw new Error(
      `package.json: @pulumi/${provider} must be pinned to an exact version, found ${version ?? "none"}`,
    );
  }
  return version;
}

/** Where the CLI looks for a plugin. */
export function pluginFolder({ home }: Pick<Context, "home">, provider: Provider, version: string): string {
  return join(home.pulumi, "plugins", `resource-${provider}-v${version}`);
}

/** Which kind of a provider's plugin is installed; undefined when none is, or only half of one. */
export async function installedKind(folder: string, provider: Provider): Promise<Marker | undefined> {
  const exists = (path: string) =>
    stat(path).then(
      () => true,
      () => false,
    );
  if (await exists(`${folder}.partial`)) return undefined;
  if (!(await exists(join(folder, `pulumi-resource-${provider}`)))) return undefined;
  try {
    return JSON.parse(await readFile(join(folder, MARKER), "utf8")) as Marker;
  } catch {
    return { kind: "official" };
  }
}

export function pluginTool(context: Context, provider: Provider, pulumi: Tool): Tool {
  const { host, home, project } = context;
  const inputs = () => hashOf(sourcesOf(project, provider), [process.execPath]);
  const folder = async () => pluginFolder(context, provider, await providerVersion(project, provider));
  const forced = forcedKind(host.env);
  const only = (kind: PluginKind) =>
    forced !== undefined && forced !== kind ? `FITNESSCRM_PLUGINS=${forced} rules it out` : undefined;

  return {
    name: `Pulumi plugin ${provider}`,
    why: `manage resources of the ${provider} provider`,
    remedy: `let this machine reach ${new URL(DOWNLOADS).host}, or unset FITNESSCRM_PLUGINS`,
    needs: [pulumi],
    async present() {
      const found = await installedKind(await folder(), provider);
      if (found === undefined || (forced !== undefined && found.kind !== forced)) return undefined;
      if (found.kind === "own" && found.inputs !== (await inputs())) return undefined;
      return `v${await providerVersion(project, provider)} (${found.kind})`;
    },
    ways: [
      {
        name: "official download",
        async obstacle() {
          if (only("official") !== undefined) return only("official");
          // Changing the provider under a stack because a network came back would surprise.
          const found = await installedKind(await folder(), provider);
          if (forced === undefined && found?.kind === "own") return "this machine has the project's own one";
          return host.silent(DOWNLOADS);
        },
        async get(step) {
          const version = await providerVersion(project, provider);
          const cli = await findPulumi(context);
          if (cli === undefined) throw new Error("the Pulumi CLI has gone again");
          await rm(await folder(), { recursive: true, force: true });
          step.detail(`pulumi plugin install resource ${provider} v${version}`);
          await run(host, [cli.path, "plugin", "install", "resource", provider, `v${version}`], {
            env: { PULUMI_HOME: home.pulumi, PULUMI_SKIP_UPDATE_CHECK: "true" },
          });
        },
      },
      {
        name: "the project's own",
        obstacle: async () => only("own"),
        async get(step) {
          step.detail("bundling");
          const hash = await inputs();
          const target = await folder();
          await home.inTemporary(`plugin-${provider}`, async (temporary) => {
            await bundle(project, provider, temporary, target);
            const marker: Marker = { kind: "own", inputs: hash };
            await writeWhole(join(temporary, MARKER), JSON.stringify(marker));
            await rm(`${target}.partial`, { force: true });
            await replaceFolder(temporary, target);
          });
        },
      },
    ],
  };
}

function sourcesOf(project: string, provider: Provider): string[] {
  const inProject = ["plugins/lib", `plugins/${provider}`, "package-lock.json"].map((path) =>
    join(project, path),
  );
  // How they are bundled counts as well.
  return [...inProject, __filename];
}

/**
 * One file that does not need the checkout any more, and the executable that the engine starts.
 *
 * @param folder Where both are written. @param target Where they will lie when the engine starts them.
 */
export async function bundle(
  project: string,
  provider: Provider,
  folder: string,
  target: string,
): Promise<void> {
  // Only a run that bundles pays for loading it.
  const { build } = await import("esbuild");
  const result = await build({
    entryPoints: [join(project, "plugins", provider, "index.ts")],
    outfile: join(folder, "plugin.cjs"),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    logLevel: "silent",
    // Native helpers that their packages can do without, and look for in a try block.
    external: ["cpu-features", "pg-native", "*.node"],
  });
  if (result.errors.length > 0) throw new Error(result.errors.map(({ text }) => text).join("; "));
  await writeWhole(
    join(folder, `pulumi-resource-${provider}`),
    launcher(process.execPath, join(target, "plugin.cjs")),
    0o755,
  );
}

/** The engine's PATH need not hold the node that installed the plugin, and that node may go away later. */
export function launcher(node: string, script: string): string {
  const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;
  return [
    "#!/bin/sh",
    `node=${quoted(node)}`,
    '[ -x "$node" ] || node=node',
    `exec "$node" ${quoted(script)} "$@"`,
    "",
  ].join("\n");
}
