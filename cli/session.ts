import { join } from "node:path";
import type { Config } from "../config";
import { type Machine, type Need, prepareMachine, type Reporter } from "../toolchain";
import {
  fitnesscrmHome,
  PROJECT_FOLDER,
  parseSettings,
  readSettings,
  type StackContext,
  stackContext,
} from "./context";
import { DockerHost } from "./docker";
import { UserError } from "./errors";
import { Pulumi } from "./pulumi";
import { createReporter } from "./reporter";

/** What a command works with, once the stack's settings are known. */
export interface Session {
  context: StackContext;
  config: Config;
  docker: DockerHost;
  pulumi: Pulumi;
}

/**
 * Opens a stack that exists. Changes nothing.
 *
 * @param builds Whether the command builds the application: only then its folder has to be there.
 * @throws UserError when it does not exist or its settings are wrong.
 */
export function openSession(stack: string, { builds = false } = {}): Session {
  const context = stackContext(stack);
  const config = parseSettings(readSettings(context), context.configFile, builds);
  return sessionOf(context, config);
}

export function sessionOf(context: StackContext, config: Config): Session {
  return { context, config, docker: new DockerHost(config.host), pulumi: new Pulumi(context) };
}

/** Progress goes to standard error: standard output belongs to what a script reads. */
export function progressReporter(): Reporter {
  return createReporter({ stream: process.stderr });
}

/** Gets the tools that a command needs; see `toolchain/`. */
export function prepareTools(reporter: Reporter, need: readonly Need[]): Promise<Machine> {
  return prepareMachine({ home: fitnesscrmHome(), reporter, need, project: PROJECT_FOLDER });
}

/** `--policy-pack` and what else every preview and update gets: the pack, and how it is configured. */
export function policyArguments(): string[] {
  const pack = join(PROJECT_FOLDER, "policies");
  return [
    "--policy-pack",
    join(pack, "bin", "fitnesscrm-policies"),
    "--policy-pack-config",
    join(pack, "config.json"),
  ];
}

/** Runs one step under the reporter's eyes. */
export async function inStep<T>(
  reporter: Reporter,
  name: string,
  work: (detail: (text: string) => void) => Promise<T>,
  summary?: (result: T) => string | undefined,
): Promise<T> {
  const step = reporter.step(name);
  try {
    const result = await work((text) => step.detail(text));
    step.done(summary?.(result));
    return result;
  } catch (error) {
    step.fail(error instanceof UserError ? "see below" : "unexpected");
    throw error;
  }
}
