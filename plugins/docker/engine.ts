/** Requests to a Docker engine, over its socket or over SSH. */
import Docker from "dockerode";
import { EngineError } from "./errors";
import { SshAgent, sshArguments } from "./ssh";

export interface Auth {
  readonly serveraddress: string;
  readonly username?: string;
  readonly password?: string;
}

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: object;
  /** Credentials for pulling images; sent in a header of its own. */
  readonly auth?: Auth;
}

/** The part of dockerode's connection that is used; its types leave it out. */
interface Modem {
  dial(
    options: object,
    done: (error: (Error & { statusCode?: number; json?: unknown }) | null, data: unknown) => void,
  ): void;
}

/** For one answer. Whoever waits for a service asks again and again, and could not end while one question hangs. */
const LIMIT_MS = 120_000;

/** One Docker engine. Nothing is sent before the first request. */
export class Engine {
  private constructor(
    private readonly modem: Modem,
    /** Ends what the connection started. */
    readonly close: () => void,
    private readonly limitMs: number,
  ) {}

  /** Connects to `unix:///path` or `ssh://user@host[:port]`. */
  static connect(host: string, sshOpts: readonly string[], limitMs = LIMIT_MS): Engine {
    const url = new URL(host);
    if (url.protocol === "unix:") {
      const docker = new Docker({ socketPath: decodeURIComponent(url.pathname) });
      return new Engine(docker.modem as Modem, () => undefined, limitMs);
    }
    const agent = new SshAgent(sshArguments(url, sshOpts));
    // Host and port are never dialled: every connection of the agent leads to the one engine.
    const options = { agent, protocol: "http", host: url.hostname, port: 2375 } as const;
    return new Engine(new Docker(options).modem as Modem, () => agent.destroy(), limitMs);
  }

  get<T>(path: string, query: RequestOptions["query"] = {}): Promise<T> {
    return this.request<T>("GET", path, { query });
  }

  post<T>(path: string, body: object, options: Omit<RequestOptions, "body"> = {}): Promise<T> {
    return this.request<T>("POST", path, { ...options, body });
  }

  /** Succeeds when the object is gone already. */
  async remove(path: string, query: RequestOptions["query"] = {}): Promise<void> {
    try {
      await this.request("DELETE", path, { query });
    } catch (error) {
      if (!(error instanceof EngineError && error.status === 404)) throw error;
    }
  }

  /** What `path` names, or undefined when there is no such thing. */
  async find<T>(path: string, query: RequestOptions["query"] = {}): Promise<T | undefined> {
    try {
      return await this.get<T>(path, query);
    } catch (error) {
      if (error instanceof EngineError && error.status === 404) return undefined;
      throw error;
    }
  }

  private request<T>(method: string, path: string, options: RequestOptions): Promise<T> {
    // Without a query of its own the connection would put the whole body, environment included, into the address.
    const query = { ...options.query };
    const asks = Object.keys(query).length > 0;
    const dial = {
      method,
      path: asks ? `${path}?` : path,
      options: { _query: query, _body: options.body },
      authconfig: options.auth,
      statusCodes: { 200: true, 201: true, 204: true },
    };
    return new Promise<T>((resolve, reject) => {
      const late = `the Docker engine did not answer ${method} ${path} within ${this.limitMs / 1000} s`;
      const timer = setTimeout(() => reject(new EngineError(late, undefined)), this.limitMs);
      this.modem.dial(dial, (error, data) => {
        clearTimeout(timer);
        if (error) reject(EngineError.of(error));
        else resolve(data as T);
      });
    });
  }
}

/** What only looks. */
export type Reader = Pick<Engine, "get" | "find">;

/** A list of filters in the engine's notation. */
export const filters = (by: Readonly<Record<string, readonly string[]>>): { filters: string } => ({
  filters: JSON.stringify(by),
});
