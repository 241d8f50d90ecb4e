import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter } from "../toolchain";
import type { DestroyOptions } from "./commands/destroy";
import type { StackContext } from "./context";
import { removeAttempt } from "./deploy/record";
import type { DockerHost } from "./docker";
import { endDatabase } from "./endDatabase";
import { messageOf, UserError } from "./errors";
import { forgetEmulated } from "./forget";
import { removeLocalEnvironment, startEmulator } from "./local/environment";
import { removeStateFiles } from "./localState";
import { takeLock } from "./lock";
import { archiveLogs } from "./logs/keep";
import { opsContainer, runInOps } from "./ops";
import { clearPending } from "./orphans";
import { explainFailure, type Pulumi, type StateResource } from "./pulumi";
import { releaseDeadLock } from "./recovery";
import { readSecrets } from "./secrets";
import { inStep, openSession, progressReporter, type Session } from "./session";

/** A backup of a large database takes its time over SSH. */
const COPY_SECONDS = 4 * 3600;

/** `./fitnesscrm destroy`. @throws UserError naming the protected data, when it was not named by the caller. */
export async function destroy(options: DestroyOptions): Promise<void> {
  const session = openSession(options.stack);
  const { context, config, docker, pulumi } = session;
  const { stack } = context;
  if (options.deleteData !== undefined && options.deleteData !== stack) {
    throw new UserError(`--delete-data ${options.deleteData}: must be the stack's name, ${stack}`, 2);
  }
  const problem = await docker.problem();
  if (problem !== undefined) {
    throw new UserError(`destroy: ${problem}: start it and run this again; nothing was removed`);
  }
  const release = await takeLock(context.folder, `fitnesscrm destroy --stack ${stack}`);
  try {
    const reporter = progressReporter();
    await releaseDeadLock(pulumi);
    const state = await pulumi.exportState();
    const resources = state?.resources ?? [];
    const kept = resources.filter(({ protect }) => protect);
    if (kept.length > 0 && options.deleteData === undefined) {
      throw new UserError(
        `destroy: stack ${stack} holds protected data (${kept.map(describe).join(", ")}): to stop it, run ` +
          `./fitnesscrm down; to lose the data for good, add --delete-data ${stack}`,
      );
    }
    const isEmulatorGone = config.local !== undefined && !(await startEmulator(docker, stack, config.local));
    if (kept.length > 0 && options.withoutBackup !== true) {
      if (isEmulatorGone) {
        throw noBackup("the AWS emulator is gone, and the bucket with it: ./fitnesscrm up makes both anew");
      }
      await lastBackup(session, reporter);
    }
    if (state !== undefined) {
      // What a killed update made without recording it would hold on to networks, volumes and secrets.
      await clearPending(pulumi, docker, stack, state);
      if (isEmulatorGone) {
        const forgotten = await forgetEmulated(pulumi);
        if (forgotten > 0) {
          const text = `the AWS emulator is gone, and the ${forgotten} resources that it held are with it`;
          reporter.step("recovery").done(text);
        }
      }
      await inStep(reporter, `removing stack ${stack}`, async () => {
        if (isEmulatorGone) {
          await endDatabase(docker, stack);
        }
        if (kept.length > 0) {
          await pulumi.runChecked("protection", ["state", "unprotect", "--all", "--yes", "--stack", stack]);
        }
        const result = await pulumi.run(
          ["destroy", "--yes", "--skip-preview", "--non-interactive", "--stack", stack],
          undefined,
          // The program would protect again what was just unprotected. What lives in the database goes with its volume.
          { PULUMI_RUN_PROGRAM: "false" },
        );
        if (result.code !== 0) {
          process.stderr.write(`\n${result.stdout}${result.stderr}\n`);
          throw new UserError(`destroy: ${explainFailure(result)}`);
        }
        await removeAttempt(docker, stack);
        await pulumi.runChecked("stack", ["stack", "rm", "--yes", "--preserve-config", "--stack", stack]);
      });
    }
    if (context.kind === "local") {
      await removeLocalEnvironment(docker, stack);
      removeStateFiles(context);
      rmSync(context.folder, { recursive: true, force: true });
    }
  } finally {
    await release();
  }
}

/**
 * Saves what is about to be removed. The copy in S3 stays with its bucket; a local stack's bucket goes with the emulator, so
 * its copy and the key that opens it are put below the launcher's home.
 */
async function lastBackup(session: Session, reporter: Reporter): Promise<void> {
  const { context, docker, pulumi } = session;
  // A local stack's bucket goes as well.
  if (context.kind !== "local") {
    await archiveLogs(session, reporter);
  }
  const id = await inStep(
    reporter,
    "last backup",
    async (detail) => {
      const args = ["run", "backup", "--label", "before-destroy"];
      try {
        const made = (await runInOps(docker, context.stack, "ops", args, { onLine: detail })) as {
          details: { id: string };
        };
        return made.details.id;
      } catch (error) {
        throw noBackup(messageOf(error));
      }
    },
    (made) => made,
  );
  if (context.kind === "local") {
    const folder = await keepCopy(id, context, docker, pulumi);
    process.stderr.write(`the last backup and its key are in ${folder}\n`);
  }
}

function noBackup(reason: string): UserError {
  return new UserError(
    `destroy: no last backup could be made (${reason}): nothing was removed; repair that, or lose the data without one by ` +
      "--without-backup",
  );
}

async function keepCopy(
  id: string,
  { home, stack }: StackContext,
  docker: DockerHost,
  pulumi: Pulumi,
): Promise<string> {
  const folder = join(home, "kept", stack);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const container = await opsContainer(docker, stack, "ops");
  await docker.runChecked(
    "last backup",
    ["cp", `${container}:/backups/${id}`, join(folder, id)],
    COPY_SECONDS,
  );
  const { backupIdentity } = await readSecrets(pulumi);
  writeFileSync(join(folder, id, "identity.txt"), `${backupIdentity ?? ""}\n`, { mode: 0o600 });
  return join(folder, id);
}

function describe({ type, inputs, id }: StateResource): string {
  const kind = type.split(":").at(-1)?.toLowerCase() ?? type;
  const name = inputs?.name ?? inputs?.bucket ?? id;
  return `${kind} ${String(name)}`;
}
