/**
 * What the ops container knows about the stack's health: the last result of every check, and how old it is.
 */

/** Resolves when the component works, with a detail worth showing or nothing; rejects with the reason when it does not. */
export type Check = () => Promise<string | undefined>;

/** One line of the report. The launcher's `health --json` prints the same three first fields (M5). */
export interface ComponentHealth {
  readonly name: string;
  readonly healthy: boolean;
  /** Why it is unhealthy, or what was found when it is healthy. One line. */
  readonly reason: string;
  /** ISO 8601, absent until the first check is through. */
  readonly checkedAt?: string;
  readonly durationMs?: number;
}

export interface HealthReport {
  readonly healthy: boolean;
  readonly components: readonly ComponentHealth[];
}

export interface HealthMonitorOptions {
  readonly checks: Readonly<Record<string, Check>>;
  readonly intervalMs: number;
  /** A check that takes longer counts as failed. Below `intervalMs`. */
  readonly timeoutMs: number;
  /** Milliseconds since the epoch, by the machine's clock. */
  readonly now?: () => number;
  /** Milliseconds since anything, by a clock that nobody sets: otherwise a clock that was would end this container. */
  readonly elapsed?: () => number;
}

/** An error's text in one line, with the addresses of an AggregateError (a name with several addresses) in it. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(reasonOf))].join("; ");
  }
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, " ").trim();
}

/** @throws Error when `work` takes longer; what it comes to then is nobody's business. */
export async function limited<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs all checks side by side every `intervalMs` and keeps their last results. */
export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  readonly #now: () => number;
  readonly #elapsed: () => number;
  readonly #results = new Map<string, ComponentHealth>();
  readonly #startedAt: number;
  #lastRoundAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#elapsed = options.elapsed ?? (() => performance.now());
    this.#startedAt = this.#elapsed();
  }

  /** One round of all checks. Never rejects. */
  async round(): Promise<void> {
    const { checks, timeoutMs } = this.#options;
    await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const startedAt = this.#elapsed();
        let healthy = true;
        let reason: string;
        try {
          reason = (await limited(Promise.resolve().then(check), timeoutMs)) ?? "ok";
        } catch (error) {
          healthy = false;
          reason = reasonOf(error);
        }
        this.#results.set(name, {
          name,
          healthy,
          reason,
          checkedAt: new Date(this.#now()).toISOString(),
          durationMs: Math.round(this.#elapsed() - startedAt),
        });
      }),
    );
    this.#lastRoundAt = this.#elapsed();
  }

  /** Starts the rounds; the next one begins `intervalMs` after the last one ended. */
  start(): void {
    void this.round().then(() => {
      if (!this.#stopped) {
        this.#timer = setTimeout(() => this.start(), this.#options.intervalMs);
      }
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  report(): HealthReport {
    const components = Object.keys(this.#options.checks).map(
      (name) => this.#results.get(name) ?? { name, healthy: false, reason: "not checked yet" },
    );
    return { healthy: components.every((component) => component.healthy), components };
  }

  /** Whether this process still does its work, whatever it finds out about the others. */
  alive(): boolean {
    const { intervalMs, timeoutMs } = this.#options;
    return this.#elapsed() - (this.#lastRoundAt ?? this.#startedAt) <= 3 * (intervalMs + timeoutMs);
  }
}
