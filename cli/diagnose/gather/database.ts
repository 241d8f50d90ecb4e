import { z } from "zod";
import type { Config } from "../../../config";
import { CONNECTIONS_SQL, sessions, summarizeConnections } from "../../database/connections";
import { databaseContainer, queryStatistics } from "../../database/query";
import { SLOW_SQL, statements, withoutValues } from "../../database/slow";
import type { DockerHost } from "../../docker";
import { lastLine } from "../../exec";
import { type Asked, type DatabaseFacts, isKnown } from "../facts";
import { ask } from "./ask";

const ROLES_SQL = `
  SELECT rolname AS role, nullif(rolconnlimit, -1) AS "limit", count(pid)::int AS connections,
    current_setting('max_connections')::int AS "maxConnections"
  FROM pg_roles
    LEFT JOIN pg_stat_activity
      ON usesysid = pg_roles.oid AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  WHERE rolcanlogin
  GROUP BY rolname, rolconnlimit`;

const roles = z.array(
  z.object({
    role: z.string(),
    limit: z.number().nullable(),
    connections: z.number(),
    maxConnections: z.number(),
  }),
);

const READY_SECONDS = 3;

/** Whether the database answers, and if so who is connected and what is slow. @throws UserError when its container does not run. */
export async function gatherDatabase(
  docker: DockerHost,
  stack: string,
  config: Pick<Config, "database" | "alarms">,
): Promise<DatabaseFacts> {
  const container = await databaseContainer(docker, stack);
  const { code, stdout, stderr } = await docker.run(
    ["exec", "--user", "postgres", container, "pg_isready", "--timeout", String(READY_SECONDS)],
    READY_SECONDS + 10,
  );
  const said = lastLine(stderr) || lastLine(stdout);
  if (code !== 0) {
    const unknown = { unknown: "the database does not answer" };
    return {
      ready: code,
      said,
      connections: unknown,
      roles: unknown,
      maxConnections: unknown,
      statements: unknown,
    };
  }
  const query = (select: string): Promise<unknown> =>
    queryStatistics(docker, stack, config.database.name, select);
  const [connections, found, slow] = await Promise.all([
    ask(async () =>
      summarizeConnections(
        sessions.parse(await query(CONNECTIONS_SQL)),
        config.alarms.thresholds["database-connections"],
      ),
    ),
    ask(async () => roles.parse(await query(ROLES_SQL))),
    ask(async () => withoutValues(statements.parse(await query(SLOW_SQL)))),
  ]);
  const maxConnections: Asked<number> = isKnown(found)
    ? found.answer[0] === undefined
      ? { unknown: "there is no role that may log in" }
      : { answer: found.answer[0].maxConnections }
    : found;
  return { ready: code, said, connections, roles: found, maxConnections, statements: slow };
}
