/** What a person did or met, in one line: the thing, what was wrong, what to do. Shown without a stack trace. */
export class UserError extends Error {
  /** @param exitCode 1 for what failed, 2 for what was asked for wrongly. */
  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 1,
  ) {
    super(message);
    this.name = "UserError";
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
