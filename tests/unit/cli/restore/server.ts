import type { RunResult } from "../../../../cli/exec";
import { CATALOG_SQL, ROWS_SQL, type TableRows } from "../../../../cli/restore/catalog";

export interface Database {
  /** What is in it: `old`, `new`. */
  content: string;
  owner: string;
  allowConnections: boolean;
  connectionLimit: number;
  comment: string | null;
  rows: TableRows[];
}

const LITERAL = "E?'(?:[^']|'')*'";

/** Understands the few statements that a restore sends, with transactions. */
export class FakeServer {
  databases = new Map<string, Database>();
  /** Statements that were executed. */
  readonly executed: string[] = [];
  /** Called before every statement: the process may end there. */
  tick: () => void = () => {};
  /** What psql says instead of doing anything. */
  answers: RunResult[] = [];

  psql(database: string, sql: string): RunResult {
    const canned = this.answers.shift();
    if (canned !== undefined) {
      return canned;
    }
    if (sql === CATALOG_SQL) {
      return { code: 0, stdout: JSON.stringify(this.catalog()), stderr: "" };
    }
    if (sql === ROWS_SQL) {
      const found = this.databases.get(database);
      return found === undefined
        ? refused(`FATAL:  database "${database}" does not exist`)
        : { code: 0, stdout: found.rows.map((row) => `${JSON.stringify(row)}\n`).join(""), stderr: "" };
    }
    return this.script(sql);
  }

  private script(sql: string): RunResult {
    let saved: Map<string, Database> | undefined;
    try {
      for (const statement of sql.split(/;\n/).filter((text) => text !== "")) {
        this.tick();
        this.executed.push(statement);
        if (statement === "BEGIN") {
          saved = structuredClone(this.databases);
        } else if (statement === "COMMIT") {
          saved = undefined;
        } else {
          this.execute(statement);
        }
      }
      return { code: 0, stdout: "", stderr: "" };
    } catch (error) {
      if (error instanceof SqlError) {
        return refused(`ERROR:  ${error.message}`);
      }
      throw error;
    } finally {
      // Whoever goes away in a transaction has not done any of it.
      if (saved !== undefined) {
        this.databases = saved;
      }
    }
  }

  private execute(statement: string): void {
    const rename = /^ALTER DATABASE "(.+)" RENAME TO "(.+)"$/.exec(statement);
    if (rename !== null) {
      const [, from = "", to = ""] = rename;
      const found = this.find(from);
      if (found.allowConnections) {
        throw new SqlError(`database "${from}" is being accessed by other users`);
      }
      if (this.databases.has(to)) {
        throw new SqlError(`database "${to}" already exists`);
      }
      this.databases.delete(from);
      this.databases.set(to, found);
      return;
    }
    const alter =
      /^ALTER DATABASE "([^"]+)" (?:ALLOW_CONNECTIONS (true|false))?(?: ?CONNECTION LIMIT (-?\d+))?$/.exec(
        statement,
      );
    if (alter !== null) {
      const found = this.find(alter[1] ?? "");
      found.allowConnections = alter[2] === undefined ? found.allowConnections : alter[2] === "true";
      found.connectionLimit = alter[3] === undefined ? found.connectionLimit : Number(alter[3]);
      return;
    }
    const owner = /^ALTER DATABASE "(.+)" OWNER TO "(.+)"$/.exec(statement);
    if (owner !== null) {
      this.find(owner[1] ?? "").owner = owner[2] ?? "";
      return;
    }
    const comment = new RegExp(`^COMMENT ON DATABASE "(.+?)" IS (NULL|${LITERAL})$`, "s").exec(statement);
    if (comment !== null) {
      this.find(comment[1] ?? "").comment = comment[2] === "NULL" ? null : unquote(comment[2] ?? "");
      return;
    }
    const drop = /^DROP DATABASE IF EXISTS "(.+)" WITH \(FORCE\)$/.exec(statement);
    if (drop !== null) {
      this.databases.delete(drop[1] ?? "");
      return;
    }
    const check = /^DO (.+)$/s.exec(statement);
    if (check !== null) {
      this.checkMark(unquote(check[1] ?? ""));
      return;
    }
    if (
      !/^(SET statement_timeout = '30s'|SELECT count\(pg_terminate_backend\(pid, 5000\)\) )/.test(statement)
    ) {
      throw new Error(`the fake server does not know: ${statement}`);
    }
  }

  private checkMark(body: string): void {
    const [, name = "", mark = ""] =
      new RegExp(`datname = (${LITERAL})\\) IS DISTINCT FROM (${LITERAL}) THEN`, "s").exec(body) ?? [];
    if (this.databases.get(unquote(name))?.comment !== unquote(mark)) {
      throw new SqlError("the swap was called off");
    }
  }

  private find(name: string): Database {
    const found = this.databases.get(name);
    if (found === undefined) {
      throw new SqlError(`database "${name}" does not exist`);
    }
    return found;
  }

  private catalog(): unknown[] {
    return [...this.databases].map(([name, { owner, allowConnections, connectionLimit, comment }]) => ({
      name,
      owner,
      allowConnections,
      connectionLimit,
      comment,
      bytes: 8 * 1024 * 1024,
      privileges: null,
      settings: [],
    }));
  }
}

class SqlError extends Error {}

function refused(message: string): RunResult {
  return { code: 3, stdout: "", stderr: `psql:<stdin>:1: ${message}\n` };
}

function unquote(literal: string): string {
  const body = literal.replace(/^E?'/, "").slice(0, -1).replaceAll("''", "'");
  return literal.startsWith("E") ? body.replaceAll("\\\\", "\\") : body;
}
