import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_FOLDER, type StackContext } from "./context";
import { requireReadableState } from "./damagedState";
import { UserError } from "./errors";
import { lastLine, type RunResult, run, runAttached } from "./exec";
import { outputsIn, readLocalState } from "./localState";

/** Where a stack's passphrase is kept when nobody else holds it. */
export function passphraseFile(context: StackContext): string {
  return join(context.folder, "passphrase");
}

/**
 * The environment in which `pulumi` works on a stack, for the launcher and for `./fitnesscrm env`.
 *
 * A local stack's state is below the launcher's home. A remote one's is where `PULUMI_BACKEND_URL` says, else in the bucket
 * that `state prepare` made, else where its owner logged in to.
 */
export function pulumiEnvironment(context: StackContext): Record<string, string> {
  const { home, stack, configFile } = context;
  return {
    PATH: `${join(home, "bin")}:${process.env.PATH ?? ""}`,
    FITNESSCRM_HOME: home,
    PULUMI_HOME: join(home, "pulumi"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // The toolchain has installed the plugins; looking for others on the internet would only take time.
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_STACK: stack,
    // A refresh needs the way to the database that the program opens.
    PULUMI_RUN_PROGRAM: "true",
    PULUMI_OPTION_CONFIG_FILE: configFile,
    ...backendEnvironment(context),
    ...passphraseEnvironment(context),
  };
}

function backendEnvironment({ kind, home, folder }: StackContext): Record<string, string> {
  if (kind === "local") {
    return { PULUMI_BACKEND_URL: `file://${join(home, "state")}` };
  }
  const remembered = join(folder, "backend");
  return process.env.PULUMI_BACKEND_URL === undefined && existsSync(remembered)
    ? { PULUMI_BACKEND_URL: readFileSync(remembered, "utf8").trim() }
    : {};
}

function passphraseEnvironment(context: StackContext): Record<string, string> {
  const { PULUMI_CONFIG_PASSPHRASE: phrase, PULUMI_CONFIG_PASSPHRASE_FILE: file } = process.env;
  if (phrase !== undefined || file !== undefined) {
    return {};
  }
  return existsSync(passphraseFile(context))
    ? { PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(context) }
    : {};
}

/** `pulumi`, for one stack. Everything that it does is refused while the state's file is damaged. */
export class Pulumi {
  constructor(readonly context: StackContext) {}

  /** Read anew each time: the passphrase is made in the course of the first `up`. */
  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, ...pulumiEnvironment(this.context) };
  }

  async run(args: readonly string[], input?: string, more: Record<string, string> = {}): Promise<RunResult> {
    requireReadableState(this.context);
    return run("pulumi", args, {
      cwd: PROJECT_FOLDER,
      env: { ...this.environment, ...more },
      ...(input !== undefined && { input }),
    });
  }

  /** @throws UserError with Pulumi's own words. */
  async runChecked(what: string, args: readonly string[], input?: string): Promise<string> {
    const result = await this.run(args, input);
    if (result.code !== 0) {
      throw new UserError(`${what}: ${explainFailure(result)}`);
    }
    return result.stdout;
  }

  /** Like {@link run}, handing on every line as it comes. */
  async runWatched(
    args: readonly string[],
    more: Record<string, string>,
    onLine: (line: string) => void,
  ): Promise<RunResult> {
    requireReadableState(this.context);
    return run("pulumi", args, { cwd: PROJECT_FOLDER, env: { ...this.environment, ...more }, onLine });
  }

  /** A local stack's backend is a folder, and Pulumi wants it to be there. */
  async prepareBackend(): Promise<void> {
    if (this.context.kind === "local") {
      mkdirSync(join(this.context.home, "state"), { recursive: true, mode: 0o700 });
    }
  }

  async runAttached(args: readonly string[], more: Record<string, string> = {}): Promise<number> {
    requireReadableState(this.context);
    return runAttached("pulumi", args, { cwd: PROJECT_FOLDER, env: { ...this.environment, ...more } });
  }

  /** The stack's state, or undefined when it has none yet. Secrets stay encrypted. */
  async exportState(): Promise<StackState | undefined> {
    const local = readLocalState(this.context);
    if (local !== undefined) {
      return local;
    }
    const result = await this.run(["stack", "export", "--stack", this.context.stack]);
    if (result.code !== 0) {
      if (/no stack named/i.test(result.stderr)) {
        return undefined;
      }
      throw new UserError(`state of stack ${this.context.stack}: ${explainFailure(result)}`);
    }
    return (JSON.parse(result.stdout) as { deployment: StackState | null }).deployment ?? { resources: [] };
  }

  /** Puts another state in the place of the stack's own. Secrets stay encrypted. @throws UserError with Pulumi's own words. */
  async editState<T extends object>(edit: (deployment: T) => T): Promise<void> {
    const what = "state of the stack";
    const { stack } = this.context;
    const exported = JSON.parse(await this.runChecked(what, ["stack", "export", "--stack", stack])) as {
      deployment: T;
    };
    const edited = { ...exported, deployment: edit(exported.deployment) };
    await this.runChecked(what, ["stack", "import", "--force", "--stack", stack], JSON.stringify(edited));
  }

  /** The stack's outputs. Those of a local stack that are secret stay encrypted. */
  async outputs(): Promise<Record<string, unknown>> {
    const local = readLocalState(this.context);
    const outputs = local === undefined ? undefined : outputsIn(local);
    if (outputs !== undefined) {
      return outputs;
    }
    const text = await this.runChecked("stack outputs", [
      "stack",
      "output",
      "--json",
      "--stack",
      this.context.stack,
    ]);
    return JSON.parse(text) as Record<string, unknown>;
  }
}

export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  parent?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  protect?: boolean;
  /** It has been replaced, and is still to be deleted. */
  delete?: boolean;
}

export interface StackState {
  resources?: StateResource[];
  pending_operations?: { resource: StateResource; type: string }[];
}

/** One line of why `pulumi` failed, in words that say what to do where we know it. */
export function explainFailure({ stdout, stderr, code }: RunResult): string {
  const text = `${stderr}\n${stdout}`;
  if (/incorrect passphrase|passphrase must be set/i.test(text)) {
    return (
      "the passphrase is wrong or missing: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the one " +
      "that this stack was made with; its state was not touched"
    );
  }
  const locked = /created by (\S+) \(pid (\d+)\) at (\S+)/.exec(text);
  if (locked !== null) {
    return `the state is locked by ${locked[1]} (process ${locked[2]}) since ${locked[3]}: wait for it to finish`;
  }
  const violation = /^\s*-\s+\[mandatory\]\s+(\S+)\s+\(.*\)\n\s*(.+)$/m.exec(text);
  if (violation !== null) {
    return `policy ${violation[1]}: ${violation[2]?.trim()}`;
  }
  // A gate says in one line what was wrong; the engine's own says that a command failed.
  const gate = /fitnesscrm: (gate [a-z]+: .+)$/m.exec(text);
  if (gate?.[1] !== undefined) {
    return gate[1].trim();
  }
  // A line that ends in a colon only announces what stands on the next one.
  const errors = [...text.matchAll(/^\s*error: (?:.+:\n\s*)?(.+)$/gm)].map(([, line = ""]) => line.trim());
  // The stack's own line says that something failed; a resource's, which may stand below it, says what.
  const error = errors.find((line) => !/^(?:update|preview|destroy|refresh) failed$/.test(line)) ?? errors[0];
  return error ?? (lastLine(stderr) || lastLine(stdout) || `pulumi ended with exit code ${code}`);
}
