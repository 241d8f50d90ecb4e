import type { Reporter } from "../../toolchain/types";
import type { Health } from "../health";
import type { OpsOptions, OpsService } from "../ops";
import { DatabaseServer } from "./database";
import type { Engine } from "./engine";
import type { JournalStore } from "./journal";
import { UploadsVolume } from "./uploads";
import { Backend } from "./writes";

/** What a restore needs of the world. */
export interface RestoreWorld {
  stack: string;
  /** Name of the application's database. */
  live: string;
  engine: Engine;
  journal: JournalStore;
  /** Runs a command in the container of ops or of restore. */
  ops(service: OpsService, args: readonly string[], options?: OpsOptions): Promise<unknown>;
  /** The database's superuser's. */
  password(): Promise<string>;
  /** Waits until the stack is healthy, or says what is not. */
  health(detail: (text: string) => void): Promise<Health>;
  /** @throws UserError when there is nobody to ask. */
  ask(question: string): Promise<boolean>;
  reporter: Reporter;
  /** One line for whoever watches. */
  say(line: string): void;
  now(): Date;
  interruption: Interruption;
}

/** Ctrl-C and its like. While the application is stopped they wait until it runs again. */
export interface Interruption {
  /** From now on a signal is only remembered. */
  hold(): void;
  release(): void;
  /** Name of the signal that came while it was held. */
  readonly held: string | undefined;
}

export interface Tools extends RestoreWorld {
  server: DatabaseServer;
  uploads: UploadsVolume;
  backend: Backend;
}

export function toolsOf(world: RestoreWorld): Tools {
  return {
    ...world,
    server: new DatabaseServer(world.engine, world.stack),
    uploads: new UploadsVolume(world.engine, world.stack),
    backend: new Backend(world.engine, world.stack),
  };
}
