import type { PinnedRelease } from "../../attempt";
import type { Pin } from "../../config";
import { parseSettings, readSettings, updateSettings } from "../context";
import { readAttempt, removePin, writeAttempt } from "../deploy/record";
import { takeLock } from "../lock";
import type { Session } from "../session";

/** A setting that holds a stack to a release, as `up` takes it. */
export function pinSetting(pin: Pin | undefined): string {
  return `pin=${pin === undefined ? "null" : JSON.stringify(pin)}`;
}

/**
 * Takes a pin back that could not be put into effect, and puts the one in its place that was there before.
 */
export async function takeBackPin(
  { context, docker }: Session,
  pin: Pin,
  before: Pin | undefined,
): Promise<void> {
  const release = await takeLock(context.folder, `fitnesscrm rollback --stack ${context.stack}`);
  try {
    const settings = parseSettings(readSettings(context), context.configFile);
    if (settings.pin?.at === pin.at) {
      updateSettings(context, [pinSetting(before)]);
    }
    const record = await readAttempt(docker, context.stack);
    if (record?.pin?.at === pin.at) {
      const { pin: _pin, ...rest } = record;
      await writeAttempt(docker, context.stack, { ...rest, ...(before && { pin: heldBy(before) }) });
    }
  } finally {
    await release();
  }
}

function heldBy({ version, commit, by, at }: Pin): PinnedRelease {
  return { version, commit, by, at };
}

/**
 * Lifts the pin of a rollback, in the settings and on the Docker host.
 *
 * @returns The version that was held; undefined when none was.
 */
export async function liftPin({ context, docker }: Session): Promise<number | undefined> {
  const release = await takeLock(context.folder, `fitnesscrm unpin --stack ${context.stack}`);
  try {
    const { pin } = parseSettings(readSettings(context), context.configFile);
    // The host first: when it does not answer, the settings still say what it says.
    const recorded = await removePin(docker, context.stack);
    if (pin !== undefined) {
      updateSettings(context, [pinSetting(undefined)]);
    }
    return (pin ?? recorded)?.version;
  } finally {
    await release();
  }
}
