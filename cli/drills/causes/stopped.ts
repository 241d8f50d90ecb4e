import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors";
import { get } from "../../http";
import { NOWHERE } from "../../upDown";
import {
  type Cause,
  type CauseContext,
  command,
  containerOf,
  DRILL_LABEL,
  type RemovalContext,
} from "./cause";

/** On a service that a drill stopped: how many tasks it had, or that it ran on every node. */
const STOPPED_LABEL = `${DRILL_LABEL}.had`;
const EVERY_NODE = "every-node";
/** A backend serves on for a while after it was told to stop. */
const STOP_SECONDS = 120;

/** How a service is started that a drill stopped; undefined when none did. */
async function startArguments(
  { docker, stack }: RemovalContext,
  service: string,
): Promise<string[] | undefined> {
  const { name } = await docker.service(stack, service);
  const had = await command(docker, `service ${name}`, [
    ...["service", "inspect", "--format", `{{index .Spec.Labels "${STOPPED_LABEL}"}}`, name],
  ]);
  if (had === "") {
    return undefined;
  }
  const start = had === EVERY_NODE ? ["--constraint-rm", NOWHERE] : ["--replicas", had];
  return [...start, "--label-rm", STOPPED_LABEL, name];
}

function update(context: RemovalContext, service: string, args: readonly string[]): Promise<string> {
  return command(context.docker, `service ${service}`, [
    ...["service", "update", "--detach", "--quiet"],
    ...args,
  ]);
}

/** @param holds Whether it has stopped for whoever needs it. */
function stoppedService(service: string, holds: (context: CauseContext) => Promise<boolean>): Cause {
  return {
    async begin(context) {
      const { name, replicas } = await context.docker.service(context.stack, service);
      if (replicas === 0) {
        throw new UserError(
          `service ${name} is stopped already: run ./fitnesscrm up --stack ${context.stack}`,
        );
      }
      const had = replicas === undefined ? EVERY_NODE : String(replicas);
      const stop = replicas === undefined ? ["--constraint-add", NOWHERE] : ["--replicas", "0"];
      // One update, so that the service is never stopped without saying what it had.
      await update(context, service, [...stop, "--label-add", `${STOPPED_LABEL}=${had}`, name]);
      const deadline = Date.now() + STOP_SECONDS * 1000;
      while (!(await holds(context))) {
        if (Date.now() > deadline) {
          throw new UserError(
            `service ${name} did not stop within ${STOP_SECONDS} s: see docker service ps ${name}`,
          );
        }
        await sleep(250, undefined, { signal: context.signal });
      }
    },
    async remove(context) {
      const args = await startArguments(context, service);
      if (args !== undefined) {
        await update(context, service, args);
      }
      return args !== undefined;
    },
  };
}

export const serviceDown: Cause = stoppedService("backend", async ({ config }) => {
  try {
    return (await get(`http://127.0.0.1:${config.http.port}/api/health`, 5)).status >= 500;
  } catch {
    return true;
  }
});

export const silence: Cause = stoppedService(
  "agent",
  async (context) => (await containerOf(context, "agent")) === undefined,
);
