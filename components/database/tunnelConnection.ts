/** One connection through the tunnel, from the moment somebody connects until both ends are closed. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Socket } from "node:net";
import { DockerError, lastLine, type Target } from "./tunnelTarget";

export interface Limits {
  /** How long a ready container is waited for, milliseconds. */
  readonly containerMilliseconds: number;
  /** How long a Docker host that does not answer is asked again, milliseconds. */
  readonly dockerMilliseconds: number;
  readonly retryMilliseconds: number;
}

export const LIMITS: Limits = {
  containerMilliseconds: 120_000,
  dockerMilliseconds: 20_000,
  retryMilliseconds: 500,
};

/** How long a Docker CLI whose client has gone may take to end by itself. */
const LINGER_MILLISECONDS = 2_000;

/** Lets so many connections be set up at once: an SSH server refuses more than a few new sessions at a time. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) {
      this.#free -= 1;
    } else {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#free += 1;
      } else {
        next();
      }
    }
  }
}

/**
 * A PostgreSQL error message (protocol 3, message type `E`) that ends the connection, so that the client can tell why
 * there is none. `08006` is SQL's "connection failure".
 */
export function errorResponse(message: string): Buffer {
  const fields = ["SFATAL", "VFATAL", "C08006", `M${message}`].map((field) => `${field}\0`).join("");
  const body = Buffer.from(`${fields}\0`, "utf8");
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Serves one client. Resolves when the connection is over; never rejects. */
export async function serveClient(
  client: Socket,
  target: Target,
  gate: Gate,
  limits: Limits = LIMITS,
): Promise<void> {
  const early = new EarlyBytes(client);
  client.on("error", () => client.destroy());
  try {
    const server = await gate.pass(() => reach(client, early, target, limits));
    if (server !== undefined) await join(client, server);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${new Date().toISOString()} ${message}\n`);
    client.end(errorResponse(message));
  } finally {
    early.stop();
  }
}

/** What the client sent before the server answered: said again to the next container when one goes away meanwhile. */
class EarlyBytes {
  readonly #chunks: Buffer[] = [];
  #receiver: ((chunk: Buffer) => void) | undefined;
  readonly #collect = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#receiver?.(chunk);
  };

  constructor(private readonly client: Socket) {
    client.on("data", this.#collect);
  }

  /** Passes on everything so far and everything to come. */
  passTo(receiver: (chunk: Buffer) => void): void {
    for (const chunk of this.#chunks) receiver(chunk);
    this.#receiver = receiver;
  }

  stop(): void {
    this.#receiver = undefined;
    this.client.off("data", this.#collect);
  }
}

/** A connection to the server that has answered with its first bytes. */
interface Answering {
  readonly process: ChildProcessWithoutNullStreams;
  readonly first: Buffer;
}

/** Tries until a server answers; undefined when the client leaves first. Throws, in one line, when the time is up. */
async function reach(
  client: Socket,
  early: EarlyBytes,
  target: Target,
  limits: Limits,
): Promise<Answering | undefined> {
  const start = Date.now();
  let dockerSince: number | undefined;
  let complaint = "";
  while (!client.destroyed) {
    try {
      const container = await target.find();
      dockerSince = undefined;
      if (container !== undefined) {
        const outcome = await attempt(client, early, target, container);
        if (typeof outcome !== "string") {
          early.stop();
          return outcome;
        }
        complaint = outcome;
        target.forget();
      }
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      dockerSince ??= Date.now();
      if (!error.mayPass || Date.now() - dockerSince > limits.dockerMilliseconds) {
        throw new Error(`the database tunnel finds no ${target.describe()}: ${error.message}`);
      }
    }
    if (Date.now() - start > limits.containerMilliseconds) {
      const seconds = Math.round(limits.containerMilliseconds / 1000);
      const detail = complaint === "" ? "" : ` (${complaint})`;
      throw new Error(
        `the database tunnel found no healthy ${target.describe()} within ${seconds} s${detail}: see why the service does not start`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, limits.retryMilliseconds));
  }
  return undefined;
}

/** One try with one container: the answering server, or why it did not answer. */
function attempt(
  client: Socket,
  early: EarlyBytes,
  target: Target,
  container: string,
): Promise<Answering | string> {
  const process = target.open(container);
  let stderr = "";
  return new Promise((resolve) => {
    const leave = (): void => void process.kill();
    const settle = (outcome: Answering | string): void => {
      client.off("close", leave);
      resolve(outcome);
    };
    client.once("close", leave);
    process.once("error", (error) => settle(error.message));
    process.stdin.on("error", () => undefined);
    process.stderr.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString("utf8")).slice(-2_000);
    });
    process.stdout.once("data", (first: Buffer) => {
      process.stdout.pause();
      settle({ process, first });
    });
    process.once("close", () => settle(lastLine(stderr) || "the connection was closed at once"));
    early.passTo((chunk) => process.stdin.write(chunk));
  });
}

/** Pipes both ways until both ends are closed. */
function join(client: Socket, { process, first }: Answering): Promise<void> {
  return new Promise((resolve) => {
    client.write(first);
    process.stdout.pipe(client);
    client.pipe(process.stdin);
    client.once("close", () => {
      process.stdin.end();
      // Killed at once, the Docker CLI could swallow the client's last message.
      setTimeout(() => process.kill(), LINGER_MILLISECONDS).unref();
    });
    process.once("close", () => {
      client.end();
      resolve();
    });
  });
}
