import type { Host } from "./host";
import {
  ALREADY_THERE,
  type Attempt,
  type Exclusive,
  type Provided,
  Refusal,
  type Reporter,
  reasonOf,
  type Step,
  type Tool,
  ToolchainError,
  ToolUnavailable,
  type Way,
} from "./types";

/** Lets another process that prepares the same home finish first. Resolves to what gives the turn back. */
export type TakeTurn = (tool: string, waiting: (text: string) => void) => Promise<() => Promise<void>>;

const NO_TURNS: TakeTurn = async () => async () => {};

/** Only the failure of a tool that another one needs; its own message is reported by itself. */
class NeedMissing extends Error {}

/**
 * Provides tools by the first way that works. One instance serves one run: a tool that several others need is got
 * once, and independent tools are got side by side.
 */
export class Resolver {
  private readonly started = new Map<Tool, Promise<Provided>>();
  private readonly queues = new Map<Exclusive, Promise<void>>();

  constructor(
    private readonly host: Pick<Host, "asRoot">,
    private readonly reporter: Reporter,
    private readonly takeTurn: TakeTurn = NO_TURNS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Provides every tool and what those need, in the order in which they were settled on.
   * Waits for all of them before it throws a {@link ToolchainError} that names each one missing.
   */
  async provide(tools: readonly Tool[]): Promise<Provided[]> {
    await Promise.allSettled(tools.map((tool) => this.one(tool)));
    const settled = await Promise.allSettled(this.started.values());
    const failures = settled
      .filter((result) => result.status === "rejected")
      .map((result) => result.reason as Error)
      .filter((error) => !(error instanceof NeedMissing));
    if (failures.length > 0) throw new ToolchainError(failures);
    return settled.filter((result) => result.status === "fulfilled").map((result) => result.value);
  }

  private one(tool: Tool): Promise<Provided> {
    const running = this.started.get(tool);
    if (running !== undefined) return running;
    const fresh = this.settle(tool);
    this.started.set(tool, fresh);
    return fresh;
  }

  private async settle(tool: Tool): Promise<Provided> {
    await this.needs(tool.needs ?? []);
    const what = await present(tool);
    if (what !== undefined) return { tool: tool.name, what, way: ALREADY_THERE, seconds: 0 };

    const start = this.now();
    const step = this.reporter.step(tool.name);
    try {
      const turn = await this.takeTurn(tool.name, (text) => step.detail(text));
      try {
        const { what: got, way } = await this.byFirstWay(tool, step);
        const seconds = (this.now() - start) / 1000;
        step.done(way === ALREADY_THERE ? got : `${got}, by ${way}`);
        return { tool: tool.name, what: got, way, seconds };
      } finally {
        await turn();
      }
    } catch (error) {
      step.fail(error instanceof ToolUnavailable ? "no way works" : reasonOf(error));
      throw error;
    }
  }

  private async byFirstWay(tool: Tool, step: Step): Promise<{ what: string; way: string }> {
    // Another process may have put it in place while this one waited for its turn.
    const meanwhile = await present(tool);
    if (meanwhile !== undefined) return { what: meanwhile, way: ALREADY_THERE };

    const attempts: Attempt[] = [];
    for (const way of tool.ways) {
      const reason = await this.attempt(tool, way, step);
      if (reason === undefined) {
        const what = await present(tool);
        if (what !== undefined) return { what, way: way.name };
      }
      attempts.push({
        way: way.name,
        reason: reason ?? "it ended without an error, but nothing usable is there",
      });
    }
    throw new ToolUnavailable(tool.name, tool.why, attempts, tool.remedy);
  }

  /** Why the way did not work, or undefined. */
  private async attempt(tool: Tool, way: Way, step: Step): Promise<string | undefined> {
    try {
      const obstacle = await way.obstacle?.();
      if (obstacle !== undefined) return obstacle;
      if (way.root && (await this.host.asRoot()) === undefined) {
        return "needs root: you are not root and sudo asks for a password or is missing";
      }
      await this.needs(way.needs ?? []);
      await this.inTurn(way, step, async () => {
        step.detail(way.name);
        await way.get(step);
      });
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) throw refused(tool, error);
      return reasonOf(error);
    }
  }

  private async needs(tools: readonly Tool[]): Promise<void> {
    const results = await Promise.allSettled(tools.map((tool) => this.one(tool)));
    const missing = tools.filter((_, index) => results[index]?.status === "rejected");
    if (missing.length > 0) {
      throw new NeedMissing(
        `needs ${missing.map((tool) => tool.name).join(" and ")}, which could not be got`,
      );
    }
  }

  private async inTurn(way: Way, step: Step, work: () => Promise<void>): Promise<void> {
    if (way.exclusive === undefined) return work();
    const before = this.queues.get(way.exclusive);
    const mine = (before ?? Promise.resolve()).then(work);
    if (before !== undefined) step.detail("waiting for its turn");
    this.queues.set(
      way.exclusive,
      mine.catch(() => {}),
    );
    return mine;
  }
}

async function present(tool: Tool): Promise<string | undefined> {
  try {
    return await tool.present();
  } catch (error) {
    if (error instanceof Refusal) throw refused(tool, error);
    throw new Error(`${tool.name}: ${reasonOf(error)}`, { cause: error });
  }
}

function refused(tool: Tool, refusal: Refusal): Error {
  return new Error(`${tool.name}: ${refusal.message}. What to do: ${refusal.remedy}.`, { cause: refusal });
}
