import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";

/** Milliseconds without a byte after which a download is given up. */
const STALL_MILLISECONDS = 30_000;

/** Megabytes fetched so far, and in all where the server tells. */
export type Progress = (done: number, total: number | undefined) => void;

/** Fetches a small text. Throws when the answer is not a success. */
export async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(STALL_MILLISECONDS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

/** Fetches a file and checks its SHA-256 (hex) as it is written. `progress` gets megabytes. */
export async function fetchFile(
  url: string,
  sha256: string,
  target: string,
  progress: Progress,
): Promise<void> {
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), STALL_MILLISECONDS);
  try {
    const response = await fetch(url, { signal: stalled.signal });
    if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
    const total = Number(response.headers.get("content-length")) / 1e6 || undefined;
    const hash = createHash("sha256");
    let bytes = 0;
    const watch = new Transform({
      transform(chunk: Buffer, _encoding, next) {
        clearTimeout(timer);
        timer = setTimeout(() => stalled.abort(), STALL_MILLISECONDS);
        hash.update(chunk);
        bytes += chunk.length;
        progress(bytes / 1e6, total);
        next(undefined, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body as ReadableStream), watch, createWriteStream(target));
    const found = hash.digest("hex");
    if (found !== sha256) throw new Error(`${url} has the checksum ${found}, expected ${sha256}`);
  } catch (error) {
    if (stalled.signal.aborted) throw new Error(`${url} sent nothing for ${STALL_MILLISECONDS / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The checksum of one file in a list of `HASH  NAME` lines. */
export function checksumOf(list: string, file: string): string {
  for (const line of list.split("\n")) {
    const [hash, name] = line.trim().split(/\s+\*?/);
    if (name === file && hash !== undefined && /^[0-9a-f]{64}$/.test(hash)) return hash;
  }
  throw new Error(`the list of checksums does not name ${file}`);
}
