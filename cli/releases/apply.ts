import type { Pin } from "../../config";
import { type Serving, servingImages } from "../deploy/serving";
import { messageOf, UserError } from "../errors";
import type { Session } from "../session";
import { up } from "../up";
import type { Choice } from "./choose";
import { pinSetting, takeBackPin } from "./pinning";
import { RELEASED } from "./release";
import { nameServing } from "./serving";

/**
 * Applies a release by an ordinary update, held by a pin.
 *
 * @param update For tests.
 * @throws UserError that names what serves. The pin stays when that is what it names; else it is taken back.
 */
export async function applyRelease(
  session: Session,
  choice: Choice,
  pin: Pin,
  update: typeof up = up,
): Promise<void> {
  const { stack } = session.context;
  try {
    await update({
      stack,
      set: [pinSetting(pin)],
      yes: true,
      keepPin: true,
      within: `rollback to release ${pin.version}`,
    });
  } catch (error) {
    const serving = await servingImages(session.docker, stack);
    const isLive = RELEASED.every((service) => serving[service] === pin.images[service]);
    const pinned = isLive
      ? `it stays pinned to release ${pin.version} until ./fitnesscrm unpin${stack === "local" ? "" : ` --stack ${stack}`}`
      : await takeBack(session, pin);
    throw new UserError(`rollback: ${messageOf(error)}. ${whatServes(serving, choice, pin)}; ${pinned}`);
  }
}

function whatServes(serving: Serving, { live, failed, target, undone }: Choice, pin: Pin): string {
  // An image that was built again is the target's, under another reference.
  const images = { ...target.release.images, ...pin.images };
  const applied = { ...target, release: { ...target.release, images } };
  const known = [live, applied, ...(failed === undefined ? [] : [failed]), ...undone];
  return `What serves now: ${nameServing(serving, known)}`;
}

async function takeBack(session: Session, pin: Pin): Promise<string> {
  const before = session.config.pin;
  try {
    await takeBackPin(session, pin, before);
    return before === undefined ? "no release is pinned" : `release ${before.version} is pinned, as before`;
  } catch (error) {
    return `the pin to release ${pin.version} could not be taken back (${messageOf(error)}): run ./fitnesscrm unpin`;
  }
}
