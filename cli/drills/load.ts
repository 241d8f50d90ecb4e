import { Agent, get } from "node:http";

/** What users met while a drill went on. */
interface Seen {
  /** Answers by status. */
  readonly statuses: Map<number, number>;
  /** Requests without an answer. */
  unanswered: number;
  slowestMs: number;
}

/** A drill's requests: few, to this machine only, and for a limited time. */
const LIMITS = { rate: 50, seconds: 1800, answerSeconds: 10 } as const;
/** A route of the API that no application has: its backend answers, and nothing else happens. */
const PATH = "/api/fitnesscrm-drill";

/** Requests of users in a steady stream, whatever becomes of them. */
export class DrillLoad {
  readonly seen: Seen = { statuses: new Map(), unanswered: 0, slowestMs: 0 };
  private readonly agent = new Agent({ keepAlive: false, maxSockets: LIMITS.rate * LIMITS.answerSeconds });
  private readonly timer: NodeJS.Timeout;
  private readonly end: number;

  /**
   * @param port Port of the stack's edge on this machine.
   * @param rate Requests a second.
   */
  constructor(
    private readonly port: number,
    rate: number,
  ) {
    this.end = Date.now() + LIMITS.seconds * 1000;
    this.timer = setInterval(() => this.send(), 1000 / Math.min(rate, LIMITS.rate));
  }

  stop(): void {
    clearInterval(this.timer);
    this.agent.destroy();
  }

  describe(): string {
    const { statuses, unanswered, slowestMs } = this.seen;
    const counts = [...statuses].map(([status, count]) => `${count} answers of ${status}`);
    return [
      ...counts,
      `${unanswered} without an answer`,
      `the slowest after ${Math.round(slowestMs)} ms`,
    ].join(", ");
  }

  private send(): void {
    if (Date.now() > this.end) {
      this.stop();
      return;
    }
    const start = performance.now();
    const { statuses } = this.seen;
    get(
      {
        host: "127.0.0.1",
        port: this.port,
        path: PATH,
        agent: this.agent,
        signal: AbortSignal.timeout(LIMITS.answerSeconds * 1000),
      },
      (response) => {
        const status = response.statusCode ?? 0;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        this.seen.slowestMs = Math.max(this.seen.slowestMs, performance.now() - start);
        response.on("error", () => undefined);
        response.resume();
      },
    ).on("error", () => {
      this.seen.unanswered += 1;
    });
  }
}

/** Requests a second with which a period has twice as many as it needs to be judged. */
export function loadRate({
  minRequests,
  periodSeconds,
}: {
  minRequests: number;
  periodSeconds: number;
}): number {
  return Math.min(LIMITS.rate, Math.max(5, Math.ceil((2 * minRequests) / periodSeconds)));
}
