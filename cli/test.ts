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
  /** What failed, each as `file: title: message`. */
  failures: readonly string[];
}

/** Everything that one run of the test command does, in order. Quick ones come first: they fail first. */
interface Stage {
  name: string;
  quick: boolean;
  /** Tools that its tests use. */
  need: readonly Need[];
  files: string;
  /** Lanes of files that run beside the others, on stacks of their own, and print after them: tests mostly wait for something. */
  beside?: readonly (readonly string[])[];
  /** Files that another stage runs. */
  elsewhere?: readonly string[];
  /** Files that run by themselves when all others have ended. */
  alone?: readonly string[];
}

/** Files of the e2e suite that wait more than they work: for fires to be paged, and for a month's moments. */
const WAITING = ["tests/e2e/70-monitoring.test.ts", "tests/e2e/80-month.test.ts"];
/** And for rotations. */
const ROTATING = "tests/e2e/79-security.test.ts";

const STAGES: readonly Stage[] = [
  {
    name: "unit and policy",
    quick: true,
    need: ["pulumi"],
    files: "tests/unit/**/*.test.ts",
    beside: [["tests/policy/**/*.test.ts"]],
  },
  {
    name: "integration",
    quick: false,
    need: [
      "pulumi",
      "engine",
      "swarm",
      "base",
      "emulator",
      "mailbox",
      "telegraf",
      "actionlint",
      "pebble",
      "chromium",
    ],
    files: "tests/integration/**/*.test.ts",
    beside: [
      [
        "tests/integration/backup/wal.test.ts",
        "tests/integration/images/agentMetrics.test.ts",
        "tests/integration/local/relay.test.ts",
        "tests/integration/plugins/aws-alarms.test.ts",
        ROTATING,
      ],
      WAITING,
    ],
  },
  {
    name: "e2e",
    quick: false,
    need: ["pulumi", "engine", "swarm", "base", "emulator", "mailbox", "telegraf", "chromium", "pebble"],
    files: "tests/e2e/**/*.test.ts",
    elsewhere: [...WAITING, ROTATING],
    beside: [
      [
        "tests/e2e/36-preview-comment.test.ts",
        "tests/e2e/45-rolling.test.ts",
        "tests/e2e/46-rollback.test.ts",
        "tests/e2e/60-backup.test.ts",
        "tests/e2e/65-watch.test.ts",
        "tests/e2e/75-window.test.ts",
        "tests/e2e/76-pages.test.ts",
        "tests/e2e/77-reports.test.ts",
        "tests/e2e/81-audit.test.ts",
        "tests/e2e/90-destroy.test.ts",
      ],
    ],
    // The first needs a machine that is not busy, the second takes the engine away from everything else.
    alone: ["tests/e2e/48-drills.test.ts", "tests/e2e/50-engine.test.ts"],
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
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  const add = (counts: Counts): void => {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    failures.push(...counts.failures);
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
      const started = Date.now();
      for (const counts of await runStage(stage, environment)) {
        add(counts);
      }
      process.stdout.write(`== ${stage.name} tests: ${((Date.now() - started) / 1000).toFixed(0)} s ==\n`);
    }
    if (options.files.length > 0) {
      add(await runMocha(options.files, {}));
    }
  } catch (error) {
    // Tests that could not run are not tests that passed.
    total.failed += 1;
    failures.push(error instanceof Error ? error.message : String(error));
  } finally {
    if (startedEngine) {
      await stopEngine(home);
    }
  }
  for (const failure of failures) {
    process.stdout.write(`failed: ${failure}\n`);
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
  return code === 0
    ? { passed: 1, failed: 0, skipped: 0, failures: [] }
    : { passed: 0, failed: 1, skipped: 0, failures: [name] };
}

async function runStage(
  { files, beside = [], elsewhere = [], alone = [] }: Stage,
  environment: Record<string, string>,
): Promise<readonly Counts[]> {
  const others = [...beside.flat(), ...elsewhere, ...alone];
  const kept: string[][] = beside.map(() => []);
  const keepIn =
    (lane: string[] | undefined): typeof runAttached =>
    async (command, args, options) => {
      const { code, stdout, stderr } = await run(command, args, options);
      lane?.push(stdout, stderr);
      return code;
    };
  const counts = await Promise.all([
    runMocha([files, ...others.flatMap((file) => ["--ignore", file])], environment),
    ...beside.map((lane, index) =>
      runMocha(lane, { ...environment, FITNESSCRM_E2E_PART: String(index + 1) }, keepIn(kept[index])),
    ),
  ]);
  process.stdout.write(kept.flat().join(""));
  return alone.length === 0 ? counts : [...counts, await runMocha(alone, environment)];
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
      return {
        passed: 0,
        failed: 1,
        skipped: 0,
        failures: [`${files.join(" ")}: ended before it could report`],
      };
    }
    const counts = JSON.parse(readFileSync(report, "utf8")) as Counts & { names: string[] };
    for (const skipped of counts.names) {
      process.stdout.write(`skipped: ${skipped}\n`);
    }
    // Mocha can end badly although every test passed: an error outside of them, or a test that never let it finish.
    return counts.failed === 0 && code !== 0
      ? { ...counts, failed: 1, failures: [`${files.join(" ")}: mocha ended with exit code ${code}`] }
      : counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
