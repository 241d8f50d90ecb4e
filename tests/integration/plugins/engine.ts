/** A Pulumi engine of its own for one conformance suite: home, backend and plugins in a temporary folder. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { LocalWorkspace, type PulumiFn, type Stack } from "@pulumi/pulumi/automation";
import { bundle, type Provider } from "../../../toolchain/tools/plugins";

/**
 * The suites run hundreds of engines after each other, and every program in this one process. A connection that waits to be tried again,
 * since its engine has ended, must not become that of a later engine which was given the same port: it would be refused before it is tried.
 */
const { grpcClientOptions } = createRequire(__filename)("@pulumi/pulumi/runtime/settings") as {
  grpcClientOptions: Record<string, unknown>;
};
grpcClientOptions["grpc.use_local_subchannel_pool"] = 1;

const ROOT = resolve(__dirname, "..", "..", "..");

/** True when the suite is to run against the official plugins instead of ours. */
export const official = process.env.PLUGINS === "official";

export interface Engine {
  readonly stack: Stack;
  /** The stack's state as JSON. The Automation API's own export always shows the secrets. */
  exportState(secrets: "in clear" | "encrypted"): Promise<string>;
  /** Removes the folder; call it after the stack's resources are gone. */
  remove(): void;
}

/**
 * A stack without resources whose program is set by each operation.
 *
 * @param plugins package names; each is bundled from `plugins/NAME/index.ts`, or is got by the engine itself with
 *   `PLUGINS=official`
 * @param config stack configuration by full key, e.g. `docker:host`
 */
export async function startEngine(
  plugins: readonly Provider[],
  config: Readonly<Record<string, string>>,
): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  const home = join(folder, "home");
  const backend = join(folder, "state");
  mkdirSync(home);
  mkdirSync(backend);
  if (!official) await Promise.all(plugins.map((plugin) => install(home, plugin)));
  // The Automation API looks for the CLI before it takes an environment.
  process.env.PATH = searchPath();
  requireCli();
  const none: PulumiFn = async () => undefined;
  const stack = await LocalWorkspace.createOrSelectStack(
    { stackName: "conformance", projectName: "conformance", program: none },
    {
      pulumiHome: home,
      projectSettings: { name: "conformance", runtime: "nodejs" },
      envVars: {
        PULUMI_BACKEND_URL: pathToFileURL(backend).href,
        PULUMI_CONFIG_PASSPHRASE: "conformance",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        ...(official ? {} : { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" }),
      },
    },
  );
  await stack.setAllConfig(
    Object.fromEntries(Object.entries(config).map(([key, value]) => [key, { value }])),
  );
  // After each operation the Automation API asks for outputs and history, which is three processes more; the state has both.
  Object.assign(stack, { outputs: async () => ({}), info: async () => undefined });
  const { workspace } = stack;
  return {
    stack,
    exportState: async (secrets) => {
      const show = secrets === "in clear" ? ["--show-secrets"] : [];
      const args = ["stack", "export", ...show, "--non-interactive", "--stack", stack.name];
      const env = { ...process.env, ...workspace.envVars, PULUMI_HOME: home };
      const options = { cwd: workspace.workDir, env, maxBuffer: 64 * 1024 * 1024 };
      return (await promisify(execFile)("pulumi", args, options)).stdout;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Puts the plugin, bundled as operators have it, where the engine looks for it in the version that the SDK asks for. */
async function install(home: string, plugin: Provider): Promise<void> {
  const manifest = join(ROOT, "node_modules", "@pulumi", plugin, "package.json");
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  const folder = join(home, "plugins", `resource-${plugin}-v${version}`);
  mkdirSync(folder, { recursive: true });
  await bundle(ROOT, plugin, folder, folder);
}

function requireCli(): void {
  const folders = searchPath().split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, "pulumi")))) return;
  throw new Error(
    "the Pulumi CLI is neither on PATH nor in $FITNESSCRM_HOME/bin: run ./fitnesscrm up once, which gets it",
  );
}

/** PATH with the project's own tools in front, so that a CLI that the launcher got is found. */
export function searchPath(): string {
  const data = process.env.XDG_DATA_HOME ?? join(homedir(), ".local", "share");
  const tools = join(process.env.FITNESSCRM_HOME ?? join(data, "fitnesscrm"), "bin");
  return [tools, process.env.PATH ?? ""].join(delimiter);
}
