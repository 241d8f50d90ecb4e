/** Shows what a long job is doing. `cli/reporter.ts` draws it; a test records it. */
export interface Reporter {
  step(name: string): Step;
}

/** One long job. Exactly one of `done` and `fail` ends it. */
export interface Step {
  /** What the job is busy with, one short line. */
  detail(text: string): void;
  done(text?: string): void;
  fail(reason: string): void;
}

/** Ways that share one of these run one after the other: builds fill every core, package managers hold a lock. */
export type Exclusive = "build" | "packages";

/** One way to get a tool. */
export interface Way {
  /** E.g. `official download`. */
  readonly name: string;
  /** The way runs something as root, or through a sudo that asks no password. */
  readonly root?: boolean;
  /** Got before the way is tried. */
  readonly needs?: readonly Tool[];
  readonly exclusive?: Exclusive;
  /** Why the way cannot be tried on this machine; undefined when it can. Decides within seconds. */
  obstacle?(): Promise<string | undefined>;
  /** Puts the tool in place. Throws an error whose message is one line. */
  get(step: Step): Promise<void>;
}

/** Something this machine must have. */
export interface Tool {
  /** E.g. `Pulumi CLI`; unique. */
  readonly name: string;
  /** What it is for, after "needed to": `run the program`. */
  readonly why: string;
  /** What a person does when no way works; an imperative without a full stop. */
  readonly remedy: string;
  /** Got before this tool is looked at. */
  readonly needs?: readonly Tool[];
  /**
   * What is there, e.g. `v3.259.0 at /usr/bin/pulumi`; undefined when the tool must be got.
   * Throws a {@link Refusal} when the tool is in a state that only a person should change.
   */
  present(): Promise<string | undefined>;
  /** In the order of preference. */
  readonly ways: readonly Way[];
}

/** How a tool was provided. */
export interface Provided {
  readonly tool: string;
  /** What {@link Tool.present} says now. */
  readonly what: string;
  /** The way's name, or `already there`. */
  readonly way: string;
  /** Time the way took, waiting for others included; 0 when it was there. */
  readonly seconds: number;
}

export const ALREADY_THERE = "already there";

/** A state that the toolchain does not change by itself. The message says what is wrong. */
export class Refusal extends Error {
  constructor(
    message: string,
    /** What a person does about it; an imperative without a full stop. */
    readonly remedy: string,
  ) {
    super(message);
    this.name = "Refusal";
  }
}

/** A way that was tried or ruled out. */
export interface Attempt {
  readonly way: string;
  readonly reason: string;
}

/** A tool that could not be provided: what was tried and what to do. */
export class ToolUnavailable extends Error {
  constructor(
    readonly tool: string,
    readonly why: string,
    readonly attempts: readonly Attempt[],
    readonly remedy: string,
  ) {
    const tried = attempts.map(({ way, reason }) => `\n  - ${way}: ${reason}`).join("");
    super(`${tool} is needed to ${why}, and no way to get it works:${tried}\n  What to do: ${remedy}.`);
    this.name = "ToolUnavailable";
  }
}

/** Every tool of one run that could not be provided; the message holds all of theirs. */
export class ToolchainError extends Error {
  constructor(readonly failures: readonly Error[]) {
    super(failures.map((failure) => failure.message).join("\n"));
    this.name = "ToolchainError";
  }
}

/** An error's message, or the text of whatever else was thrown, on one line. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().replace(/\s*\n\s*/g, " ");
}
