import type { Reporter } from "../../toolchain";
import type { UpOptions } from "../commands/up";
import { DESPITE, REPAIR } from "../deploy/environment";
import { rememberFailure } from "../deploy/remember";
import { whatServes } from "../deploy/serving";
import { UserError } from "../errors";
import { explainFailure, type Pulumi } from "../pulumi";
import { inStep, policyArguments, type Session } from "../session";
import type { UpdatePlan } from "./plan";

export async function runUpdate(
  { context, pulumi }: Session,
  reporter: Reporter,
  options: UpOptions,
  { args, repair = options.within }: UpdatePlan,
): Promise<void> {
  const common = ["up", "--stack", context.stack, ...policyArguments(), ...args];
  const handed = {
    ...(repair !== undefined && { [REPAIR]: repair }),
    ...(options.despite !== undefined && { [DESPITE]: options.despite }),
  };
  const isLocal = context.kind === "local";
  if (!isLocal && !options.yes) {
    // A person looks at the preview and answers Pulumi's own question.
    const code = await pulumi.runAttached(common, handed);
    if (code !== 0) {
      throw new UserError(`up: pulumi ended with exit code ${code}: what it said stands above`);
    }
    return;
  }
  await inStep(
    reporter,
    "pulumi up",
    (detail) =>
      runQuietly(pulumi, [...common, "--yes", "--skip-preview", "--non-interactive"], handed, detail),
    (summary) => summary,
  );
}

/** A person who reads at night that an update failed wants to know first whether anybody is served. */
export async function tellWhatServes(session: Session, error: unknown): Promise<never> {
  if (!(error instanceof UserError)) {
    throw error;
  }
  const { docker, context } = session;
  const problem = await rememberFailure(session, error.message);
  if (problem !== undefined) {
    process.stderr.write(`${problem}\n`);
  }
  const serving = await whatServes(docker, context.stack);
  throw serving === undefined ? error : new UserError(`${error.message}; ${serving}`);
}

/** Runs an update showing one line of what it is at; all of it when it fails. @returns What changed. */
async function runQuietly(
  pulumi: Pulumi,
  args: string[],
  handed: Record<string, string>,
  detail: (text: string) => void,
): Promise<string> {
  const result = await pulumi.runWatched(args, handed, (line) => {
    const resource = /^\s*([+~-]+|@)\s+(\S+)\s+(\S+)\s+(\w+)/.exec(line);
    if (resource !== null) {
      detail(`${resource[3]} ${resource[4]}`);
    }
  });
  if (result.code !== 0) {
    process.stderr.write(`\n${result.stdout}${result.stderr}\n`);
    throw new UserError(`up: ${explainFailure(result)}`);
  }
  return changes(result.stdout);
}

/** `12 created, 3 updated, 40 unchanged` from Pulumi's summary. */
export function changes(output: string): string {
  const summary = output.slice(output.lastIndexOf("Resources:"));
  return [...summary.matchAll(/^\s+(?:[+~-]+\s*)?(\d+ (?:created|updated|deleted|replaced|unchanged))$/gm)]
    .map((match) => match[1])
    .join(", ");
}
