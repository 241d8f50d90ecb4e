import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine, type RunResult, run } from "../exec";
import type { PasswordServer } from "./servers";

/** A checkpoint of a busy volume may be in the way of keeping the password, seconds. */
const LIMIT_SECONDS = 60;

/** A log-in as a client elsewhere does it, by TCP. The password comes by standard input: it stands in no process list. */
const LOG_IN =
  'IFS= read -r PGPASSWORD && export PGPASSWORD && exec psql -w -h 127.0.0.1 -U postgres -d postgres -XAtqc "SELECT 1"';

/**
 * The password of the database's superuser, with which this launcher and the Pulumi program log in, and nobody else. A role has one; whoever
 * has logged in stays in.
 */
export class SuperuserPassword implements PasswordServer {
  readonly secret = "postgresPassword";

  constructor(
    private readonly docker: DockerHost,
    private readonly container: string,
  ) {}

  async accepts(password: string): Promise<boolean> {
    const { code, stderr } = await this.execute(["sh", "-c", LOG_IN], password);
    if (code === 0) {
      return true;
    }
    if (/password authentication failed/.test(stderr)) {
      return false;
    }
    throw new UserError(`db: nobody can log in: ${lastLine(stderr) || `exit code ${code}`}`);
  }

  isSettled(password: string): Promise<boolean> {
    return this.accepts(password);
  }

  async admit(password: string): Promise<void> {
    const { code, stderr } = await this.execute(["/usr/local/bin/replace-password"], password);
    if (code !== 0) {
      throw new UserError(`db: ${lastLine(stderr).replace(/^postgres: /, "") || `exit code ${code}`}`);
    }
    if (!(await this.accepts(password))) {
      throw new UserError(
        "db: it does not let in with the password that it was just given: look at ./fitnesscrm logs db",
      );
    }
  }

  settle(password: string): Promise<void> {
    return this.admit(password);
  }

  private execute(command: readonly string[], password: string): Promise<RunResult> {
    return run("docker", ["exec", "--interactive", "--user", "postgres", this.container, ...command], {
      env: this.docker.environment,
      input: `${password}\n`,
      timeoutSeconds: LIMIT_SECONDS,
    });
  }
}
