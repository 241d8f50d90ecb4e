import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import type { RunResult } from "../exec";
import { CATALOG_SQL, parseCatalog, parseRows, ROWS_SQL, type TableRows } from "./catalog";
import { type Engine, reasonOf, runningContainer } from "./engine";
import { type DatabaseFacts, type Swap, swapSql } from "./swap";

/** A session that was just about to enter a database when it was closed can keep it busy for a moment. */
const SWAP_ATTEMPTS = 3;
/** Counting the rows of a large database takes its time, seconds. */
const ROWS_SECONDS = 1800;

/** The stack's database server, by psql in its own container: no password is needed there. */
export class DatabaseServer {
  constructor(
    private readonly engine: Engine,
    private readonly stack: string,
  ) {}

  async catalog(): Promise<DatabaseFacts[]> {
    return parseCatalog(await this.execute("reading the server's catalog", CATALOG_SQL));
  }

  /** The catalog of a server that may just be starting. */
  async catalogWithin(seconds: number): Promise<DatabaseFacts[]> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      try {
        return await this.catalog();
      } catch (error) {
        if (!(error instanceof UserError) || Date.now() > deadline) {
          throw error;
        }
        await sleep(500);
      }
    }
  }

  /** Rows of every table. */
  async rows(database: string): Promise<TableRows[]> {
    return parseRows(
      await this.execute(`counting the rows of ${database}`, ROWS_SQL, database, ROWS_SECONDS),
    );
  }

  /** @throws UserError with the server's reason; whether the swap was done is for the catalog to say. */
  async swap(swap: Swap): Promise<void> {
    const sql = swapSql(swap);
    for (let attempt = 1; ; attempt++) {
      const result = await this.psql(sql);
      if (result.code === 0) {
        return;
      }
      const busy = /is being accessed by other users/.test(result.stderr);
      if (!busy || attempt === SWAP_ATTEMPTS) {
        throw new UserError(`swapping ${swap.target.name} and ${swap.live.name}: ${whyPsqlFailed(result)}`);
      }
    }
  }

  async execute(what: string, sql: string, database?: string, timeoutSeconds?: number): Promise<string> {
    const result = await this.psql(sql, database, timeoutSeconds);
    if (result.code !== 0) {
      throw new UserError(`${what}: ${whyPsqlFailed(result)}`);
    }
    return result.stdout;
  }

  private async psql(sql: string, database = "postgres", timeoutSeconds = 300): Promise<RunResult> {
    const container = await runningContainer(this.engine, this.stack, "db");
    return this.engine.run(
      [
        "exec",
        "-i",
        container,
        "psql",
        "--username",
        "postgres",
        "--dbname",
        database,
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "-v",
        "ON_ERROR_STOP=1",
      ],
      { input: sql, timeoutSeconds },
    );
  }
}

/** psql tells the error first and then its details. */
function whyPsqlFailed(result: RunResult): string {
  const error = /(?:ERROR|FATAL):\s+(.+)/.exec(result.stderr);
  const detail = /^DETAIL:\s+(.+)/m.exec(result.stderr);
  return error?.[1] === undefined
    ? reasonOf(result)
    : `${error[1]}${detail === null ? "" : ` (${detail[1]})`}`;
}
