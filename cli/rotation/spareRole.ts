import { scramVerifier } from "../../scram";
import { spareRoleName } from "../../spareRole";
import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine, run } from "../exec";

/** A client that forgets its transaction gives its locks back after this long, milliseconds; as the application's own role. */
const IDLE_IN_TRANSACTION_MS = 10 * 60_000;
/** A task that was told to stop finishes what it has within a minute. */
const LEAVE_SECONDS = 120;

/**
 * The role as which the application logs in while the password of its own role changes. It is nobody by itself: a session of it acts as the
 * application's role from its first statement on, and what it creates is that role's.
 *
 * @param limit Connections that it may have, as many as the application's role.
 */
export function spareRoleStatements(database: string, password: string, limit: number): string {
  const [spare, app] = [spareRoleName(database), `${database}_app`];
  return [
    `SELECT 'CREATE ROLE "${spare}"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${spare}') \\gexec`,
    // A verifier, since the server logs statements on roles.
    `ALTER ROLE "${spare}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT CONNECTION LIMIT ${limit} PASSWORD '${scramVerifier(password, spare)}';`,
    `GRANT "${app}" TO "${spare}";`,
    `ALTER ROLE "${spare}" SET role = '${app}';`,
    `ALTER ROLE "${spare}" SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS};`,
  ].join("\n");
}

export class SpareRole {
  constructor(
    private readonly docker: DockerHost,
    private readonly stack: string,
    private readonly database: string,
  ) {}

  async exists(): Promise<boolean> {
    return (
      (await this.ask(`SELECT 1 FROM pg_roles WHERE rolname = '${spareRoleName(this.database)}';`)) === "1"
    );
  }

  /** Whether it logs in with this password: once a rotation has made it the application's own, nothing but its end is missing. */
  async hasPassword(password: string): Promise<boolean> {
    const spare = spareRoleName(this.database);
    const same = `rolname = '${spare}' AND rolpassword = '${scramVerifier(password, spare)}'`;
    return (await this.ask(`SELECT 1 FROM pg_authid WHERE ${same};`)) === "1";
  }

  async prepare(password: string, limit: number): Promise<void> {
    await this.ask(spareRoleStatements(this.database, password, limit));
  }

  /** Removes the role once nobody is logged in as it. @throws UserError when somebody stays. */
  async remove(): Promise<void> {
    const spare = spareRoleName(this.database);
    const deadline = Date.now() + LEAVE_SECONDS * 1000;
    for (;;) {
      const sessions = Number(
        await this.ask(`SELECT count(*) FROM pg_stat_activity WHERE usename = '${spare}';`),
      );
      if (sessions === 0) {
        break;
      }
      if (Date.now() > deadline) {
        throw new UserError(
          `role ${spare} still has ${sessions} sessions after ${LEAVE_SECONDS} s: run this again once ./fitnesscrm db connections shows none`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    await this.ask(`DROP ROLE IF EXISTS "${spare}";`);
  }

  /** Asks the server as its superuser, over its socket, by standard input: a process list shows no statement. */
  private async ask(script: string): Promise<string> {
    const ids = await this.docker.runChecked("container of db", [
      ...["container", "ls", "--quiet", "--filter", "status=running"],
      ...["--filter", `label=fitnesscrm.stack=${this.stack}`, "--filter", "label=fitnesscrm.service=db"],
    ]);
    const container = ids.split("\n")[0]?.trim();
    if (!container) {
      throw new UserError(
        `service db of stack ${this.stack} does not run: ./fitnesscrm health --stack ${this.stack} says why`,
      );
    }
    const { code, stdout, stderr } = await run(
      "docker",
      [
        ...["exec", "--interactive", "--user", "postgres", container],
        ...["psql", "-XAtq", "--set", "ON_ERROR_STOP=1", "--dbname", this.database],
      ],
      { env: this.docker.environment, input: script, timeoutSeconds: 60 },
    );
    if (code !== 0) {
      throw new UserError(`database ${this.database}: ${lastLine(stderr) || `exit code ${code}`}`);
    }
    return stdout.trim();
  }
}
