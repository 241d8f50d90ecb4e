import { z } from "zod";
import type { AttemptRecord } from "../../attempt";
import { downtimeMode, edgePortOf } from "../../config";
import { type ReleaseFacts, readCheckout } from "../../release";
import type { StackServiceInfo } from "../docker";
import { messageOf, UserError } from "../errors";
import { type ComponentHealth, checkHealth } from "../health";
import { healthTargets } from "../healthTargets";
import { runInOps } from "../ops";
import type { Session } from "../session";
import { downtimeOf, judgeDowntime } from "./downtime";
import { deployer, type GateEnvironment, pinOf, stringsOf } from "./environment";
import { afterOtherBackup } from "./otherBackup";
import { readAttempt, writeAttempt } from "./record";
import { pinRefusal } from "./refusal";

/** Tasks that were just started, as after a `down`, get this long to become healthy before a deployment is refused, seconds. */
const HEALTH_SECONDS = 90;
const POLL_MILLISECONDS = 1000;

/**
 * The gate before a deployment (M16): nothing else is pinned, no downtime outside of the window, the stack is healthy, and a
 * backup of it is verified. Only then the attempt is recorded as started.
 */
export async function runBefore(
  session: Session,
  handed: GateEnvironment,
  say: (text: string) => void,
): Promise<ReleaseFacts> {
  const started = new Date();
  const { docker, config, context } = session;
  const services = stringsOf(handed.json("SERVICES"));
  const pin = pinOf(handed.json("PIN"));
  const record = await readAttempt(docker, context.stack);
  if (record?.pin !== undefined && pin === undefined) {
    throw new UserError(pinRefusal(record.pin, context.stack));
  }
  if (record?.attempt === handed.attempt && record.stage === "verified") {
    // The gate itself is declared anew, by another version of this project; what it guards is as it was.
    const { attempt, startedAt, by, backup, commit, dirty } = record;
    return { attempt, startedAt, by, backup, commit, dirty };
  }
  const notes: string[] = [];
  const note = (text: string): void => {
    notes.push(text);
    say(text);
  };

  const running = await docker.services(context.stack);
  const isFirst = isFirstDeployment(running);
  if (isFirst) {
    note("first deployment: nothing runs that could be checked or saved");
  } else {
    refuseDowntime(session, handed, stoppedServices(record, services), note);
    await requireHealth(session, handed, record, running, note);
  }
  const backup = isFirst ? null : await save(session, handed, excuseFor(handed, record), note);

  const facts: ReleaseFacts = {
    attempt: handed.attempt,
    startedAt: started.toISOString(),
    by: deployer(process.env),
    backup,
    // What a rollback holds was not built from this checkout.
    ...(config.pin === undefined
      ? readCheckout(config.app.source ?? ".")
      : { commit: config.pin.commit, dirty: false }),
  };
  await writeAttempt(docker, context.stack, {
    ...facts,
    stage: "started",
    before: { notes, seconds: (Date.now() - started.getTime()) / 1000 },
    ...(handed.despite !== undefined && { despite: handed.despite }),
    services,
    ...(pin !== undefined && { pin }),
    ...(record?.live !== undefined && { live: record.live }),
  });
  return facts;
}

/**
 * Services that this deployment stops: those that differ from the last attempt, or from what was live before an attempt that may
 * never have come to them. Without a record nobody knows, so that all count.
 */
function stoppedServices(record: AttemptRecord | undefined, services: Record<string, string>): string[] {
  if (record === undefined) {
    return Object.keys(services);
  }
  const { live } = record;
  const beforeLive = live === undefined ? [] : downtimeOf(live.services, services);
  return [...new Set([...downtimeOf(record.services, services), ...beforeLive])];
}

function refuseDowntime(
  { config }: Session,
  { despite }: GateEnvironment,
  services: readonly string[],
  note: (text: string) => void,
): void {
  const verdict = judgeDowntime({
    services,
    mode: downtimeMode(config),
    at: new Date(),
    zone: config.timeZone,
    ...(despite !== undefined && { despite }),
  });
  if (!verdict.allowed) {
    throw new UserError(verdict.reason);
  }
  if (verdict.reason !== "") {
    note(verdict.reason);
  }
}

/** A stack whose last attempt was not verified is expected to be unwell; what is deployed now is to repair it. */
async function requireHealth(
  session: Session,
  { repair, despite }: GateEnvironment,
  record: AttemptRecord | undefined,
  running: readonly StackServiceInfo[],
  note: (text: string) => void,
): Promise<void> {
  const excuse =
    despite ?? repair ?? (record?.stage === "started" ? "the attempt before was not verified" : undefined);
  // What is stopped does not get healthy by waiting.
  const isHopeless = running.some(({ replicas }) => replicas === 0);
  const unwell = await unwellParts(
    session,
    running,
    excuse === undefined && !isHopeless ? HEALTH_SECONDS : 0,
  );
  if (unwell.length === 0) {
    note("health: every part is healthy");
    return;
  }
  const what = unwell.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  if (excuse === undefined) {
    throw new UserError(
      `the stack is not healthy, and nothing was changed: ${what}. Repair it first, or deploy with ` +
        `\`./fitnesscrm up --despite "REASON"\` if the deployment is the repair`,
    );
  }
  note(`health: ${what}; going on: ${excuse}`);
}

/** What serves users and what holds their data. A part that this deployment adds cannot be unwell yet. */
async function unwellParts(
  session: Session,
  running: readonly StackServiceInfo[],
  patienceSeconds: number,
): Promise<ComponentHealth[]> {
  const deadline = Date.now() + patienceSeconds * 1000;
  const judged = new Set([
    ...running.map(({ service }) => service),
    ...(opensEdge(running, edgePortOf(session.config.http)) ? [] : ["api", "frontend-page"]),
  ]);
  for (;;) {
    const { components } = await checkHealth(healthTargets(session));
    const unwell = components.filter(({ name, healthy }) => !healthy && judged.has(name));
    if (unwell.length === 0 || Date.now() >= deadline) {
      return unwell;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

/** Whether this deployment opens the port at which users are answered, behind which nobody can be yet. */
export function opensEdge(
  running: readonly Pick<StackServiceInfo, "service" | "publishedPorts">[],
  port: number,
): boolean {
  const edge = running.find(({ service }) => service === "nginx");
  return edge !== undefined && !edge.publishedPorts.includes(port);
}

/** A service that was removed by hand, the database's included, makes no first deployment of the next one. */
export function isFirstDeployment(running: readonly StackServiceInfo[]): boolean {
  return running.length === 0;
}

/**
 * Why a deployment goes on without a backup that cannot be made; undefined when there is no reason to. A first deployment that
 * broke off before its `ops` ran is repeated without one: nobody has used the stack yet.
 */
export function excuseFor(
  { repair, despite }: Pick<GateEnvironment, "repair" | "despite">,
  record: Pick<AttemptRecord, "live"> | undefined,
): string | undefined {
  const wasNeverLive = record !== undefined && record.live === undefined;
  return despite ?? repair ?? (wasNeverLive ? "no release of this stack was live yet" : undefined);
}

const backupRun = z.looseObject({
  result: z.string().optional(),
  reason: z.string(),
  details: z.looseObject({ id: z.string() }).nullish(),
});

/** @returns The id of the backup that was made; null when there is a reason to go on without. */
async function save(
  { docker, context }: Session,
  { attempt }: GateEnvironment,
  excuse: string | undefined,
  note: (text: string) => void,
): Promise<string | null> {
  try {
    const answer = backupRun.parse(
      await afterOtherBackup(
        () => runInOps(docker, context.stack, "ops", ["run", "backup", "--label", `before-${attempt}`]),
        { note },
      ),
    );
    if (answer.details?.id === undefined || (answer.result ?? "ok") !== "ok") {
      throw new UserError(answer.reason);
    }
    note(`backup: ${answer.reason}`);
    return answer.details.id;
  } catch (error) {
    if (excuse === undefined) {
      throw new UserError(
        `no backup could be made, and nothing was changed: ${messageOf(error)}. Repair that first, or deploy without one by ` +
          '`./fitnesscrm up --despite "REASON"`',
      );
    }
    note(`backup: none, ${messageOf(error)}; going on: ${excuse}`);
    return null;
  }
}
