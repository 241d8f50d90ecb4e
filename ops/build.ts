import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What is used of esbuild's API. The package comes with tsx and is not a dependency of its own. */
interface Esbuild {
  build(options: {
    entryPoints: string[];
    outfile: string;
    bundle: boolean;
    platform: "node";
    target: string;
    format: "cjs";
    external: string[];
    logLevel: "silent";
  }): Promise<unknown>;
}

/**
 * Bundles the ops container's program, or another one, with everything that it imports, into the one file `outFile`; its
 * folder must exist. Rejects with esbuild's messages.
 */
export async function bundleOps(
  outFile: string,
  entryPoint = join(dirname(__filename), "main.ts"),
): Promise<void> {
  const fromTsx = createRequire(require.resolve("tsx/package.json"));
  const { build } = fromTsx("esbuild") as Esbuild;
  await build({
    entryPoints: [entryPoint],
    outfile: outFile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    // pg asks for its native bindings and for a Cloudflare module, and does without when they are not there.
    external: ["pg-native", "pg-cloudflare"],
    logLevel: "silent",
  });
}
