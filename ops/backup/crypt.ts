import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { PassThrough, type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { childController, start, together } from "./process";

/** What a file came to. */
export interface Sum {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

const CHUNK = 1024 * 1024;

/** A stream that counts and hashes what passes. `sum()` once it is through. */
export function summing(): { stream: Transform; sum(): Sum } {
  const hash = createHash("sha256");
  let bytes = 0;
  const stream = new Transform({
    readableHighWaterMark: CHUNK,
    writableHighWaterMark: CHUNK,
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      bytes += chunk.length;
      next(null, chunk);
    },
  });
  return { stream, sum: () => ({ bytes, sha256: hash.digest("hex") }) };
}

/** Makes what was written survive a power cut. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Encrypts a stream to age public keys into a new file, which is on the disk when this resolves. A source that fails leaves a
 * file that is cut: the caller gives it a name that nobody takes for a backup, and removes it.
 *
 * @param source A stream, or the standard output of a program started in this very tick: that one is handed to `age` itself.
 */
export async function encryptTo(
  recipients: readonly string[],
  source: Readable,
  file: string,
  signal?: AbortSignal,
): Promise<Sum> {
  return encrypt(recipients, { stream: source }, file, signal);
}

/** The same for a program's output, which goes from that program to `age` without passing through here. */
export async function encryptOutputTo(
  recipients: readonly string[],
  output: Readable,
  file: string,
  signal?: AbortSignal,
): Promise<Sum> {
  return encrypt(recipients, { output }, file, signal);
}

async function encrypt(
  recipients: readonly string[],
  from: { stream: Readable } | { output: Readable },
  file: string,
  signal?: AbortSignal,
): Promise<Sum> {
  const { controller, release } = childController(signal);
  try {
    const age = start("age", ["--encrypt", ...recipients.flatMap((each) => ["--recipient", each])], {
      signal: controller.signal,
      stdio: ["stream" in from ? "pipe" : from.output, "pipe", "pipe"],
    });
    const { stdin, stdout } = age.process;
    if (stdout === null) throw new Error("age has no output");
    const { stream, sum } = summing();
    const written = pipeline(
      stdout,
      stream,
      createWriteStream(file, { flags: "wx", mode: 0o600, highWaterMark: CHUNK }),
      {
        signal: controller.signal,
      },
    );
    const works: Promise<unknown>[] = [written, age.done];
    if ("stream" in from && stdin !== null) {
      works.push(pipeline(from.stream, stdin, { signal: controller.signal }));
    } else if ("output" in from) {
      // Our end of the pipe: held open, it would keep the program alive when age is gone.
      from.output.destroy();
    }
    await together(controller, works);
    await sync(file);
    return sum();
  } finally {
    release();
  }
}

/**
 * The plain content of an encrypted file. The stream fails, and never just ends, when the key is the wrong one or the file is
 * cut or damaged; what it gave until then was authentic.
 *
 * @param identityFile File with the private key, AGE-SECRET-KEY-1…
 */
export function decrypt(identityFile: string, file: string, signal?: AbortSignal): Readable {
  const { controller, release } = childController(signal);
  const age = start("age", ["--decrypt", "--identity", identityFile, file], { signal: controller.signal });
  const plain = new PassThrough({ highWaterMark: CHUNK });
  const { stdout } = age.process;
  // A reader that leaves early ends age.
  plain.once("close", () => {
    controller.abort(new Error("nobody reads the decrypted file any more"));
    release();
  });
  stdout?.on("error", (error) => plain.destroy(error));
  stdout?.pipe(plain, { end: false });
  age.done.then(
    () => plain.end(),
    (error: unknown) => plain.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return plain;
}
