import { UserError } from "../errors";
import { lastLine } from "../exec";
import type { Reporter, Step } from "../reporter";
import type { Mark, ScriptLine } from "./script";
import { type Connection, explainSshFailure, type ScriptResult } from "./ssh";
import type { HostStep } from "./step";
import type { Target } from "./target";

export interface StepReport {
  readonly name: string;
  readonly status: "changed" | "unchanged" | "would change";
  /** What was changed, or would be. */
  readonly changes: readonly string[];
  /** How it stands now. */
  readonly state: string;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

const CHECK_SECONDS = 90;

/** Runs a plan's steps against one server. */
export class HostRun {
  constructor(
    private readonly target: Target,
    private readonly connection: Connection,
    private readonly reporter: Reporter,
  ) {}

  /** What would change, without changing anything. @throws UserError for a server that cannot be made ready. */
  async check(plan: readonly HostStep[]): Promise<StepReport[]> {
    const reports: StepReport[] = [];
    for (const step of plan) {
      reports.push(
        await this.shown(step, async () => {
          const lines = await this.look(step);
          const changes = texts(lines, "need");
          return report(step, changes.length > 0 ? "would change" : "unchanged", changes, lines);
        }),
      );
    }
    return reports;
  }

  /** Brings a server to the plan. Every step is looked at before and after, so that `changed` is what really happened. */
  async apply(plan: readonly HostStep[]): Promise<StepReport[]> {
    const reports: StepReport[] = [];
    for (const step of plan) {
      reports.push(await this.shown(step, (progress) => this.applyStep(step, progress)));
    }
    return reports;
  }

  private async applyStep(step: HostStep, progress: Step): Promise<StepReport> {
    const before = await this.look(step);
    const needed = texts(before, "need");
    if (needed.length === 0) {
      return report(step, "unchanged", [], before);
    }
    if (step.apply === undefined) {
      throw new UserError(`${step.name}: ${needed.join("; ")}, which only a person can do`);
    }
    progress.detail(needed.join("; "));
    const onOutput = (line: string): void => progress.detail(line.slice(0, 100));
    const applied = await this.connection.run(step.apply, { onOutput });
    this.require(step, applied);
    const confirmed = step.confirm === undefined ? [] : await this.confirm(step.name, step.confirm, progress);
    const after = await this.look(step);
    const missing = texts(after, "need");
    if (missing.length > 0) {
      throw new UserError(
        `${step.name}: it was done, and still the server would have to ${missing.join("; ")}`,
      );
    }
    const done = [...applied.lines, ...confirmed];
    return report(step, "changed", texts(done, "did"), [
      ...done.filter(({ mark }) => mark !== "have"),
      ...after,
    ]);
  }

  /** Proves by a new connection that the server can still be reached; takes the change back otherwise. */
  private async confirm(
    name: string,
    { script, revert, seconds }: NonNullable<HostStep["confirm"]>,
    progress: Step,
  ): Promise<readonly ScriptLine[]> {
    progress.detail("proving by a second connection that the server can still be reached");
    const attempt = (): Promise<ScriptResult> =>
      this.connection.run(script, { fresh: true, timeoutSeconds: seconds / 4 });
    const first = await attempt();
    // One lost packet or a busy server must not look like a closed door.
    const result = first.code === 255 || first.code === 124 ? await attempt() : first;
    if (result.code === 0) {
      return result.lines;
    }
    const reason =
      texts(result.lines, "fail")[0] ??
      (result.code === 255 || result.code === 124
        ? "no second connection to the server came about"
        : lastLine(result.stderr) || `exit code ${result.code}`);
    const reverted = await this.connection.run(revert, { timeoutSeconds: 15 });
    throw new UserError(
      `${name}: ${reason}: ` +
        (reverted.code === 0
          ? "the change was taken back"
          : `the server takes the change back by itself within ${seconds} s`),
    );
  }

  private async look(step: HostStep): Promise<readonly ScriptLine[]> {
    const result = await this.connection.run(step.check, { timeoutSeconds: CHECK_SECONDS });
    this.require(step, result);
    return result.lines;
  }

  private require(step: HostStep, { code, lines, stderr }: ScriptResult): void {
    if (code === 0) {
      return;
    }
    const reason = texts(lines, "fail")[0];
    if (reason !== undefined) {
      throw new UserError(`${step.name}: ${reason}`);
    }
    if (code === 255) {
      throw new UserError(
        `${step.name}: the connection was lost: ${explainSshFailure(this.target, stderr)}; every step can be run again`,
      );
    }
    throw new UserError(
      code === 124
        ? `${step.name}: it took too long on the server: look at what it waits for, then run the command again`
        : `${step.name}: ${lastLine(stderr) || `a command failed on the server with exit code ${code}`}`,
    );
  }

  private async shown(step: HostStep, work: (progress: Step) => Promise<StepReport>): Promise<StepReport> {
    const progress = this.reporter.step(step.name);
    try {
      const result = await work(progress);
      progress.done(describe(result));
      return result;
    } catch (error) {
      progress.fail("see below");
      throw error;
    }
  }
}

function report(
  { name }: HostStep,
  status: StepReport["status"],
  changes: readonly string[],
  lines: readonly ScriptLine[],
): StepReport {
  return {
    name,
    status,
    changes,
    state: texts(lines, "have").at(-1) ?? "",
    notes: unique(texts(lines, "note")),
    warnings: unique(texts(lines, "warn")),
  };
}

/** One line for a person, e.g. `changed: installed nftables; loaded the rules (note: …)`. */
export function describe({ status, changes, state, notes, warnings }: StepReport): string {
  const what = changes.length > 0 ? changes.join("; ") : state;
  const more = [...notes.map((note) => `note: ${note}`), ...warnings.map((warning) => `warning: ${warning}`)];
  return `${status}${what === "" ? "" : `: ${what}`}${more.length === 0 ? "" : ` (${more.join("; ")})`}`;
}

function texts(lines: readonly ScriptLine[], mark: Mark): string[] {
  return lines.filter((line) => line.mark === mark).map(({ text }) => text);
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
