import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors";
import {
  CAUSE_SECONDS,
  type Cause,
  type CauseContext,
  command,
  containerOf,
  type RemovalContext,
  runningContainerOf,
} from "./cause";

const APPLICATION = "fitnesscrm-drill";
/** Sessions above the threshold: some of the application's may end meanwhile. */
const MARGIN = 5;
const CONNECT_SECONDS = 30;

/** Asks the server as its superuser, over its socket: no password is needed, and none is shown. */
function ask({ docker, config }: RemovalContext, container: string, statement: string): Promise<string> {
  return command(docker, "PostgreSQL", [
    ...["exec", "--user", "postgres", container],
    ...["psql", "-XAtqc", statement, config.database.name],
  ]);
}

/** Client sessions but for the one that asks. */
async function sessions(context: RemovalContext, container: string): Promise<number> {
  const count = "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'";
  return Number(await ask(context, container, count));
}

async function begin(context: CauseContext): Promise<void> {
  const { docker, config, signal } = context;
  const container = await runningContainerOf(context, "db");
  const above = config.alarms.thresholds["database-connections"];
  const more = Math.max(1, above + MARGIN - (await sessions(context, container)));
  // They do next to nothing, as leaked ones; that they ask now and then makes pgbench notice when they are ended.
  const script = `printf '\\\\sleep 1 s\\nSELECT 1;\\n' | exec pgbench --no-vacuum --client ${more} --jobs 1 --time ${CAUSE_SECONDS} --file /dev/stdin`;
  await command(docker, "sessions of drill connections", [
    ...["exec", "--detach", "--user", "postgres", "--env", `PGAPPNAME=${APPLICATION}`],
    ...["--env", `PGDATABASE=${config.database.name}`, container, "bash", "-c", script],
  ]);
  const deadline = Date.now() + CONNECT_SECONDS * 1000;
  for (;;) {
    const now = await sessions(context, container);
    if (now > above) {
      return;
    }
    if (Date.now() > deadline) {
      throw new UserError(
        `${now} sessions to PostgreSQL after ${CONNECT_SECONDS} s, where more than ${above} were to be`,
      );
    }
    await sleep(500, undefined, { signal });
  }
}

async function remove(context: RemovalContext): Promise<boolean> {
  const container = await containerOf(context, "db");
  if (container === undefined) {
    return false;
  }
  const ended = await ask(
    context,
    container,
    `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '${APPLICATION}'`,
  );
  return Number(ended) > 0;
}

export const connections: Cause = { begin, remove };
