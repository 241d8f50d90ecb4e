/** What the first certificate of a stack needs of its container. */
export interface FirstCertificateParts {
  /** Why one is wanted; undefined while there is one. */
  wanted(): Promise<string | undefined>;
  /** Runs the task; its result as in the records. */
  make(): Promise<{ readonly result: string }>;
  /** Resolves with false when the container stops meanwhile. */
  wait(milliseconds: number): Promise<boolean>;
  log(line: string): void;
}

/** Let's Encrypt gives an account nothing for an hour after five failures of a name. */
const RETRY_MS = 15 * 60_000;
const ATTEMPTS = 8;

/** Gets the certificate of a new stack, or of a new name, at once: until there is one, browsers refuse the page. */
export async function firstCertificate({ wanted, make, wait, log }: FirstCertificateParts): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      if ((await wanted()) === undefined || (await make()).result === "ok") {
        return;
      }
    } catch (error) {
      log(`the certificate: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (attempt < ATTEMPTS && !(await wait(RETRY_MS))) {
      return;
    }
  }
  log("no certificate was got within two hours: the calendar's next run tries again");
}
