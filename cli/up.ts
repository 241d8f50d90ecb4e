import { statfsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config";
import { DATA_NODE_LABEL } from "../labels";
import { ALREADY_THERE, type Need, type Provided, type Reporter, timesByStep } from "../toolchain";
import type { UpOptions } from "./commands/up";
import { planSettings, type StackContext, stackContext, updateSettings } from "./context";
import { recoverDamagedState } from "./damagedState";
import { DESPITE, REPAIR } from "./deploy/environment";
import { readAttempt } from "./deploy/record";
import { pinRefusal } from "./deploy/refusal";
import { rememberFailure } from "./deploy/remember";
import { whatServes } from "./deploy/serving";
import { DockerHost, words } from "./docker";
import { UserError } from "./errors";
import { checkHealth, formatHealth, type Health } from "./health";
import { healthTargets } from "./healthTargets";
import { ensureLocalEnvironment, requireFreePort } from "./local/environment";
import { takeLock } from "./lock";
import { clearPending } from "./orphans";
import { explainFailure, type Pulumi } from "./pulumi";
import { planRecovery, recoverVolumes, releaseDeadLock } from "./recovery";
import { settleKilledRestore } from "./restore";
import { ensurePassphrase, ensureSecrets } from "./secrets";
import { inStep, policyArguments, prepareTools, progressReporter, type Session, sessionOf } from "./session";
import { initStack } from "./stackInit";
import { startServices } from "./upDown";

/** Below this much free space, MiB, images cannot be built and a database stops in the middle of a write. */
const MINIMUM_FREE_MIB = 1024;
/** How long the stack may take to answer after the update has ended, seconds. */
const HEALTH_SECONDS = 90;

/** `./fitnesscrm up` (M1). */
export async function up(options: UpOptions): Promise<void> {
  const started = performance.now();
  const context = stackContext(options.stack);
  // Wrong settings are told before anything is fetched, started or locked.
  planSettings(context, options.set);
  requireSpace(context.home);

  const release = await takeLock(context.folder, `fitnesscrm up --stack ${options.stack}`);
  try {
    const config = updateSettings(context, options.set);
    const reporter = progressReporter();
    const machine = await prepareTools(reporter, needs(context, config));
    const docker = new DockerHost(config.host);
    await requireEngine(docker);
    await requireNoPin(docker, context.stack, config, options);
    await requireFreeEdgePort(docker, context.stack, config.http.port);

    const local = await prepareLocal(context, config, docker, reporter);
    const session = sessionOf(context, local.config);
    const plan = await prepareState(session, reporter, {
      ...options,
      refresh: options.refresh || local.forgot,
    });
    // The application may be closed by it, and the update waits for the application. Where the database itself is gone, it is
    // the update that brings it back first.
    const isSettled = await settleRestore(session, reporter).catch(() => false);
    await runUpdate(session, reporter, options, plan).catch((error: unknown) =>
      tellWhatServes(session, error),
    );
    if (!isSettled) {
      await settleRestore(session, reporter);
    }
    await local.remember();

    const health = await waitForHealth(session, reporter);
    await report(session, options, health, machine.provided, (performance.now() - started) / 1000);
  } finally {
    await release();
  }
}

/** A deployment would silently undo what somebody rolled back to (M20). */
async function requireNoPin(
  docker: DockerHost,
  stack: string,
  config: Config,
  { keepPin }: UpOptions,
): Promise<void> {
  const pin = config.pin ?? (await readAttempt(docker, stack))?.pin;
  if (pin !== undefined && !keepPin) {
    throw new UserError(pinRefusal(pin, stack));
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

function requireSpace(folder: string): void {
  let path = folder;
  for (;;) {
    try {
      const { bavail, bsize } = statfsSync(path);
      const free = Math.floor((bavail * bsize) / 1024 / 1024);
      if (free < MINIMUM_FREE_MIB) {
        throw new UserError(
          `disk of ${path} has ${free} MiB free: at least ${MINIMUM_FREE_MIB} are needed; free some, for example with ` +
            "`docker image prune`",
        );
      }
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || path === "/") {
        throw error;
      }
      path = join(path, "..");
    }
  }
}

async function requireEngine(docker: DockerHost): Promise<void> {
  const problem = await docker.problem();
  if (problem !== undefined) {
    throw new UserError(
      `${problem}: ${docker.host === "" ? "start it and run this again" : "run ./fitnesscrm host prepare for this stack"}`,
    );
  }
  const [node = "", label] = (
    await docker.runChecked("Swarm node", [
      "node",
      "inspect",
      "self",
      "--format",
      `{{.ID}} {{index .Spec.Labels "${DATA_NODE_LABEL}"}}`,
    ])
  )
    .trim()
    .split(" ");
  if (label !== "true") {
    await docker.runChecked("Swarm node", ["node", "update", "--label-add", `${DATA_NODE_LABEL}=true`, node]);
  }
}

async function requireFreeEdgePort(docker: DockerHost, stack: string, port: number): Promise<void> {
  if (docker.host.startsWith("ssh://")) {
    return;
  }
  const services = await docker.services(stack);
  const edge = services.find(({ publishedPorts }) => publishedPorts.includes(port));
  // A stack that is stopped still declares its port, but anybody may have taken it meanwhile.
  const ours =
    edge !== undefined && (edge.replicas !== 0 || (await docker.hasContainers(stack, edge.service)));
  if (!ours) {
    await requireFreePort(port, "fitnesscrm:http.port", "0.0.0.0");
  }
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

/** How the update is to be run. */
interface UpdatePlan {
  /** Arguments for `pulumi up`. */
  args: string[];
  /** What was found broken and is to be made whole: the gate before must not ask for health then. */
  repair: string | undefined;
}

/** Makes the stack where it is missing, and puts right what a killed update, a stop or a lost image left behind. */
async function prepareState(
  { context, docker, pulumi }: Session,
  reporter: Reporter,
  options: { refresh?: boolean },
): Promise<UpdatePlan> {
  return inStep(reporter, `state of stack ${context.stack}`, async (detail) => {
    ensurePassphrase(context);
    await pulumi.prepareBackend();
    const recovered = await recoverDamagedState(context);
    if (recovered !== undefined) {
      reporter.step("recovery").done(recovered);
    }
    if (await releaseDeadLock(pulumi)) {
      detail("the lock of an update that was killed was released");
    }
    let state = await pulumi.exportState();
    if (state === undefined) {
      await refuseForeignVolumes(docker, context.stack);
      await initStack(pulumi);
      state = { resources: [] };
    }
    const made = await ensureSecrets(pulumi);
    if (made.length > 0) {
      detail(`${made.length} secrets generated`);
    }
    const unfinished = await clearPending(pulumi, docker, context.stack, state);
    for (const note of unfinished.notes) {
      reporter.step("continuing a killed update").done(note);
    }
    const lostVolumes = await recoverVolumes(state, docker, context.stack);
    for (const note of lostVolumes) {
      reporter.step("recovery").done(note);
    }
    const started = await startServices(docker, context.stack, state);
    const recovery = await planRecovery(state, docker, context.stack);
    for (const note of recovery.notes) {
      reporter.step("recovery").done(note);
    }
    if (started.length > 0) {
      detail(`${started.join(", ")} started again`);
    }
    const repairs = [
      ...(recovered === undefined ? [] : [recovered]),
      ...unfinished.notes,
      ...lostVolumes,
      ...recovery.notes,
    ];
    return {
      args: [
        ...recovery.args,
        ...(options.refresh ||
        recovered !== undefined ||
        recovery.refresh ||
        unfinished.refresh ||
        lostVolumes.length > 0
          ? ["--refresh"]
          : []),
      ],
      repair: repairs.length > 0 ? repairs.join("; ") : undefined,
    };
  });
}

/** Data without the state that belongs to it: its passwords are unknown, and to guess what is wanted could lose it. */
async function refuseForeignVolumes(docker: DockerHost, stack: string): Promise<void> {
  const found = words(
    await docker.runChecked("volumes", [
      "volume",
      "ls",
      "--quiet",
      "--filter",
      `label=fitnesscrm.stack=${stack}`,
    ]),
  );
  if (found.length > 0) {
    throw new UserError(
      `stack ${stack} has no state, but data of an earlier one is here (volumes ${found.join(", ")}): bring back the state ` +
        `that belongs to it, or remove them with \`docker volume rm ${found.join(" ")}\``,
    );
  }
}

async function runUpdate(
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
async function tellWhatServes(session: Session, error: unknown): Promise<never> {
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
