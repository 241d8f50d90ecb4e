/**
 * `npm run bench:up`: how long `./fitnesscrm up` takes when there is nothing to do, beside the `pulumi up` of an empty
 * TypeScript program on the same machine in the same run. Needs a local stack that is up.
 *
 * Prints the median of each and their ratio; the target is at most 3.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT_FOLDER, stackContext } from "../../cli/context";
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

/** An empty program beside ours: the same SDK, the same engine, the same way of running TypeScript. */
function emptyProgram(): string {
  const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-bench-"));
  mkdirSync(join(folder, "state"));
  symlinkSync(join(PROJECT_FOLDER, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", main: "index.ts" }));
  writeFileSync(
    join(folder, "index.ts"),
    'import * as pulumi from "@pulumi/pulumi";\nexport const stack = pulumi.getStack();\n',
  );
  // A language host that is older than the CLI has our project's options as its flags; here they ask for nothing.
  writeFileSync(join(folder, "lazyModules.cjs"), "");
  writeFileSync(
    join(folder, "Pulumi.yaml"),
    'name: empty\nmain: index.ts\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n    nodeargs: "--import tsx"\n',
  );
  return folder;
}

async function main(): Promise<void> {
  const folder = emptyProgram();
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...pulumiEnvironment(stackContext("local")),
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "bench",
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
