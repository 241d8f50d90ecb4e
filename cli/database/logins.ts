import { z } from "zod";
import { ago, columns } from "../table";

/**
 * Who failed to log in within a day, the most attempts first. Who and from where are looked for by name: which columns an application's
 * `activity_log` has beside `action` and `created_at` is its own.
 */
export const LOGINS_SQL = `
  SELECT coalesce(to_jsonb(a) ->> 'email', to_jsonb(a) ->> 'user_id') AS account, to_jsonb(a) ->> 'ip_address' AS address,
    count(*)::float8 AS failures, min(created_at)::timestamptz AS first, max(created_at)::timestamptz AS last
  FROM activity_log a
  WHERE action = 'login_failure' AND created_at > now() - interval '24 hours'
  GROUP BY 1, 2 ORDER BY 3 DESC, 5 DESC LIMIT 20`;

const login = z.object({
  account: z.string().nullable(),
  address: z.string().nullable(),
  failures: z.number(),
  first: z.string(),
  last: z.string(),
});
export const logins = z.array(login);
export type FailedLogin = z.infer<typeof login>;

export function formatLogins(found: readonly FailedLogin[], now: Date): string {
  if (found.length === 0) {
    return "Nobody failed to log in within the last 24 hours.";
  }
  return columns(
    ["ACCOUNT", "ADDRESS", "FAILURES", "FIRST", "LAST"],
    found.map(({ account, address, failures, first, last }) => [
      printable(account),
      printable(address),
      String(failures),
      `${ago(new Date(first), now)} ago`,
      `${ago(new Date(last), now)} ago`,
    ]),
  ).join("\n");
}

/** What a stranger typed is not to steer somebody's terminal. */
function printable(text: string | null): string {
  return (text ?? "not known").replace(/[^\x20-\x7e]/g, "?").slice(0, 80);
}
