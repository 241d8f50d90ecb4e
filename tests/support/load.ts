import { Agent, request } from "node:http";

export interface LoadOptions {
  /** Where the stack answers. Only this machine: a load generator that can be pointed anywhere is a weapon. */
  url: string;
  /** Requests a second. Default 200. */
  rate?: number;
  seconds: number;
  /** What GETs ask for. Default `/api/version`, which costs the backend next to nothing. */
  path?: string;
  /** What POSTs ask for. Default `/api/logout`, which changes nothing. */
  postPath?: string;
  /** Used in turn. Default both. */
  methods?: readonly ("GET" | "POST")[];
  /** A request without an answer for this long has failed, milliseconds. */
  timeoutMs?: number;
  /** Told of every whole answer, for tests that look at which version gave it. */
  onAnswer?: (answer: { status: number; body: string }) => void;
}

export interface LoadResult {
  sent: number;
  ok: number;
  failed: number;
  /** The first of them: when, what was asked, what became of it. */
  failures: string[];
  /** Longest time without a success, from the first request to the end of the last. */
  longestGapMs: number;
  seconds: number;
  /** Answers by status. */
  statuses: Record<string, number>;
}

export interface Load {
  /** Sends nothing more, and waits for what is under way. */
  stop(): Promise<LoadResult>;
  /** When all was sent and answered. */
  done: Promise<LoadResult>;
}

const LIMITS = { rate: 1000, seconds: 900, failures: 50 } as const;
const TICK_MS = 5;

/**
 * Sends requests at a fixed rate, each on a connection of its own, whatever becomes of those before (an open loop): a server
 * that stalls does not slow down who asks, so its stall is counted in full. A failure is no whole answer in time, or a
 * status from 500 on.
 */
export function startLoad(options: LoadOptions): Load {
  const { rate = 200, seconds } = options;
  const port = portOf(options.url);
  if (!(rate > 0 && rate <= LIMITS.rate && seconds > 0 && seconds <= LIMITS.seconds)) {
    throw new Error(
      `load of ${rate} requests a second for ${seconds} s: at most ${LIMITS.rate} and ${LIMITS.seconds} s are allowed`,
    );
  }
  const { methods = ["GET", "POST"], path = "/api/version", postPath = "/api/logout" } = options;
  const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
  const total = Math.round(rate * seconds);
  const start = performance.now();
  const tally = new Tally(start);
  let isStopped = false;

  const send = (): Promise<void> => {
    const method = methods[tally.sent % methods.length] ?? "GET";
    const target = method === "GET" ? path : postPath;
    const since = performance.now();
    tally.sent += 1;
    return ask({ port, method, path: target, agent, timeoutMs: options.timeoutMs ?? 15_000 }).then(
      ({ status, body }) => {
        tally.answered(status, () => describe(since - start, method, target, `answered ${status}`));
        options.onAnswer?.({ status, body });
      },
      (error: Error) => tally.fail(describe(since - start, method, target, error.message)),
    );
  };

  const done = new Promise<LoadResult>((finished, broken) => {
    const pending: Promise<void>[] = [];
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * rate) + 1);
      while (!isStopped && tally.sent < due) {
        pending.push(send());
      }
      if (isStopped || tally.sent >= total) {
        clearInterval(timer);
        Promise.all(pending).then(() => finished(tally.result()), broken);
      }
    }, TICK_MS);
  });
  // Who only calls stop() waits for the same promise a moment later.
  done.catch(() => undefined);
  return {
    done,
    stop() {
      isStopped = true;
      return done;
    },
  };
}

/** What users get while `work` goes on: the load ends when it does, however it ends. */
export async function loadDuring<T>(
  options: Omit<LoadOptions, "seconds">,
  work: () => Promise<T>,
): Promise<LoadResult & { worked: T }> {
  const load = startLoad({ seconds: LIMITS.seconds, ...options });
  let worked: T;
  try {
    worked = await work();
  } finally {
    await load.stop();
  }
  return { ...(await load.done), worked };
}

class Tally {
  sent = 0;
  private ok = 0;
  private failed = 0;
  private longestGapMs = 0;
  private readonly failures: string[] = [];
  private readonly statuses: Record<string, number> = {};
  private lastSuccess: number;

  constructor(private readonly start: number) {
    this.lastSuccess = start;
  }

  answered(status: number, failure: () => string): void {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    if (status >= 500) {
      this.fail(failure());
      return;
    }
    this.ok += 1;
    this.closeGap();
    this.lastSuccess = performance.now();
  }

  fail(what: string): void {
    this.failed += 1;
    if (this.failures.length < LIMITS.failures) {
      this.failures.push(what);
    }
  }

  result(): LoadResult {
    this.closeGap();
    const { sent, ok, failed, failures, statuses } = this;
    const seconds = (performance.now() - this.start) / 1000;
    return { sent, ok, failed, failures, longestGapMs: Math.round(this.longestGapMs), seconds, statuses };
  }

  private closeGap(): void {
    this.longestGapMs = Math.max(this.longestGapMs, performance.now() - this.lastSuccess);
  }
}

function portOf(url: string): number {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "http:" || (hostname !== "127.0.0.1" && hostname !== "localhost")) {
    throw new Error(`load on ${url}: only http://127.0.0.1 is allowed`);
  }
  return port === "" ? 80 : Number(port);
}

function describe(afterMs: number, method: string, path: string, what: string): string {
  return `${(afterMs / 1000).toFixed(2)} s: ${method} ${path}: ${what}`;
}

interface Question {
  port: number;
  method: string;
  path: string;
  agent: Agent;
  timeoutMs: number;
}

function ask({ port, method, path, agent, timeoutMs }: Question): Promise<{ status: number; body: string }> {
  return new Promise((answered, failed) => {
    const body = method === "POST" ? "{}" : "";
    const asked = request(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        agent,
        headers: {
          ...(method === "POST" && { "content-type": "application/json", "content-length": body.length }),
        },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => answered({ status: response.statusCode ?? 0, body: text }));
        response.on("error", failed);
      },
    );
    asked.on("error", (error: NodeJS.ErrnoException) =>
      failed(error.name === "AbortError" ? new Error(`no answer within ${timeoutMs / 1000} s`) : error),
    );
    asked.end(body);
  });
}
