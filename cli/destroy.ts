import { rmSync } from "node:fs";
import type { DestroyOptions } from "./commands/destroy";
import { UserError } from "./errors";
import { removeLocalEnvironment } from "./local/environment";
import { takeLock } from "./lock";
import { clearPending } from "./orphans";
import { explainFailure, type StateResource } from "./pulumi";
import { releaseDeadLock } from "./recovery";
import { inStep, openSession, progressReporter } from "./session";

/** `./fitnesscrm destroy`. @throws UserError naming the protected data, when it was not named by the caller. */
export async function destroy(options: DestroyOptions): Promise<void> {
  const { context, docker, pulumi } = openSession(options.stack);
  const { stack } = context;
  if (options.deleteData !== undefined && options.deleteData !== stack) {
    throw new UserError(`--delete-data ${options.deleteData}: must be the stack's name, ${stack}`, 2);
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
    if (state !== undefined) {
      // What a killed update made without recording it would hold on to networks, volumes and secrets.
      await clearPending(pulumi, docker, stack, state);
      await inStep(reporter, `removing stack ${stack}`, async () => {
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
        await pulumi.runChecked("stack", ["stack", "rm", "--yes", "--preserve-config", "--stack", stack]);
      });
    }
    if (context.kind === "local") {
      await removeLocalEnvironment(docker, stack);
      rmSync(context.folder, { recursive: true, force: true });
    }
  } finally {
    await release();
  }
}

function describe({ type, inputs, id }: StateResource): string {
  const kind = type.split(":").at(-1)?.toLowerCase() ?? type;
  const name = inputs?.name ?? inputs?.bucket ?? id;
  return `${kind} ${String(name)}`;
}
