import type { Reporter } from "../../toolchain";
import { recoverDamagedState } from "../damagedState";
import { type DockerHost, words } from "../docker";
import { UserError } from "../errors";
import { clearPending } from "../orphans";
import { planRecovery, recoverVolumes, releaseDeadLock } from "../recovery";
import { ensurePassphrase, ensureSecrets } from "../secrets";
import { inStep, type Session } from "../session";
import { initStack } from "../stackInit";
import { startServices } from "../upDown";

/** How the update is to be run. */
export interface UpdatePlan {
  /** Arguments for `pulumi up`. */
  args: string[];
  /** What was found broken and is to be made whole: the gate before must not ask for health then. */
  repair: string | undefined;
}

/** Makes the stack where it is missing, and puts right what a killed update, a stop or a lost image left behind. */
export async function prepareState(
  { context, docker, pulumi }: Session,
  reporter: Reporter,
  { refresh, repairs: known }: { refresh: boolean; repairs: readonly string[] },
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
      ...known,
      ...(recovered === undefined ? [] : [recovered]),
      ...unfinished.notes,
      ...lostVolumes,
      ...recovery.notes,
    ];
    return {
      args: [
        ...recovery.args,
        ...(refresh ||
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
