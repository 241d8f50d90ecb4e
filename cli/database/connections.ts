import { z } from "zod";
import { columns, duration } from "../table";

/** A transaction that has nothing to do for as long as this is one that somebody forgot to end. */
export const LEAK_SECONDS = 60;

export const CONNECTIONS_SQL = `
  SELECT pid, coalesce(usename, '') AS role, application_name AS application, coalesce(state, 'unknown') AS state,
    coalesce(extract(epoch FROM clock_timestamp() - state_change), 0)::float8 AS "stateSeconds",
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS "transactionSeconds"
  FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

const session = z.object({
  pid: z.int(),
  role: z.string(),
  application: z.string(),
  state: z.string(),
  stateSeconds: z.number(),
  transactionSeconds: z.number().nullable(),
});
export const sessions = z.array(session);
type Session = z.infer<typeof session>;

export interface Connections {
  total: number;
  /** Where the alarm goes off (M27). */
  alarmAbove: number;
  /** By role and state, the largest first. */
  groups: { role: string; state: string; count: number; oldestSeconds: number; leaks: number }[];
  /** Sessions that hold a transaction open and do nothing, the oldest first. */
  leaks: { pid: number; role: string; application: string; seconds: number; transactionSeconds: number }[];
}

export function summarizeConnections(found: readonly Session[], alarmAbove: number): Connections {
  const groups = new Map<string, Connections["groups"][number]>();
  for (const one of found) {
    const key = JSON.stringify([one.role, one.state]);
    const group = groups.get(key) ?? {
      role: one.role,
      state: one.state,
      count: 0,
      oldestSeconds: 0,
      leaks: 0,
    };
    group.count += 1;
    group.oldestSeconds = Math.max(group.oldestSeconds, one.stateSeconds);
    group.leaks += isLeak(one) ? 1 : 0;
    groups.set(key, group);
  }
  return {
    total: found.length,
    alarmAbove,
    groups: [...groups.values()].sort(
      (a, b) => b.count - a.count || a.role.localeCompare(b.role) || a.state.localeCompare(b.state),
    ),
    leaks: found
      .filter(isLeak)
      .map(({ pid, role, application, stateSeconds, transactionSeconds }) => ({
        pid,
        role,
        application,
        seconds: stateSeconds,
        transactionSeconds: transactionSeconds ?? stateSeconds,
      }))
      .sort((a, b) => b.seconds - a.seconds),
  };
}

function isLeak({ state, stateSeconds }: Session): boolean {
  return state.startsWith("idle in transaction") && stateSeconds >= LEAK_SECONDS;
}

export function formatConnections({ total, alarmAbove, groups, leaks }: Connections): string {
  return [
    `${total} connections; the alarm goes off above ${alarmAbove} (M27).`,
    "",
    ...columns(
      ["ROLE", "STATE", "COUNT", "OLDEST", ""],
      groups.map(({ role, state, count, oldestSeconds, leaks: leaking }) => [
        role,
        state,
        String(count),
        duration(oldestSeconds),
        leaking === 0 ? "" : `LEAK: ${leaking} for ${duration(LEAK_SECONDS)} or longer`,
      ]),
    ),
    ...(leaks.length === 0
      ? []
      : [
          "",
          "Transactions that somebody forgot to end (pg_terminate_backend(PID) ends one):",
          ...columns(
            ["PID", "ROLE", "APPLICATION", "IDLE FOR", "OPEN FOR"],
            leaks.map(({ pid, role, application, seconds, transactionSeconds }) => [
              String(pid),
              role,
              application || "-",
              duration(seconds),
              duration(transactionSeconds),
            ]),
          ),
        ]),
  ].join("\n");
}
