import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Sum, summing } from "./crypt";
import { FILES, type Manifest } from "./manifest";
import type { BackupStore } from "./s3";

/** What is wrong with a file that came back, in one line, or undefined. */
export function difference(name: string, expected: Sum, found: Sum): string | undefined {
  if (found.bytes !== expected.bytes) {
    return `${name} has ${found.bytes} bytes, ${expected.bytes} are expected`;
  }
  return found.sha256 === expected.sha256
    ? undefined
    : `${name} has the SHA-256 ${found.sha256}, ${expected.sha256} is expected`;
}

/** Reads a local backup's files. @throws Error of one line that names the file which is missing or differs. */
export async function verifyLocal(folder: string, manifest: Manifest): Promise<void> {
  for (const file of manifest.files) {
    const { stream, sum } = summing();
    await pipeline(
      createReadStream(join(folder, file.name), { highWaterMark: 1024 * 1024 }),
      stream,
      new Writable({ write: (_chunk, _encoding, next) => next() }),
    );
    const wrong = difference(file.name, file, sum());
    if (wrong !== undefined) throw new Error(`the local backup ${manifest.id} is damaged: ${wrong}`);
  }
}

/**
 * Reads the copy in S3 back, all of it, and compares it with the manifest: what "verified" means.
 *
 * @param manifestText The manifest as it was sent.
 * @throws Error of one line that names the object which is missing or differs.
 */
export async function verifyCopy(
  store: BackupStore,
  manifest: Manifest,
  manifestText: string,
): Promise<void> {
  const { id } = manifest;
  for (const file of manifest.files) {
    const key = `${id}/${file.name}`;
    // First, because it costs nothing and says "missing" by its name.
    const head = await store.head(key);
    if (head === undefined)
      throw new Error(`the copy of ${id} in S3 is not complete: ${file.name} is missing`);
    const wrong =
      head.bytes === file.bytes
        ? difference(file.name, file, await store.readThrough(key))
        : `${file.name} has ${head.bytes} bytes, ${file.bytes} are expected`;
    if (wrong !== undefined) throw new Error(`the copy of ${id} in S3 is damaged: ${wrong}`);
  }
  const text = await store.getText(`${id}/${FILES.manifest}`);
  if (text !== manifestText) {
    throw new Error(
      `the copy of ${id} in S3 is ${text === undefined ? "not complete: its manifest is missing" : "damaged: its manifest differs"}`,
    );
  }
}
