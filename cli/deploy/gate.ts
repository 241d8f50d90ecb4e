import { UserError } from "../errors";
import { openSession } from "../session";
import { runAfter } from "./after";
import { runBefore } from "./before";
import { gateEnvironment } from "./environment";
import { runMigration } from "./migrate";
import { endWithParents } from "./parents";

const STAGES = { before: runBefore, migrate: runMigration, after: runAfter } as const;

/**
 * Runs one gate of a deployment.
 *
 * @returns What it reports, which the stack keeps.
 * @throws UserError when its answer is no: the update fails, and what ran before goes on running.
 */
export async function runGate(stage: string, environment: NodeJS.ProcessEnv): Promise<object> {
  const gate = Object.entries(STAGES).find(([name]) => name === stage)?.[1];
  if (gate === undefined) {
    throw new UserError(`gate ${stage}: must be one of ${Object.keys(STAGES).join(", ")}`, 2);
  }
  const handed = gateEnvironment(environment);
  endWithParents();
  const say = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  try {
    return await gate(openSession(handed.stack), handed, say);
  } catch (error) {
    throw error instanceof UserError ? new UserError(`gate ${stage}: ${error.message}`) : error;
  }
}
