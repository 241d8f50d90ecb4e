import type { DockerHost } from "../docker";
import { UserError } from "../errors";
import { lastLine, type RunResult, run } from "../exec";
import { type CacheSample, parseInfo, summarizeKeys } from "./facts";

const LIMIT_SECONDS = 60;
/** Keys that one step of a SCAN looks at, about. */
const SCAN_COUNT = 500;
/** The cursor with which a SCAN begins and ends. */
const START = '"0"';

/**
 * The stack's Redis, by its own client in its container: commands go in by standard input, the password by the client's environment
 * from a file, so that neither stands in a process list. It logs in as the container does, with a password of the container's last start.
 */
export class Redis {
  private constructor(
    private readonly docker: DockerHost,
    private readonly container: string,
  ) {}

  /** @throws UserError when it does not run. */
  static async open(docker: DockerHost, stack: string): Promise<Redis> {
    const filters = [`label=fitnesscrm.stack=${stack}`, "label=fitnesscrm.service=redis", "status=running"];
    const ids = await docker.runChecked("containers of redis", [
      ...["container", "ls", "--quiet", "--no-trunc"],
      ...filters.flatMap((filter) => ["--filter", filter]),
    ]);
    const newest = ids.split("\n")[0]?.trim();
    if (!newest) {
      // Names the services that there are where this one was never deployed.
      await docker.service(stack, "redis");
      throw new UserError(
        `service redis of stack ${stack} does not run: ./fitnesscrm diagnose redis --stack ${stack} says why`,
      );
    }
    return Redis.in(docker, newest);
  }

  /** The server in this container. */
  static in(docker: DockerHost, container: string): Redis {
    return new Redis(docker, container);
  }

  async info(): Promise<Map<string, string>> {
    const { code, stdout, stderr } = await this.client(["INFO"], "");
    if (code !== 0 || !stdout.includes("redis_version:")) {
      throw new UserError(`redis: ${lastLine(stderr) || lastLine(stdout) || `exit code ${code}`}`);
    }
    return parseInfo(stdout);
  }

  /** Looks at keys by SCAN, which never holds the server up, and at about `most` of them. */
  async sample(most: number): Promise<CacheSample> {
    const found: { key: string; ttl: number }[] = [];
    let cursor = START;
    do {
      const { next, keys } = await this.scan(cursor);
      const ttls = keys.length === 0 ? [] : await this.calls(keys.map((key) => `TTL ${key}`));
      found.push(...keys.map((key, index) => ({ key, ttl: Number(ttls[index]) })));
      cursor = next;
    } while (cursor !== START && found.length < most);
    return summarizeKeys(found, cursor === START);
  }

  /**
   * Deletes the keys of a pattern in batches; their memory is freed beside the server's work. A key that is written meanwhile may stay.
   *
   * @param onBatch Told how many are gone so far.
   * @returns How many were deleted.
   */
  async clear(pattern: string, onBatch: (deleted: number) => void): Promise<number> {
    let deleted = 0;
    let cursor = START;
    do {
      const { next, keys } = await this.scan(cursor, pattern);
      if (keys.length > 0) {
        const [answer] = await this.calls([`UNLINK ${keys.join(" ")}`]);
        deleted += Number(answer);
        onBatch(deleted);
      }
      cursor = next;
    } while (cursor !== START);
    return deleted;
  }

  /** Deletes everything. */
  async flush(): Promise<void> {
    await this.calls(["FLUSHALL ASYNC"]);
  }

  /** Whether clients log in with this password. @throws UserError when the server does not answer. */
  async accepts(password: string): Promise<boolean> {
    const { code, stdout, stderr } = await this.shell(
      "IFS= read -r REDISCLI_AUTH && export REDISCLI_AUTH && exec redis-cli --no-auth-warning -h 127.0.0.1 PING",
      `${password}\n`,
    );
    const answer = stdout.trim();
    if (answer === "PONG" || /\b(NOAUTH|WRONGPASS)\b/.test(answer)) {
      return answer === "PONG";
    }
    throw new UserError(`redis: ${lastLine(stderr) || lastLine(answer) || `exit code ${code}`}`);
  }

  /** Who is connected, a line each, as `CLIENT LIST` says it. */
  async clients(): Promise<string> {
    const { code, stdout, stderr } = await this.client(["CLIENT", "LIST"], "");
    if (code !== 0) {
      throw new UserError(`redis: ${lastLine(stderr) || `exit code ${code}`}`);
    }
    return stdout;
  }

  private async scan(cursor: string, pattern?: string): Promise<{ next: string; keys: string[] }> {
    const match = pattern === undefined ? "" : ` MATCH ${quote(pattern)}`;
    const [answer = ""] = await this.calls([`SCAN ${cursor}${match} COUNT ${SCAN_COUNT}`]);
    const [next = START, ...keys] = tokens(answer);
    return { next, keys };
  }

  /**
   * @param commands A line each, words quoted by {@link quote} where they are not plain.
   * @returns One line of answer a command.
   * @throws UserError with the server's own reason.
   */
  async calls(commands: readonly string[]): Promise<string[]> {
    const { code, stdout, stderr } = await this.client(["--quoted-json"], `${commands.join("\n")}\n`);
    const lines = stdout.split("\n").filter((line) => line.trim() !== "");
    const wrong = lines.find((line) => line.startsWith("error:"));
    if (code !== 0 || wrong !== undefined || lines.length !== commands.length) {
      throw new UserError(
        `redis: ${wrong?.slice("error:".length) || lastLine(stderr) || `exit code ${code}`}`,
      );
    }
    return lines;
  }

  private client(words: readonly string[], input: string): Promise<RunResult> {
    return this.shell(
      `REDISCLI_AUTH=$(cat /run/redis/own_password) && export REDISCLI_AUTH && exec redis-cli --no-auth-warning --user container -h 127.0.0.1 ${words.join(" ")}`,
      input,
    );
  }

  private shell(script: string, input: string): Promise<RunResult> {
    return run("docker", ["exec", "--interactive", this.container, "sh", "-c", script], {
      env: this.docker.environment,
      input,
      timeoutSeconds: LIMIT_SECONDS,
    });
  }
}

/** A word as redis-cli reads it from its input: every byte that is not plain is written as its number. */
export function quote(word: string): string {
  const bytes = [...Buffer.from(word, "utf8")].map((byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, "0")}`,
  );
  return `"${bytes.join("")}"`;
}

/**
 * The strings in one line of an answer, quoted as redis-cli reads them again: keys are bytes, and stay what they are that way.
 *
 * It calls its form JSON, but escapes a quotation mark twice, which a parser of JSON takes for the string's end. Its backslashes halved,
 * the line has the strings as its own input has them.
 */
export function tokens(line: string): string[] {
  return line.replaceAll("\\\\", "\\").match(/"(?:\\.|[^"\\])*"/g) ?? [];
}
