/** What the first backup of a stack needs of its container. */
export interface FirstBackupParts {
  /** Whether any backup was read back from S3. */
  anyVerified(): Promise<boolean>;
  /** Makes one; its result as in the records. */
  make(): Promise<{ readonly result: string }>;
  /** Resolves with false when the container stops meanwhile. */
  wait(milliseconds: number): Promise<boolean>;
  log(line: string): void;
}

const RETRY_MS = 5 * 60_000;
const ATTEMPTS = 12;

/**
 * Makes the first backup of a stack at once: until the calendar's next one there would be nothing to go back to. Tried for an hour,
 * since new credentials of AWS are not known everywhere in the first minute.
 */
export async function firstBackup({ anyVerified, make, wait, log }: FirstBackupParts): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      if ((await anyVerified()) || (await make()).result === "ok") {
        return;
      }
    } catch (error) {
      log(`the first backup: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (attempt < ATTEMPTS && !(await wait(RETRY_MS))) {
      return;
    }
  }
  log("the first backup was not made within an hour: the calendar's next one is the first");
}
