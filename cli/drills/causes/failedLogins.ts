import { UserError } from "../../errors";
import {
  type Cause,
  type CauseContext,
  command,
  containerOf,
  type RemovalContext,
  runningContainerOf,
} from "./cause";

/** Domain of the accounts that a drill tries: nobody can have one there (RFC 2606). */
const DOMAIN = "fitnesscrm-drill.invalid";
/** Above the limit: the window that the count is taken of may begin in their midst. */
const MARGIN = 5;
/** A drill is no attack: more attempts than this are not made, whatever the limit is. */
const ATTEMPTS_MAX = 500;
const ATTEMPT_SECONDS = 120;

/**
 * Real attempts with wrong passwords, from inside of the network: the edge would let through only a few of them. Prints a line of the answers by
 * status. Arguments: path, domain, count.
 */
const ATTEMPT = `
const [path, domain, count] = process.argv.slice(1);
const seen = {};
(async () => {
  for (let number = 0; number < Number(count); number += 1) {
    const answer = await fetch("http://backend:5000" + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Forwarded-For": "192.0.2." + (number % 250) },
      body: JSON.stringify({ email: "drill-" + number + "@" + domain, password: "wrong-" + number }),
      signal: AbortSignal.timeout(10000),
    });
    await answer.arrayBuffer();
    seen[answer.status] = (seen[answer.status] || 0) + 1;
  }
  console.log(JSON.stringify(seen));
})().catch((error) => { console.error(error.message); process.exit(1); });
`;

/** Rows that a drill left. As text of the whole row: which columns say who it was is the application's. */
const OWN_ROWS = `action = 'login_failure' AND to_jsonb(a)::text LIKE '%@${DOMAIN}%'`;

/** Asks the server as its superuser, over its socket: no password is needed, and none is shown. */
function ask({ docker, config }: RemovalContext, container: string, statement: string): Promise<string> {
  return command(docker, "PostgreSQL", [
    ...["exec", "--user", "postgres", container],
    ...["psql", "-XAtqc", statement, config.database.name],
  ]);
}

async function begin(context: CauseContext): Promise<void> {
  const { docker, config } = context;
  const { above } = config.alarms.failedLogins;
  const count = above + MARGIN;
  if (count > ATTEMPTS_MAX) {
    throw new UserError(
      `alarms.failedLogins.above is ${above}: a drill makes ${ATTEMPTS_MAX} attempts at most, set it to ${ATTEMPTS_MAX - MARGIN} or less`,
    );
  }
  const ops = await runningContainerOf(context, "ops");
  const path = config.http.loginLimit.paths[0] ?? "";
  const answers = await command(
    docker,
    "attempts to log in of drill failed-logins",
    ["exec", ops, "node", "-e", ATTEMPT, path, DOMAIN, String(count)],
    ATTEMPT_SECONDS,
  );
  const database = await runningContainerOf(context, "db");
  const rows = Number(await ask(context, database, `SELECT count(*) FROM activity_log a WHERE ${OWN_ROWS}`));
  if (rows <= above) {
    throw new UserError(
      `${count} wrong passwords at ${path} left ${rows} rows in activity_log, where more than ${above} were to be (answers by status: ${answers})`,
    );
  }
}

async function remove(context: RemovalContext): Promise<boolean> {
  const container = await containerOf(context, "db");
  if (
    container === undefined ||
    (await ask(context, container, "SELECT to_regclass('activity_log')")) === ""
  ) {
    return false;
  }
  const gone = await ask(
    context,
    container,
    `WITH gone AS (DELETE FROM activity_log a WHERE ${OWN_ROWS} RETURNING 1) SELECT count(*) FROM gone`,
  );
  return Number(gone) > 0;
}

export const failedLogins: Cause = { begin, remove };
