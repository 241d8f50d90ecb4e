import { Client } from "pg";
import { secret } from "../../checks";

/** Asks the database one thing; each row is an object by column. Counts come as text from the server: cast them to float8. */
export type Ask = <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

const CONNECT_MS = 10_000;

/**
 * @param urlFile Secret with the connection URL of the role that asks.
 * @param limitMs The longest that a statement may take, milliseconds.
 */
export function askAs(urlFile: string, limitMs: number, signal?: AbortSignal): Ask {
  return async <Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const client = new Client({
      connectionString: await secret(urlFile),
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: limitMs,
      statement_timeout: limitMs,
      application_name: "fitnesscrm-ops-report",
    });
    // A connection that breaks outside a query is reported here, and would end the process without a listener.
    client.on("error", () => undefined);
    const end = (): void => void client.end().catch(() => undefined);
    try {
      await client.connect();
      signal?.throwIfAborted();
      // The server ends a statement whose client is gone.
      signal?.addEventListener("abort", end, { once: true });
      return (await client.query<Row>(sql, [...values])).rows;
    } finally {
      signal?.removeEventListener("abort", end);
      await client.end().catch(() => undefined);
    }
  };
}
