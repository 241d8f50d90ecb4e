import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine } from "../exec";

/** Newest running container of the database. @throws UserError when there is none. */
export async function databaseContainer(docker: DockerHost, stack: string): Promise<string> {
  const filters = [`label=fitnesscrm.stack=${stack}`, "label=fitnesscrm.service=db", "status=running"];
  const ids = await docker.runChecked("containers of db", [
    ...["container", "ls", "--quiet", "--no-trunc"],
    ...filters.flatMap((filter) => ["--filter", filter]),
  ]);
  const newest = ids.split("\n")[0]?.trim();
  if (newest) {
    return newest;
  }
  // Names the services that there are where this one was never deployed.
  await docker.service(stack, "db");
  throw new UserError(
    `service db of stack ${stack} does not run: ./fitnesscrm health --stack ${stack} says why`,
  );
}

/**
 * Rows of a statement, as a role sees them: the monitoring role has statistics and no data, the backup role reads everything.
 *
 * By the server's own socket rather than as that role, which finds no connection free when somebody looks for a leak: the superuser's
 * are kept for that.
 */
export async function queryStatistics(
  docker: DockerHost,
  stack: string,
  database: string,
  select: string,
  role: "monitoring" | "backup" = "monitoring",
): Promise<unknown> {
  const container = await databaseContainer(docker, stack);
  const { code, stdout, stderr } = await docker.run(
    [
      ...["exec", "--user", "postgres", container],
      ...["psql", "--username", "postgres", "--dbname", database, "--no-psqlrc", "--quiet"],
      ...["--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"],
      ...[
        "--command",
        "SET statement_timeout = '20s'; SET timezone = 'UTC'",
        "--command",
        `SET ROLE "${database}_${role}"`,
      ],
      ...["--command", `SELECT coalesce(json_agg(row), '[]') FROM (${select}) row`],
    ],
    30,
  );
  if (code !== 0) {
    const said = /(?:ERROR|FATAL):\s+(.+)/.exec(stderr)?.[1] ?? lastLine(stderr);
    throw new UserError(
      `database ${database}: ${said || (code === 124 ? "no answer within 30 s" : `exit code ${code}`)}`,
    );
  }
  return JSON.parse(stdout) as unknown;
}
