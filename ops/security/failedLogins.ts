/** Failed logins as the application records them: rows of `activity_log` with `action = 'login_failure'` (M48, M49). */
import { Client } from "pg";

/** What was counted in one stretch of time. */
export interface FailedLogins {
  /** All of them. */
  readonly total: number;
  /** The most for one account, and the most from one address. */
  readonly worstAccount: number;
  readonly worstAddress: number;
}

export interface FailedLoginsSource {
  /** Connections as a role that reads the application's tables. */
  readonly url: string;
  /** How far back is looked, minutes. */
  readonly minutes: number;
  /** Milliseconds until the answer is given up. */
  readonly timeoutMs: number;
}

/**
 * Only `action` and `created_at` are what every application has; who and from where are looked for by name, since an application may have no
 * such column. A time without a zone is taken for UTC, which is what the session is set to.
 */
const COUNT = `
WITH failures AS (
  SELECT coalesce(to_jsonb(a) ->> 'email', to_jsonb(a) ->> 'user_id') AS account, to_jsonb(a) ->> 'ip_address' AS address
  FROM activity_log a
  WHERE action = 'login_failure' AND created_at > now() - make_interval(mins => $1)
)
SELECT (SELECT count(*) FROM failures)::int AS "total",
  coalesce((SELECT count(*) FROM failures WHERE account IS NOT NULL GROUP BY account ORDER BY 1 DESC LIMIT 1), 0)::int AS "worstAccount",
  coalesce((SELECT count(*) FROM failures WHERE address IS NOT NULL GROUP BY address ORDER BY 1 DESC LIMIT 1), 0)::int AS "worstAddress"`;

/**
 * Counts the failed logins of the last minutes.
 *
 * @throws Error of the database: also when the application has no such table (yet).
 */
export async function countFailedLogins({
  url,
  minutes,
  timeoutMs,
}: FailedLoginsSource): Promise<FailedLogins> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    // The server gives up as well: a search through a table without an index must not outlive who asked for it.
    options: `-c statement_timeout=${timeoutMs} -c timezone=UTC -c default_transaction_read_only=on`,
    application_name: "fitnesscrm-ops-security",
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<FailedLogins>(COUNT, [minutes]);
    return rows[0] ?? { total: 0, worstAccount: 0, worstAddress: 0 };
  } finally {
    await client.end().catch(() => undefined);
  }
}
