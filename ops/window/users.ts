import { Client } from "pg";
import { secret } from "../checks";

/** Whom the application's database has to tell. */
export interface Users {
  /** One address a person, lower case, sorted. */
  readonly addresses: readonly string[];
  /** How many active users have nothing there that mail could go to. */
  readonly unusable: number;
}

const CONNECT_MS = 10_000;
const LIMIT_MS = 60_000;

/**
 * Only the table and `email` are what every application has; whether somebody is active is looked for by name, since an application may have no
 * such column.
 */
const ACTIVE = `
SELECT lower(btrim(email::text)) AS email FROM users u
WHERE coalesce(to_jsonb(u) ->> 'is_active', to_jsonb(u) ->> 'active', 'true') NOT IN ('false', '0')
  AND to_jsonb(u) ->> 'deleted_at' IS NULL`;

/** Of PostgreSQL: no such table, no such column, and no right to read it. */
const NOT_THERE = ["42P01", "42703", "42501"];

/**
 * Active users of the application, as the backup role reads them: it alone reads the application's tables.
 *
 * @param urlFile Secret with that role's connection URL.
 * @throws Error of one line: what the database lacks, and how to do without.
 */
export async function activeUsers(urlFile: string): Promise<Users> {
  const client = new Client({
    connectionString: await secret(urlFile),
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: LIMIT_MS,
    options: `-c statement_timeout=${LIMIT_MS} -c default_transaction_read_only=on`,
    application_name: "fitnesscrm-ops-notice",
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ email: string | null }>(ACTIVE);
    return usersOf(rows.map(({ email }) => email));
  } catch (error) {
    throw new Error(usersFault(error));
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Why the users are not known, in one line. */
export function usersFault(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  const reason = (message ?? String(error)).replace(/\s+/g, " ").trim();
  return code !== undefined && NOT_THERE.includes(code)
    ? `users cannot be told by mail, a table "users" with a column "email" is needed: ${reason}; without one set fitnesscrm:maintenance.noticeMail to false`
    : `users cannot be told by mail, the database does not say who they are: ${reason || code}`;
}

/** What mail can go to: one plain ASCII address, in which nothing can mean anything else to a mail server. */
const USABLE = /^[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/;
const LONGEST = 254;

/** Addresses as the table has them, told apart from what is none. */
export function usersOf(emails: readonly (string | null)[]): Users {
  const usable = emails.filter(
    (email): email is string => email !== null && email.length <= LONGEST && USABLE.test(email),
  );
  return { addresses: [...new Set(usable)].sort(), unusable: emails.length - usable.length };
}
