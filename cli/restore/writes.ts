import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import { type Engine, runChecked } from "./engine";

/** The backend answers its last requests before it stops, and has 60 s for it. */
const STOP_SECONDS = 150;
const POLL_MS = 300;

/** States of a task that is at work, or will be. */
const ALIVE = /^(New|Pending|Assigned|Accepted|Ready|Preparing|Starting|Running)\b/;

/** The service that writes to the database and to the uploads. */
export class Backend {
  constructor(
    private readonly engine: Engine,
    private readonly stack: string,
  ) {}

  get service(): string {
    return `fitnesscrm-${this.stack}-backend`;
  }

  /** Tasks that are wanted now. */
  async replicas(): Promise<number> {
    const stdout = await runChecked(this.engine, `service ${this.service}`, [
      "service",
      "inspect",
      "--format",
      "{{.Spec.Mode.Replicated.Replicas}}",
      this.service,
    ]);
    return Number(stdout.trim());
  }

  /** Stops every task and waits until the last one is gone. */
  async stop(): Promise<void> {
    await this.scale(0);
    const deadline = Date.now() + STOP_SECONDS * 1000;
    for (;;) {
      const stdout = await runChecked(this.engine, `tasks of ${this.service}`, [
        "service",
        "ps",
        "--format",
        "{{.CurrentState}}",
        this.service,
      ]);
      if (!stdout.split("\n").some((state) => ALIVE.test(state.trim()))) {
        return;
      }
      if (Date.now() > deadline) {
        throw new UserError(
          `service ${this.service} did not stop within ${STOP_SECONDS} s: see docker service ps ${this.service}`,
        );
      }
      await sleep(POLL_MS);
    }
  }

  /** Gives back as many tasks as there were. Somebody who has started it meanwhile is not overruled. */
  async start(replicas: number): Promise<void> {
    if (replicas > 0 && (await this.replicas()) === 0) {
      await this.scale(replicas);
    }
  }

  private async scale(replicas: number): Promise<void> {
    await runChecked(this.engine, `service ${this.service}`, [
      "service",
      "update",
      "--detach",
      "--quiet",
      "--replicas",
      String(replicas),
      this.service,
    ]);
  }
}
