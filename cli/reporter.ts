import type { Reporter, Step } from "../toolchain/types";

export type { Reporter, Step } from "../toolchain/types";

/** Where the reporter writes, and how it tells the time. */
export interface ReporterOptions {
  readonly stream: Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns">;
  /** Milliseconds; only differences count. */
  readonly now?: () => number;
  /** Milliseconds between two lines about a step that still runs, where nothing can be redrawn. */
  readonly interval?: number;
}

const REDRAW_MILLISECONDS = 200;

interface Running {
  readonly name: string;
  readonly start: number;
  detail: string;
  reported: number;
}

/**
 * Shows steps with their elapsed time. A terminal gets one line that is drawn again and again; anything else gets a
 * line at the start of a step, one every 20 s, and one at its end.
 */
export function createReporter(options: ReporterOptions): Reporter {
  const { stream, now = () => performance.now(), interval = 20_000 } = options;
  const live = stream.isTTY === true;
  const running = new Set<Running>();
  let timer: NodeJS.Timeout | undefined;

  const seconds = (step: Running) => {
    const elapsed = (now() - step.start) / 1000;
    return `${elapsed.toFixed(elapsed < 10 ? 1 : 0)} s`;
  };
  const line = (text: string) => stream.write(`${live ? "\r\u001b[K" : ""}${text}\n`);

  function draw(): void {
    const [first, ...others] = running;
    if (first === undefined) return;
    const more = others.length === 0 ? "" : ` (and ${others.map(({ name }) => name).join(", ")})`;
    const text = `… ${first.name} ${seconds(first)}${first.detail === "" ? "" : `: ${first.detail}`}${more}`;
    stream.write(`\r\u001b[K${text.slice(0, (stream.columns ?? 80) - 1)}`);
  }

  function tick(): void {
    if (live) {
      draw();
      return;
    }
    for (const step of running) {
      if (now() - step.reported < interval) continue;
      step.reported = now();
      line(`… ${step.name}: ${seconds(step)}${step.detail === "" ? "" : `, ${step.detail}`}`);
    }
  }

  function end(step: Running, text: string): void {
    if (!running.delete(step)) throw new Error(`the step ${step.name} has ended already`);
    line(text);
    if (running.size === 0) {
      clearInterval(timer);
      timer = undefined;
    } else if (live) draw();
  }

  return {
    step(name: string): Step {
      const step: Running = { name, start: now(), detail: "", reported: now() };
      running.add(step);
      if (live) draw();
      else line(`… ${name}`);
      // A step whose owner forgot it must not keep the process alive.
      timer ??= setInterval(tick, live ? REDRAW_MILLISECONDS : Math.min(interval, 1000)).unref();
      return {
        detail(text) {
          step.detail = text;
        },
        done(text) {
          end(step, `✓ ${name} in ${seconds(step)}${text === undefined ? "" : `: ${text}`}`);
        },
        fail(reason) {
          end(step, `✗ ${name} after ${seconds(step)}: ${reason}`);
        },
      };
    },
  };
}
