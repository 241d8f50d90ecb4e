import { publicUrlOf } from "../../config";
import { incidentTitle } from "../../ops/incidents/event";
import { deployer } from "../deploy/environment";
import { messageOf, UserError } from "../errors";
import { get } from "../http";
import { openSession, type Session } from "../session";
import { readIsolations, removeIsolation, writeIsolation } from "./edge";
import { formatIsolation, ISOLATABLE, ISOLATED_ANSWER, type Isolatable, PATH_OF } from "./isolation";

export interface IsolateOptions {
  stack: string;
  undo?: boolean;
  reason?: string;
  json?: boolean;
}

/**
 * `./fitnesscrm isolate SERVICE [--undo]` (M52, containment): takes a service off the edge from the next request on, while it still
 * runs and can be looked at. It stays off over restarts and deployments. Without a service: what is off.
 *
 * @throws UserError when the edge goes on as before.
 */
export async function isolate(name: string | undefined, options: IsolateOptions): Promise<void> {
  const { stack, undo, json } = options;
  const session = openSession(stack);
  const { docker } = session;
  if (name === undefined) {
    if (undo) {
      throw new UserError(`isolate --undo: which service? Must be one of ${ISOLATABLE.join(", ")}`, 2);
    }
    const found = await readIsolations(docker, stack);
    const text =
      found.length === 0
        ? "Nothing is off the edge."
        : found.map((one) => formatIsolation(one, stack)).join("\n");
    process.stdout.write(`${json ? JSON.stringify(found, null, 2) : text}\n`);
    return;
  }
  const service = requireIsolatable(name);
  if (undo) {
    await removeIsolation(docker, stack, service);
    await expectAnswer(session, service, false);
    process.stdout.write(json ? "[]\n" : `${service} is on the edge again.\n`);
    return;
  }
  const reason = incidentTitle.safeParse(options.reason ?? "no reason was given");
  if (!reason.success) {
    throw new UserError(`isolate --reason: ${reason.error.issues[0]?.message}`, 2);
  }
  const isolation = { service, at: new Date().toISOString(), by: deployer(process.env), reason: reason.data };
  await writeIsolation(docker, stack, isolation);
  await expectAnswer(session, service, true).catch(async (error: unknown) => {
    // An edge that takes no notice now would do so after its next deployment, when nobody expects it.
    if (error instanceof TakesNoNotice) {
      await removeIsolation(docker, stack, service);
    }
    throw error;
  });
  process.stdout.write(
    json
      ? `${JSON.stringify([isolation], null, 2)}\n`
      : `${service} still runs, and users get a 503 from the edge; until it is put back a deployment's verification fails.\n` +
          `${formatIsolation(isolation, stack)}\n`,
  );
}

/** @throws UserError that says which ones can be. */
export function requireIsolatable(name: string): Isolatable {
  const found = ISOLATABLE.find((service) => service === name);
  if (found === undefined) {
    throw new UserError(
      `service ${JSON.stringify(name)} is not reached through the edge: must be one of ${ISOLATABLE.join(", ")}`,
      2,
    );
  }
  return found;
}

/** The edge answers as before. */
class TakesNoNotice extends UserError {}

/** As users would find it. */
async function expectAnswer({ config }: Session, service: Isolatable, isIsolated: boolean): Promise<void> {
  const url = `${publicUrlOf(config.http)}${PATH_OF[service]}`;
  let body: string;
  try {
    ({ body } = await get(url, 10));
  } catch (error) {
    throw new UserError(`isolate: done, but ${url} cannot be asked from here: ${messageOf(error)}`);
  }
  if (ISOLATED_ANSWER.test(body) !== isIsolated) {
    throw new TakesNoNotice(
      isIsolated
        ? `isolate: ${url} still answers as before: its nginx is older than this checkout, run ./fitnesscrm up first`
        : `isolate: ${url} still says that it is isolated: run this again`,
    );
  }
}
