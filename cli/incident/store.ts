import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type IncidentEvent, incidentEvent } from "../../ops/incidents/event";
import { messageOf, UserError } from "../errors";
import { runInOps } from "../ops";
import type { Session } from "../session";

/** Longer than ops waits for an S3 that is away. */
const ANSWER_SECONDS = 30;

export interface ReadEvents {
  events: IncidentEvent[];
  /** Why the bucket could not be read: the events are those of this machine alone then. */
  missing?: string;
}

/**
 * Events of incidents: in the backup bucket, by way of ops.
 *
 * An incident is often what makes ops, S3 or the engine unreachable. So an event is first written on this machine, and goes from there
 * once the bucket has it; what could not be sent goes with the next command.
 */
export class IncidentStore {
  private readonly outbox: string;

  constructor(
    private readonly session: Pick<Session, "docker" | "context">,
    private readonly ask: typeof runInOps = runInOps,
  ) {
    this.outbox = join(session.context.folder, "incidents");
  }

  /** @returns Why it is on this machine only so far; undefined when the bucket has it. */
  async add(event: IncidentEvent): Promise<string | undefined> {
    mkdirSync(this.outbox, { recursive: true, mode: 0o700 });
    const file = join(this.outbox, `${event.id}.json`);
    writeFileSync(`${file}.new`, JSON.stringify(event), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return this.send();
  }

  /** Sends what waits. @returns Why something still does. */
  async send(): Promise<string | undefined> {
    for (const event of this.waiting()) {
      try {
        await this.inOps(["put"], JSON.stringify(event));
      } catch (error) {
        return messageOf(error);
      }
      rmSync(join(this.outbox, `${event.id}.json`), { force: true });
    }
    return undefined;
  }

  /** @param incident Only this one's. */
  async read(incident?: string): Promise<ReadEvents> {
    const waiting = this.waiting().filter((event) => incident === undefined || event.incident === incident);
    try {
      const answer = await this.inOps(incident === undefined ? ["list"] : ["get", incident]);
      const parsed = z.array(incidentEvent).safeParse(answer);
      if (!parsed.success) {
        throw new UserError(
          `its answer is not what this checkout expects: run ./fitnesscrm up --stack ${this.session.context.stack}`,
        );
      }
      return { events: [...parsed.data, ...waiting] };
    } catch (error) {
      return { events: waiting, missing: messageOf(error) };
    }
  }

  private waiting(): IncidentEvent[] {
    if (!existsSync(this.outbox)) {
      return [];
    }
    return readdirSync(this.outbox)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => {
        const file = join(this.outbox, name);
        try {
          return incidentEvent.parse(JSON.parse(readFileSync(file, "utf8")));
        } catch {
          throw new UserError(`${file} is no event of an incident: move it away, and look at what it holds`);
        }
      });
  }

  private inOps(args: readonly string[], input?: string): Promise<unknown> {
    const { docker, context } = this.session;
    return this.ask(docker, context.stack, "ops", ["incidents", ...args], {
      timeoutSeconds: ANSWER_SECONDS,
      ...(input !== undefined && { input }),
    });
  }
}
