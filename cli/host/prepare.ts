import { createInterface } from "node:readline/promises";
import { readSettings, stackContext } from "../context";
import { UserError } from "../errors";
import { takeLock } from "../lock";
import { inStep, progressReporter } from "../session";
import { rawConfig } from "../stackFile";
import { gatherFacts } from "./facts";
import { planHost } from "./plan";
import { HostRun, type StepReport } from "./run";
import { SshConnection } from "./ssh";
import { parseTarget } from "./target";

export interface PrepareOptions {
  readonly stack: string;
  readonly check?: boolean;
  readonly json?: boolean;
  readonly yes?: boolean;
  /** MiB. */
  readonly swap?: number;
}

/** What `host prepare --json` prints. */
export interface PrepareResult {
  readonly host: string;
  /** Something was changed, or would be. */
  readonly changed: boolean;
  readonly steps: readonly StepReport[];
}

/**
 * Readies the server of a stack.
 *
 * Only `fitnesscrm:host` is read: a stack whose other settings are still open has a server to prepare all the same.
 *
 * @returns The exit code: 1 when `check` found something to change.
 * @throws UserError in one line that says what to do.
 */
export async function prepareHost(options: PrepareOptions): Promise<0 | 1> {
  const context = stackContext(options.stack);
  const target = parseTarget(rawConfig(readSettings(context))["fitnesscrm:host"], context.configFile);
  const release: () => unknown = options.check
    ? () => undefined
    : await takeLock(context.folder, `host prepare --stack ${options.stack}`);
  const reporter = progressReporter();
  try {
    const connection = await inStep(reporter, `connection to ${target.setting}`, () =>
      SshConnection.open(target),
    );
    // The shared connection is a process of ours: an interrupted run must not leave it behind.
    const interrupted = (): void => {
      connection.close();
      void Promise.resolve(release()).finally(() => process.exit(130));
    };
    process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
    try {
      const facts = await inStep(
        reporter,
        "look at the server",
        () => gatherFacts(connection),
        ({ user }) => `as ${user}${user === "root" ? "" : ", by sudo"}`,
      );
      const plan = planHost(facts, options.swap === undefined ? {} : { swapMiB: options.swap });
      const run = new HostRun(target, connection, reporter);
      if (options.check || !options.yes) {
        const found = await run.check(plan);
        if (options.check || found.every(({ status }) => status === "unchanged")) {
          show(target.setting, found, options.json === true);
          return options.check && found.some(({ status }) => status !== "unchanged") ? 1 : 0;
        }
        await askFirst(target.setting, found);
      }
      show(target.setting, await run.apply(plan), options.json === true);
      return 0;
    } finally {
      process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
      connection.close();
    }
  } finally {
    await release();
  }
}

async function askFirst(host: string, found: readonly StepReport[]): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new UserError(
      `${host} would be changed, and nobody can be asked here: add --yes, or --check to only look`,
      2,
    );
  }
  const count = found.filter(({ status }) => status !== "unchanged").length;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Change ${count} of ${found.length} things on ${host}? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) {
      throw new UserError(`${host} was left as it is`);
    }
  } finally {
    terminal.close();
  }
}

/** Steps were shown as they went; what is left is the sum, or the whole for a script. */
function show(host: string, steps: readonly StepReport[], json: boolean): void {
  const result: PrepareResult = { host, changed: steps.some(({ status }) => status !== "unchanged"), steps };
  process.stdout.write(`${json ? JSON.stringify(result, null, 2) : summary(result)}\n`);
}

/** E.g. `ssh://root@crm.example.com: 5 changed, 3 unchanged`. */
export function summary({ host, steps }: PrepareResult): string {
  const counts = (["changed", "would change", "unchanged"] as const).flatMap((status) => {
    const count = steps.filter((step) => step.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  const warnings = steps.flatMap((step) => step.warnings.map((text) => `\nwarning: ${step.name}: ${text}`));
  return `${host}: ${counts.join(", ")}${warnings.join("")}`;
}
