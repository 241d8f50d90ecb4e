import { existsSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { UserError } from "./errors";
import { checkHealth, type Health } from "./health";
import { healthTargets } from "./healthTargets";
import { takeLock } from "./lock";
import { runInOps } from "./ops";
import { dockerEngine } from "./restore/engine";
import { journalFile, journalPath } from "./restore/journal";
import { parseRequest, type Request, type RestoreOptions } from "./restore/plan";
import { formatSummary, type RestoreSummary } from "./restore/report";
import { restore as runRestore } from "./restore/restore";
import { findUnfinished, settle } from "./restore/settle";
import { type Interruption, type Tools, toolsOf } from "./restore/tools";
import { ServerPasswords } from "./rotation/declared";
import { readSecrets } from "./secrets";
import { openSession, progressReporter, type Session } from "./session";

/** How long the stack may take to be healthy after its backend was started again, seconds. */
const HEALTH_SECONDS = 120;
const HEALTH_POLL_MS = 500;

/** `./fitnesscrm restore` (M7, M47). */
export async function restore(options: RestoreOptions): Promise<void> {
  const summary = await restoreStack(options);
  if (summary !== undefined) {
    process.stdout.write(
      options.json ? `${JSON.stringify(summary, null, 2)}\n` : `${formatSummary(summary)}\n`,
    );
  }
}

/** @returns What was done; undefined when nothing was restored. */
export async function restoreStack(options: RestoreOptions): Promise<RestoreSummary | undefined> {
  const request = parseRequest(options, new Date());
  const ask = asker(options, request);
  const session = openSession(options.stack);
  const { context } = session;
  const release = await takeLock(context.folder, `fitnesscrm restore --stack ${options.stack}`);
  const interruption = signals();
  try {
    // A rotation that was killed may have declared a password that the database does not know yet.
    await new ServerPasswords(session, progressReporter()).admit();
    return await runRestore(toolsFor(session, ask, interruption), request);
  } finally {
    interruption.end();
    await release();
  }
}

/**
 * Finishes or reverses what a killed restore has left, for an `up`. The caller holds the stack's lock.
 *
 * @returns What was done, in one line; undefined when there was nothing.
 */
export async function settleKilledRestore(session: Session): Promise<string | undefined> {
  if (!existsSync(journalPath(session.context.folder))) {
    return undefined;
  }
  const interruption = signals();
  try {
    const tools = toolsFor(session, async () => false, interruption);
    const unfinished = await findUnfinished(tools);
    return unfinished === undefined ? undefined : await settle(tools, unfinished);
  } finally {
    interruption.end();
  }
}

function toolsFor(
  session: Session,
  ask: (question: string) => Promise<boolean>,
  interruption: Interruption,
): Tools {
  const { context, config, docker, pulumi } = session;
  return toolsOf({
    stack: context.stack,
    live: config.database.name,
    engine: dockerEngine(docker),
    journal: journalFile(context.folder),
    ops: (service, args, more) => runInOps(docker, context.stack, service, args, more),
    password: async () => {
      const { postgresPassword } = await readSecrets(pulumi);
      if (postgresPassword === undefined) {
        throw new UserError(
          `stack ${context.stack} has no postgresPassword among its secrets: restore ${context.configFile}`,
        );
      }
      return postgresPassword;
    },
    health: (detail) => waitForHealth(session, detail),
    ask,
    reporter: progressReporter(),
    say: (line) => process.stderr.write(`${line}\n`),
    now: () => new Date(),
    interruption,
  });
}

/** Who answers the question. @throws UserError at once when there is a question and nobody to ask. */
function asker(options: RestoreOptions, request: Request): (question: string) => Promise<boolean> {
  if (options.yes) {
    return async () => true;
  }
  const asks = request.what !== "settle" && !(request.what === "restore" && request.dryRun);
  if (asks && !process.stdin.isTTY) {
    throw new UserError(
      `restore of stack ${options.stack}: needs an answer and there is no terminal to ask on: add --yes`,
      2,
    );
  }
  return async (question) => {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
    } finally {
      terminal.close();
    }
  };
}

async function waitForHealth(session: Session, detail: (text: string) => void): Promise<Health> {
  const deadline = Date.now() + HEALTH_SECONDS * 1000;
  for (;;) {
    const health = await checkHealth(healthTargets(session));
    if (health.healthy || Date.now() > deadline) {
      return health;
    }
    detail(
      health.components
        .filter(({ healthy }) => !healthy)
        .map(({ name, reason }) => `${name}: ${reason}`)
        .join("; "),
    );
    await new Promise((resolve) => setTimeout(resolve, HEALTH_POLL_MS));
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The process's own signals, which end it at once except while they are held. */
function signals(): Interruption & { end(): void } {
  let holding = false;
  let held: string | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (holding) {
      held = signal;
      process.stderr.write(`\n${signal}: the application is started again first, which takes a moment\n`);
      return;
    }
    process.stderr.write(
      "\nfitnesscrm: restore was interrupted: the application's data was not touched; the next ./fitnesscrm restore " +
        "removes what was loaded\n",
    );
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  for (const signal of SIGNALS) {
    process.on(signal, onSignal);
  }
  return {
    hold: () => {
      holding = true;
    },
    release: () => {
      holding = false;
    },
    get held() {
      return held;
    },
    end: () => {
      for (const signal of SIGNALS) {
        process.off(signal, onSignal);
      }
    },
  };
}
