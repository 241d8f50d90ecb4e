/** Whether the edge does its part: it serves challenges, and the certificate that is on the volume. */
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "node:tls";

const POLL_MS = 1_000;
const ANSWER_MS = 5_000;
/** nginx may still be starting. */
const CHALLENGE_SECONDS = 120;
/** It looks for another certificate every two seconds. */
const SERVED_SECONDS = 60;

export interface EdgePlace {
  /** Name in the stack's network. */
  readonly host: string;
  readonly port: number;
  readonly tlsPort: number;
}

/**
 * Waits until the edge serves what lies in the webroot. An authority that is asked in vain counts that, and gives nothing to who does it
 * too often.
 *
 * @throws Error of one line when it does not in time.
 */
export async function requireChallenges(
  { host, port }: Pick<EdgePlace, "host" | "port">,
  webroot: string,
  signal: AbortSignal,
  seconds = CHALLENGE_SECONDS,
): Promise<void> {
  const token = `fitnesscrm-${randomBytes(12).toString("hex")}`;
  const folder = join(webroot, ".well-known", "acme-challenge");
  await mkdir(folder, { recursive: true });
  const file = join(folder, token);
  await writeFile(file, token, { mode: 0o644 });
  const url = `http://${host}:${port}/.well-known/acme-challenge/${token}`;
  try {
    await eventually(signal, seconds, `the edge does not serve challenges at ${host}:${port}`, async () => {
      const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) });
      const body = await answer.text();
      return answer.status === 200 && body === token ? undefined : `it answered ${answer.status}`;
    });
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * Waits until the edge serves a certificate.
 *
 * @param fingerprint Its SHA-256, as node writes it.
 * @throws Error of one line when it does not in time.
 */
export async function requireServed(
  place: Pick<EdgePlace, "host" | "tlsPort">,
  name: string,
  fingerprint: string,
  signal: AbortSignal,
  seconds = SERVED_SECONDS,
): Promise<void> {
  const what = `the edge does not serve the certificate of ${name} that is on the volume, see ./fitnesscrm logs nginx`;
  await eventually(signal, seconds, what, async () =>
    (await servedFingerprint(place, name)) === fingerprint ? undefined : "it serves another one",
  );
}

function servedFingerprint(
  { host, tlsPort }: Pick<EdgePlace, "host" | "tlsPort">,
  name: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // Which one it is matters here, not who vouches for it.
    const socket = connect({ host, port: tlsPort, servername: name, rejectUnauthorized: false }, () => {
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      resolve(fingerprint256);
    });
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    socket.on("error", reject);
  });
}

/** Asks until `probe` has no complaint. */
async function eventually(
  signal: AbortSignal,
  seconds: number,
  what: string,
  probe: () => Promise<string | undefined>,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    signal.throwIfAborted();
    const complaint = await probe().catch((error: unknown) => reasonOf(error));
    if (complaint === undefined) {
      return;
    }
    if (Date.now() >= end) {
      throw new Error(`${what}: ${complaint}`);
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

/** `fetch` hides what happened in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
