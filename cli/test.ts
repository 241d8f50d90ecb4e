import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ALREADY_THERE, type Need, stopEngine } from "../toolchain";
import { fitnesscrmHome, PROJECT_FOLDER } from "./context";
import { run, runAttached } from "./exec";
import { prepareTools, progressReporter } from "./session";

/** What a check or a mocha run came to. */
interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Everything that one run of the test command does, in order. Quick ones come first: they fail first. */
interface Stage {
  name: string;
  quick: boolean;
  /** Tools that its tests use. */
  need: readonly Need[];
  files: string;
  /** One of the files that mostly waits, on parts of its own: it runs beside the others, and prints after them. */
  beside?: string;
}

const STAGES: readonly Stage[] = [
  { name: "unit", quick: true, need: [], files: "tests/unit/**/*.test.ts" },
  { name: "policy", quick: true, need: ["pulumi"], files: "tests/policy/**/*.test.ts" },
  {
    name: "integration",
    quick: false,
    need: ["pulumi", "engine", "swarm", "base", "emulator", "mailbox", "telegraf", "actionlint"],
    files: "tests/integration/**/*.test.ts",
    beside: "tests/integration/backup/wal.test.ts",
  },
  {
    name: "e2e",
    quick: false,
    need: ["pulumi", "engine", "swarm", "base", "emulator", "mailbox", "telegraf", "chromium"],
    files: "tests/e2e/**/*.test.ts",
  },
];

const CHECKS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["format and lint", "node_modules/.bin/biome", "check", "--error-on-warnings", "."],
  ["types", "node_modules/.bin/tsc", "--noEmit", "--project", "."],
];

/**
 * `./fitnesscrm test`. Its last line is `N passed, N failed, N skipped`.
 *
 * @returns Whether everything passed.
 */
export async function runTests(options: { files: readonly string[]; quick: boolean }): Promise<boolean> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const add = (counts: Counts): void => {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  };
  const home = fitnesscrmHome();
  let startedEngine = false;
  try {
    for (const stage of stagesFor(options)) {
      if (stage === "checks") {
        for (const check of CHECKS) {
          add(await runCheck(check));
        }
        continue;
      }
      process.stdout.write(`\n== ${stage.name} tests ==\n`);
      const environment: Record<string, string> = {};
      if (stage.need.length > 0) {
        const machine = await prepareTools(progressReporter(), stage.need);
        startedEngine ||= machine.provided.some(
          ({ tool, way }) => tool === "Docker engine" && way !== ALREADY_THERE,
        );
        Object.assign(environment, machine.env);
        if (machine.chromium !== undefined) {
          environment.FITNESSCRM_CHROMIUM = machine.chromium;
        }
        if (startedEngine) {
          environment.FITNESSCRM_TEST_OWNS_ENGINE = "true";
        }
      }
      for (const counts of await runStage(stage, environment)) {
        add(counts);
      }
    }
    if (options.files.length > 0) {
      add(await runMocha(options.files, {}));
    }
  } catch (error) {
    // Tests that could not run are not tests that passed.
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    total.failed += 1;
  } finally {
    if (startedEngine) {
      await stopEngine(home);
    }
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  return total.failed === 0 && total.passed > 0;
}

function stagesFor({ files, quick }: { files: readonly string[]; quick: boolean }): ("checks" | Stage)[] {
  return files.length > 0 ? [] : ["checks", ...STAGES.filter((stage) => stage.quick || !quick)];
}

async function runCheck([name, command, ...args]: (typeof CHECKS)[number]): Promise<Counts> {
  process.stdout.write(`== ${name} ==\n`);
  const code = await runAttached(join(PROJECT_FOLDER, command), args, {
    cwd: PROJECT_FOLDER,
    env: process.env,
  });
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

async function runStage(
  { files, beside }: Stage,
  environment: Record<string, string>,
): Promise<readonly Counts[]> {
  if (beside === undefined) {
    return [await runMocha([files], environment)];
  }
  const kept: string[] = [];
  const keepOutput: typeof runAttached = async (command, args, options) => {
    const { code, stdout, stderr } = await run(command, args, options);
    kept.push(stdout, stderr);
    return code;
  };
  const counts = await Promise.all([
    runMocha([files, "--ignore", beside], environment),
    runMocha([beside], environment, keepOutput),
  ]);
  process.stdout.write(kept.join(""));
  return counts;
}

async function runMocha(
  files: readonly string[],
  environment: Record<string, string>,
  start: typeof runAttached = runAttached,
): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-test-"));
  const report = join(folder, "counts.json");
  try {
    const code = await start(
      join(PROJECT_FOLDER, "node_modules/.bin/mocha"),
      ["--reporter", "tests/support/reporter.cjs", ...files],
      {
        cwd: PROJECT_FOLDER,
        env: { ...process.env, ...environment, FITNESSCRM_TEST_COUNTS: report },
      },
    );
    if (!existsSync(report)) {
      // It ended before it could report, e.g. for a syntax error in one of the files.
      return { passed: 0, failed: 1, skipped: 0 };
    }
    const counts = JSON.parse(readFileSync(report, "utf8")) as Counts & { names: string[] };
    for (const skipped of counts.names) {
      process.stdout.write(`skipped: ${skipped}\n`);
    }
    // Mocha can end badly although every test passed: an error outside of them, or a test that never let it finish.
    return { ...counts, failed: counts.failed === 0 && code !== 0 ? 1 : counts.failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
