import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fitnesscrmHome, PROJECT_FOLDER, stackContext } from "../../cli/context";
import { pulumiEnvironment } from "../../cli/pulumi";
import { seconds } from "./measure";

export interface EmptyProgram {
  /** Runs Pulumi in it. @returns Seconds. */
  pulumi(...args: readonly string[]): Promise<number>;
  remove(): void;
}

/** The floor of every Pulumi figure: what `pulumi new typescript` writes, deployed, on the same SDK and the same engine. */
export async function deployEmptyProgram(): Promise<EmptyProgram> {
  const folder = write();
  const env = environment(folder);
  const program: EmptyProgram = {
    pulumi: (...args) => seconds("pulumi", [...args, "--stack", "bench"], folder, env),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  try {
    await seconds("pulumi", ["stack", "init", "bench"], folder, env);
    await program.pulumi("up", "--yes", "--skip-preview", "--non-interactive");
  } catch (error) {
    program.remove();
    throw error;
  }
  return program;
}

function write(): string {
  const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-bench-"));
  for (const name of ["state", "bin"]) {
    mkdirSync(join(folder, name));
  }
  symlinkSync(join(PROJECT_FOLDER, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", main: "index.ts" }));
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { strict: true, target: "es2020", module: "commonjs", moduleResolution: "node" },
      files: ["index.ts"],
    }),
  );
  writeFileSync(
    join(folder, "index.ts"),
    'import * as pulumi from "@pulumi/pulumi";\nexport const stack = pulumi.getStack();\n',
  );
  writeFileSync(join(folder, "Pulumi.yaml"), "name: empty\nruntime: nodejs\n");
  // A language host that is older than the CLI is wrapped to have our project's options, which this one does not ask for.
  const host = readdirSync(join(fitnesscrmHome(), "bin")).find((name) =>
    /^pulumi-language-nodejs-v/.test(name),
  );
  if (host !== undefined) {
    symlinkSync(join(fitnesscrmHome(), "bin", host), join(folder, "bin", "pulumi-language-nodejs"));
  }
  return folder;
}

function environment(folder: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...pulumiEnvironment(stackContext("local")),
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "bench",
    PATH: [join(folder, "bin"), join(fitnesscrmHome(), "bin"), process.env.PATH].join(":"),
  };
  for (const ours of ["PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_OPTION_CONFIG_FILE", "PULUMI_STACK"]) {
    delete env[ours];
  }
  return env;
}
