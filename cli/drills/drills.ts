import { UserError } from "../errors";
import { takeLock } from "../lock";
import { awsClients } from "../monitoring/aws";
import { openSession, progressReporter, type Session } from "../session";
import { DRILL_NAMES, isDrillName, stagesOf } from "./catalogue";
import { removeLeftovers } from "./causes/causes";
import { runDrill } from "./drill";
import { escalationRefusalOf, refusalOf } from "./refusal";
import { type DrillResult, formatResults, isSuccess } from "./result";
import type { DrillStage } from "./stage";

export interface DrillOptions {
  stack: string;
  json?: boolean;
  /** Drills of `all` that are left out. */
  except?: readonly string[];
}

/** `./fitnesscrm drill NAME|all`. @throws UserError when one failed; exit code 2 where none may run. */
export async function drill(name: string, options: DrillOptions): Promise<void> {
  if (name !== "all" && !isDrillName(name)) {
    throw unknownDrill(name, ", all, escalation, restore");
  }
  const except = (options.except ?? []).map((left) => {
    if (!isDrillName(left)) {
      throw unknownDrill(left);
    }
    return left;
  });
  const results: DrillResult[] = [];
  await onStage(`drill ${name}`, options.stack, async (stage) => {
    for (const together of stagesOf(name, except)) {
      results.push(...(await all(together.map((each) => runDrill(stage, each, together)))));
    }
  });
  process.stdout.write(`${options.json ? JSON.stringify(results, null, 2) : formatResults(results)}\n`);
  if (!isSuccess(results)) {
    const names = results.filter(({ verdict }) => verdict === "failed").map((result) => result.drill);
    throw new UserError(`drills failed: ${names.join(", ")}`);
  }
}

function unknownDrill(name: string, more = ""): UserError {
  return new UserError(
    `drill ${JSON.stringify(name)} does not exist: must be one of ${DRILL_NAMES.join(", ")}${more}`,
    2,
  );
}

/** `./fitnesscrm drill escalation` (M59, M61). */
export async function drillEscalation(options: DrillOptions): Promise<void> {
  const { drillChain, formatChain } = await import("./escalation");
  const result = await onStage("drill escalation", options.stack, drillChain, (session) =>
    escalationRefusalOf({ stack: options.stack, alarms: session.config.alarms }),
  );
  process.stdout.write(`${options.json ? JSON.stringify(result, null, 2) : formatChain(result)}\n`);
  if (result.faults.length > 0) {
    throw new UserError(`drill escalation failed: ${result.faults.join("; ")}`);
  }
}

/** Waits for every one, so that none still removes its cause when the first has failed. */
async function all<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** Opens a stack for drills: it may be drilled, nobody else works on it, and what a killed drill left is gone. */
async function onStage<T>(
  command: string,
  stack: string,
  work: (stage: DrillStage) => Promise<T>,
  refusal: (session: Session) => string | undefined = () => undefined,
): Promise<T> {
  const session = openSession(stack);
  const { context, config, docker } = session;
  const refused = refusalOf({ stack, config, dockerHost: process.env.DOCKER_HOST }) ?? refusal(session);
  if (refused !== undefined || config.local === undefined) {
    throw new UserError(`${command}: ${refused ?? "this stack has no mailbox"}`, 2);
  }
  const problem = await docker.problem();
  if (problem !== undefined) {
    throw new UserError(`${command}: ${problem}`);
  }
  const release = await takeLock(context.folder, `fitnesscrm ${command} --stack ${stack}`);
  const interrupt = new Interrupt(command);
  try {
    const left = await removeLeftovers({ stack, config, docker });
    if (left.length > 0) {
      process.stderr.write(`Removed what an earlier drill left: ${left.join(", ")}\n`);
    }
    return await work({
      stack,
      config,
      docker,
      cloudwatch: awsClients(config.aws).cloudwatch,
      mailboxUrl: `http://127.0.0.1:${config.local.mailboxPort}`,
      reporter: progressReporter(),
      signal: interrupt.signal,
    });
  } catch (error) {
    // Whatever a command of the engine made of the interrupt, that is what happened.
    throw interrupt.signal.aborted ? interrupt.signal.reason : error;
  } finally {
    interrupt.end();
    await release();
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Turns a signal into an abort, so that causes are removed before the command ends. */
class Interrupt {
  private readonly controller = new AbortController();
  readonly signal = this.controller.signal;
  private readonly listener = (name: NodeJS.Signals): void => {
    if (this.signal.aborted) {
      return;
    }
    process.stderr.write(`${name}: removing the causes, which takes some seconds\n`);
    this.controller.abort(new UserError(`${this.command}: interrupted: its causes were removed`));
  };

  constructor(private readonly command: string) {
    for (const name of SIGNALS) {
      process.on(name, this.listener);
    }
  }

  end(): void {
    for (const name of SIGNALS) {
      process.off(name, this.listener);
    }
  }
}
