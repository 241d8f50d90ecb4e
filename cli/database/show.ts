import { openSession } from "../session";
import { CONNECTIONS_SQL, formatConnections, sessions, summarizeConnections } from "./connections";
import { formatLogins, LOGINS_SQL, logins } from "./logins";
import { queryStatistics } from "./query";
import { formatSizes, SIZES_SQL, tables } from "./sizes";
import { formatSlow, SLOW_SQL, statements, withoutValues } from "./slow";

/** `./fitnesscrm db connections | slow | sizes | logins` (M27, M31, M34, M48). */
export async function showDatabase(
  view: "connections" | "slow" | "sizes" | "logins",
  { stack, json }: { stack: string; json?: boolean },
): Promise<void> {
  const { config, docker } = openSession(stack);
  const ask = (select: string): Promise<unknown> =>
    queryStatistics(docker, stack, config.database.name, select);
  const print = <T>(value: T, format: (value: T) => string): void =>
    void process.stdout.write(`${json ? JSON.stringify(value, null, 2) : format(value)}\n`);
  if (view === "connections") {
    const alarmAbove = config.alarms.thresholds["database-connections"];
    print(summarizeConnections(sessions.parse(await ask(CONNECTIONS_SQL)), alarmAbove), formatConnections);
  } else if (view === "slow") {
    print(withoutValues(statements.parse(await ask(SLOW_SQL))), (found) =>
      formatSlow(found, config.database.slowStatementMilliseconds),
    );
  } else if (view === "logins") {
    const found = await queryStatistics(docker, stack, config.database.name, LOGINS_SQL, "backup");
    print(logins.parse(found), (rows) => formatLogins(rows, new Date()));
  } else {
    print(tables.parse(await ask(SIZES_SQL)), (found) => formatSizes(found, new Date()));
  }
}
