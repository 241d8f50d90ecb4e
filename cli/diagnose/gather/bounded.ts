import { DockerHost } from "../../docker";
import type { RunResult } from "../../exec";

/** Over SSH every command is a connection of its own, and a server begins to refuse them at ten that are not logged in yet. */
const AT_ONCE = 4;

/** A Docker host that is asked no more than a few things at a time, however many are wanted. */
export class BoundedDockerHost extends DockerHost {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  override run(args: readonly string[], timeoutSeconds?: number): Promise<RunResult> {
    return this.inTurn(() => super.run(args, timeoutSeconds));
  }

  override runChecked(what: string, args: readonly string[], timeoutSeconds?: number): Promise<string> {
    return this.inTurn(() => super.runChecked(what, args, timeoutSeconds));
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= AT_ONCE) {
      // Whoever ends hands the place on.
      await new Promise<void>((go) => this.waiting.push(go));
    } else {
      this.running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) {
        this.running -= 1;
      } else {
        next();
      }
    }
  }
}
