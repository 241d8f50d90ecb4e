/**
 * `npm run bench:up`: how long `./fitnesscrm up` takes when there is nothing to do, beside the `pulumi up` of an empty
 * TypeScript program as `pulumi new` makes it, on the same machine in the same run. Needs a local stack that is up.
 *
 * Prints the median of each and their ratio; the target is at most 3.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fitnesscrmHome, PROJECT_FOLDER, stackContext } from "../../cli/context";
import { run } from "../../cli/exec";
import { pulumiEnvironment } from "../../cli/pulumi";

const ROUNDS = 5;

async function seconds(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const start = performance.now();
  const result = await run(command, args, { cwd, env });
  if (result.code !== 0) {
    throw new Error(
      `${command} ${args.join(" ")} ended with ${result.code}: ${result.stderr || result.stdout}`,
    );
  }
  return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** What `pulumi new typescript` writes, on the same SDK and the same engine. */
function emptyProgram(): string {
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

async function main(): Promise<void> {
  const folder = emptyProgram();
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
  try {
    await seconds("pulumi", ["stack", "init", "bench"], folder, env);
    const up = ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", "bench"];
    await seconds("pulumi", up, folder, env);
    const empty: number[] = [];
    const ours: number[] = [];
    // In turns, so that whatever else the machine does weighs on both.
    for (let round = 0; round < ROUNDS; round += 1) {
      empty.push(await seconds("pulumi", up, folder, env));
      ours.push(await seconds(join(PROJECT_FOLDER, "fitnesscrm"), ["up"], PROJECT_FOLDER, process.env));
    }
    const [floor, own] = [median(empty), median(ours)];
    console.log(`empty program   ${floor.toFixed(2)} s  (median of ${ROUNDS})`);
    console.log(`./fitnesscrm up ${own.toFixed(2)} s  (median of ${ROUNDS}, nothing to do)`);
    console.log(`ratio           ${(own / floor).toFixed(2)}   (target: at most 3)`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
