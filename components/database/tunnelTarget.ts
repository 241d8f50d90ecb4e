/** The far end of the tunnel: the database's container, found by its labels and entered by `docker exec`. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import type { Destination } from "./tunnelControl";

const SERVICE = "db";
const SOCKET = "/var/run/postgresql/.s.PGSQL.5432";
const LOOKUP_MILLISECONDS = 30_000;

/** Docker itself did not answer: not there, no access, no connection. */
export class DockerError extends Error {
  constructor(
    message: string,
    /** False when trying again cannot help, e.g. because there is no Docker CLI. */
    readonly mayPass: boolean,
  ) {
    super(message);
  }
}

/** One container of the list that `docker ps` gives, its status in words: `Up 2 minutes (healthy)`. */
export interface Listed {
  readonly id: string;
  readonly status: string;
}

/** The first container that is ready for connections: healthy, or running where no health check is set. */
export function ready(containers: readonly Listed[]): string | undefined {
  const fit = containers.find(({ status }) => {
    const health = /\(([^)]*)\)\s*$/.exec(status)?.[1];
    return status.startsWith("Up ") && (health === undefined || health === "healthy");
  });
  return fit?.id;
}

export class Target {
  #known: string | undefined;

  constructor(readonly destination: Destination) {}

  /** Id of the ready container, or undefined when there is none now. Throws {@link DockerError}. */
  async find(): Promise<string | undefined> {
    if (this.#known === undefined) {
      this.#known = ready(await this.#list());
    }
    return this.#known;
  }

  /** To be called when a container that {@link find} gave turned out not to take connections. */
  forget(): void {
    this.#known = undefined;
  }

  /** A process whose stdin and stdout are a connection to the server in that container. */
  open(container: string): ChildProcessWithoutNullStreams {
    const args = ["exec", "-i", container, "socat", "-", `UNIX-CONNECT:${SOCKET}`];
    return spawn("docker", args, { env: this.#environment(), stdio: ["pipe", "pipe", "pipe"] });
  }

  /** What was looked for, for messages. */
  describe(): string {
    const { stack, dockerHost } = this.destination;
    const where = dockerHost === "" ? "this machine" : dockerHost;
    return `container of stack "${stack}", service "${SERVICE}" on ${where}`;
  }

  #environment(): NodeJS.ProcessEnv {
    const { dockerHost } = this.destination;
    return dockerHost === "" ? process.env : { ...process.env, DOCKER_HOST: dockerHost };
  }

  #list(): Promise<Listed[]> {
    const args = [
      "ps",
      "--no-trunc",
      "--filter",
      `label=fitnesscrm.stack=${this.destination.stack}`,
      "--filter",
      `label=fitnesscrm.service=${SERVICE}`,
      "--filter",
      "status=running",
      "--format",
      "{{.ID}}\t{{.Status}}",
    ];
    return new Promise((resolve, reject) => {
      execFile(
        "docker",
        args,
        { env: this.#environment(), timeout: LOOKUP_MILLISECONDS },
        (error, stdout, stderr) => {
          if (error === null) {
            resolve(stdout.split("\n").filter(Boolean).map(listed));
          } else if ((error as { code?: unknown }).code === "ENOENT") {
            reject(new DockerError("the docker command is not installed or not in PATH", false));
          } else {
            reject(new DockerError(lastLine(stderr) || error.message, true));
          }
        },
      );
    });
  }
}

function listed(line: string): Listed {
  const [id = "", status = ""] = line.split("\t");
  return { id, status };
}

/** The last line with anything in it, which is where the Docker CLI and ssh say what went wrong. */
export function lastLine(text: string): string {
  return text.trim().split("\n").pop()?.trim() ?? "";
}
