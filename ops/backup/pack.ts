import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { encryptOutputTo, type Sum } from "./crypt";
import { childController, start, together } from "./process";

/**
 * Compresses (zstd) and encrypts (age) lines into a new file, as they come: no more of them is in memory than a few.
 *
 * @throws Error of one line; the file that is left then is cut, and for the caller to remove.
 */
export async function packLines(
  lines: Readable,
  recipients: readonly string[],
  file: string,
  signal: AbortSignal,
): Promise<Sum> {
  const { controller, release } = childController(signal);
  try {
    const zstd = start("zstd", ["--quiet", "-3", "--stdout"], {
      signal: controller.signal,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const { stdin, stdout } = zstd.process;
    if (stdin === null || stdout === null) throw new Error("zstd has no pipes");
    const encrypted = encryptOutputTo(recipients, stdout, file, controller.signal);
    const fed = pipeline(lines, stdin, { signal: controller.signal });
    const [sum] = await together(controller, [encrypted, fed, zstd.done] as const);
    return sum;
  } finally {
    release();
  }
}
