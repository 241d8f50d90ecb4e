import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config";
import { ALREADY_THERE, type Need, type Provided, type Reporter, timesByStep } from "../toolchain";
import type { UpOptions } from "./commands/up";
import { planSettings, type StackContext, stackContext, updateSettings } from "./context";
import { DockerHost } from "./docker";
import { UserError } from "./errors";
import { checkHealth, formatHealth, type Health } from "./health";
import { healthTargets, watchedTargets } from "./healthTargets";
import { cleanAfterUpdate } from "./images/clean";
import { isolationNotes } from "./isolate/edge";
import { ensureLocalEnvironment } from "./local/environment";
import { takeLock } from "./lock";
import { awsClients, fromAws } from "./monitoring/aws";
import { checkMonitoring } from "./monitoring/health";
import { armAlarms } from "./monitoring/quiet";
import { type WatchParts, watchedOnFailure } from "./monitoring/rearm";
import { confirmSubscriptions } from "./monitoring/subscriptions";
import { moveRotaOn } from "./plannedRota";
import { moveWindowsOn } from "./plannedWindows";
import { settleKilledRestore } from "./restore";
import { ServerPasswords } from "./rotation/declared";
import { overLimitLine, secretAges } from "./rotation/plan";
import { inStep, openSession, prepareTools, progressReporter, type Session, sessionOf } from "./session";
import { prepareState } from "./update/plan";
import {
  refusePin,
  requireEngine,
  requireFreeEdgePorts,
  requireNoPin,
  requireSpace,
} from "./update/requirements";
import { runUpdate, tellWhatServes } from "./update/run";

/** How long the stack may take to answer after the update has ended, seconds. */
const HEALTH_SECONDS = 90;

/** `./fitnesscrm up` (M1). */
export async function up(options: UpOptions): Promise<void> {
  const started = performance.now();
  const context = stackContext(options.stack);
  // Wrong settings are told before anything is fetched, started or locked.
  const { config: planned, filledIn } = planSettings(context, options.set);
  refusePin(planned.pin, context.stack, options);
  requireSpace(context.home);

  const release = await takeLock(context.folder, `fitnesscrm up --stack ${options.stack}`);
  try {
    const reporter = progressReporter();
    if (filledIn.length > 0) {
      reporter.step("settings").done(`took ${filledIn.join(", ")} from the defaults of local stacks`);
    }
    const now = new Date();
    const config = moveWindowsOn(
      context,
      moveRotaOn(context, updateSettings(context, options.set), now, (text) =>
        reporter.step("rota").done(text),
      ),
      now,
      (text) => reporter.step("maintenance").done(text),
    );
    const machine = await prepareTools(reporter, needs(context, config));
    const docker = new DockerHost(config.host);
    await requireEngine(docker);
    await requireNoPin(docker, context.stack, options);
    await requireFreeEdgePorts(docker, context.stack, config.http);

    const local = await prepareLocal(context, config, docker, reporter);
    const session = sessionOf(context, local.config);
    for (const note of await isolationNotes(docker, context.stack)) {
      reporter.step("isolated").done(note);
    }
    await watchedOnFailure(() => deploy(session, reporter, options, local), watchParts(session, reporter));
    await local.remember();

    await watchAgain(session, reporter);
    const health = await waitForHealth(session, reporter);
    await warnOfNobody(session);
    warnOfOldSecrets(session);
    if (health.healthy) {
      await cleanAfterUpdate(session, reporter);
    }
    await report(session, options, health, machine.provided, (performance.now() - started) / 1000);
  } finally {
    await release();
  }
}

/** Starts what was stopped, and brings the stack to what is declared. */
async function deploy(
  session: Session,
  reporter: Reporter,
  options: UpOptions,
  { forgot }: LocalPreparation,
): Promise<void> {
  const plan = await prepareState(session, reporter, {
    refresh: options.refresh === true || forgot,
    // No backup can be sent there before this update has made the bucket again.
    repairs: forgot ? ["the AWS emulator has forgotten everything"] : [],
  });
  const passwords = new ServerPasswords(session, reporter);
  await passwords.admit();
  // The application may be closed by it, and the update waits for the application. Where the database itself is gone, it is
  // the update that brings it back first.
  const isSettled = await settleRestore(session, reporter).catch(() => false);
  await runUpdate(session, reporter, options, { ...plan, args: passwords.argumentsFor(plan.args) }).catch(
    (error: unknown) => tellWhatServes(session, error),
  );
  await passwords.settle();
  if (!isSettled) {
    await settleRestore(session, reporter);
  }
}

async function settleRestore(session: Session, reporter: Reporter): Promise<true> {
  const settled = await settleKilledRestore(session);
  if (settled !== undefined) {
    reporter.step("a killed restore").done(settled);
  }
  return true;
}

function needs(context: StackContext, config: Config): Need[] {
  const remoteEngine = config.host.startsWith("ssh://");
  return [
    "pulumi",
    "telegraf",
    ...(remoteEngine ? [] : (["engine", "swarm", "base"] as const)),
    ...(context.kind === "local" ? (["emulator", "mailbox"] as const) : []),
  ];
}

interface LocalPreparation {
  /** The emulator was started anew and has forgotten everything. */
  forgot: boolean;
  /** The settings, with the emulator's addresses in them. */
  config: Config;
  /** Keeps which emulator the state now describes. */
  remember(): Promise<void>;
}

/** Starts the emulator and the mailbox of a local stack, and points its settings at them. */
async function prepareLocal(
  context: StackContext,
  config: Config,
  docker: DockerHost,
  reporter: Reporter,
): Promise<LocalPreparation> {
  if (context.kind === "remote" || config.local === undefined) {
    return { forgot: false, config, remember: async () => {} };
  }
  const ports = config.local;
  const environment = await inStep(reporter, "AWS emulator and mailbox", () =>
    ensureLocalEnvironment(docker, context.stack, ports),
  );
  const pointed = updateSettings(context, [
    `aws.emulator.endpoint=${environment.endpoint}`,
    `aws.emulator.containerEndpoint=${environment.containerEndpoint}`,
  ]);
  const path = join(context.folder, "emulator");
  const before = await readFile(path, "utf8").catch(() => undefined);
  return {
    forgot: before !== undefined && before !== environment.emulatorInstance,
    config: pointed,
    remember: () => writeFile(path, environment.emulatorInstance),
  };
}

function watchParts(session: Session, reporter: Reporter): WatchParts {
  const { docker, context } = session;
  return {
    isStarted: async () => (await docker.services(context.stack)).some(({ replicas = 0 }) => replicas > 0),
    arm: () => watchAgain(session, reporter),
    warn: (text) => process.stderr.write(`warning: ${text}\n`),
  };
}

/** Whoever is to be paged can be, and alarms that an intended `down` has quieted tell again. */
async function watchAgain({ context, config }: Session, reporter: Reporter): Promise<void> {
  const { cloudwatch, sns } = awsClients(config.aws);
  const { emulator } = config.aws;
  await inStep(
    reporter,
    "alarms",
    (detail) =>
      fromAws(`alarms of stack ${context.stack}`, async () => {
        const confirmed =
          context.kind === "local" && emulator !== undefined
            ? await confirmSubscriptions(sns, emulator.endpoint, context.stack)
            : 0;
        return { confirmed, armed: await armAlarms(cloudwatch, context.stack, detail) };
      }),
    ({ confirmed, armed }) =>
      [
        ...(confirmed > 0 ? [`${confirmed} addresses confirmed`] : []),
        ...(armed > 0 ? [`${armed} page again`] : []),
      ].join(", ") || undefined,
  );
}

/** A stack is up whether or not anybody has confirmed their address yet; that nobody would be paged has to be said. */
async function warnOfNobody({ context, config }: Session): Promise<void> {
  const { monitoring } = watchedTargets({ context, config, docker: new DockerHost(config.host) });
  const found = monitoring === undefined ? [] : await checkMonitoring(monitoring, context.stack, true);
  for (const { name, reason } of found.filter(({ healthy }) => !healthy)) {
    process.stderr.write(`warning: ${name}: ${reason}\n`);
  }
}

/** Dates of secrets that this very update has made are not in the session's settings. */
function warnOfOldSecrets({ context }: Session): void {
  const { config } = openSession(context.stack);
  const line = overLimitLine(secretAges(config, new Date()), context.stack);
  if (line !== undefined) {
    process.stderr.write(`warning: secrets ${line}\n`);
  }
}

async function waitForHealth(session: Session, reporter: Reporter): Promise<Health> {
  return inStep(reporter, "health", async (detail) => {
    const deadline = Date.now() + HEALTH_SECONDS * 1000;
    for (;;) {
      const health = await checkHealth(healthTargets(session));
      const unwell = health.components.filter(({ healthy }) => !healthy);
      if (unwell.length === 0 || Date.now() > deadline) {
        return health;
      }
      detail(unwell.map(({ name, reason }) => `${name}: ${reason}`).join("; "));
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  });
}

async function report(
  { context, config, pulumi }: Session,
  options: UpOptions,
  health: Health,
  provided: readonly Provided[],
  seconds: number,
): Promise<void> {
  const outputs = await pulumi.outputs();
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ healthy: health.healthy, seconds, outputs }, null, 2)}\n`);
  } else if (health.healthy && options.within === undefined) {
    process.stdout.write(`${summary(context, outputs, provided, seconds, config.app.adminEmail)}\n`);
  }
  if (!health.healthy) {
    process.stderr.write(`${formatHealth(health)}\n`);
    throw new UserError(
      `stack ${context.stack} is up but not healthy: see the lines above, and ./fitnesscrm logs SERVICE`,
    );
  }
}

function summary(
  context: StackContext,
  outputs: Record<string, unknown>,
  provided: readonly Provided[],
  seconds: number,
  adminEmail: string | undefined,
): string {
  const option = context.stack === "local" ? "" : ` --stack ${context.stack}`;
  const got = provided.filter(({ way }) => way !== ALREADY_THERE);
  const addresses = [
    ["FitnessCRM", outputs.url],
    ["API health", outputs.apiHealthUrl],
    ["Mailbox", outputs.mailboxUrl],
    ["Backups", outputs.bucket],
  ].filter(([, value]) => typeof value === "string");
  return [
    ...(got.length > 0
      ? ["Tools, by the time they took:", ...timesByStep(got).map((line) => `  ${line}`), ""]
      : []),
    `Stack ${context.stack} is healthy after ${seconds.toFixed(1)} s.`,
    "",
    ...addresses.map(([name, value]) => `  ${String(name).padEnd(11)} ${String(value)}`),
    ...(adminEmail === undefined
      ? []
      : [
          "",
          `Log in as ${adminEmail} with the password that ./fitnesscrm secrets show adminPassword${option} prints.`,
        ]),
  ].join("\n");
}
