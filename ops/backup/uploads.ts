import { createHash } from "node:crypto";
import { type FileHandle, lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Manifest } from "./manifest";
import { END, type Entry, header, padding, readTar } from "./tar";

export type UploadsSum = Manifest["uploads"];

const CHUNK = 1024 * 1024;
/** What a restore puts beside the uploads until it is confirmed: no uploads of the application's, and not readable here. */
const RESTORES = /^\.(incoming|arriving|replaced)-\d{14}$/;

/** Collects a listing: one line per file and link, `sha256 size "path"`, sorted, whose SHA-256 stands in the manifest. */
export class Listing {
  readonly #lines: string[] = [];
  #bytes = 0;

  /** @param sha256 Of the content; of the target for a link, whose size is 0. */
  add(path: string, size: number, sha256: string): void {
    this.#lines.push(`${JSON.stringify(path)} ${size} ${sha256}\n`);
    this.#bytes += size;
  }

  sum(): UploadsSum {
    const hash = createHash("sha256");
    for (const line of this.#lines.sort()) hash.update(line);
    return { files: this.#lines.length, bytes: this.#bytes, sha256: hash.digest("hex") };
  }
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Listing of an archive of uploads, e.g. of a decrypted and decompressed one. @throws Error of one line when it is damaged. */
export async function listingOfTar(tar: Readable): Promise<UploadsSum> {
  const listing = new Listing();
  await readTar(tar, async (entry, content) => {
    const hash = createHash("sha256");
    for await (const part of content) hash.update(part);
    if (entry.type === "file") listing.add(entry.path, entry.size, hash.digest("hex"));
    if (entry.type === "link") listing.add(entry.path, 0, sha256(entry.target));
  });
  return listing.sum();
}

function unreadable(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === "EACCES" ? "this program may not read it" : (code ?? message);
  return new Error(`the upload ${path} cannot be read: ${why}`);
}

/**
 * Everything below a folder as a tar, and its listing, which `sum()` gives when the stream has ended. A file that goes away in
 * the meantime is left out; one that cannot be read, or shrinks while it is read, fails the stream with its name.
 */
export function packUploads(
  folder: string,
  log: (line: string) => void,
): { tar: Readable; sum(): UploadsSum } {
  const listing = new Listing();

  async function* content(handle: FileHandle, path: string, size: number): AsyncGenerator<Buffer> {
    const hash = createHash("sha256");
    let at = 0;
    while (at < size) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, size - at));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at).catch((error: unknown) => {
        throw unreadable(join(folder, path), error);
      });
      if (bytesRead === 0) {
        throw new Error(
          `the upload ${join(folder, path)} became shorter while it was read: make the backup again`,
        );
      }
      const part = buffer.subarray(0, bytesRead);
      hash.update(part);
      at += bytesRead;
      yield part;
    }
    yield padding(size);
    listing.add(path, size, hash.digest("hex"));
  }

  async function* one(path: string): AsyncGenerator<Buffer> {
    const full = join(folder, path);
    const found = await lstat(full);
    const entry: Omit<Entry, "type"> = {
      path,
      size: 0,
      mode: found.mode,
      uid: found.uid,
      gid: found.gid,
      modifiedAt: found.mtimeMs / 1000,
      target: "",
    };
    if (found.isDirectory()) {
      yield header({ ...entry, type: "folder" });
      yield* below(path);
    } else if (found.isSymbolicLink()) {
      const target = await readlink(full);
      yield header({ ...entry, type: "link", target });
      listing.add(path, 0, sha256(target));
    } else if (found.isFile()) {
      const handle = await open(full, "r");
      try {
        // Of the file that is open: another one may have taken the name.
        const { size } = await handle.stat();
        yield header({ ...entry, type: "file", size });
        yield* content(handle, path, size);
      } finally {
        await handle.close();
      }
    } else {
      log(`${full} is neither a file nor a folder: not part of the backup`);
    }
  }

  async function* below(path: string): AsyncGenerator<Buffer> {
    const names = await readdir(join(folder, path)).catch((error: unknown) => {
      throw unreadable(join(folder, path), error);
    });
    for (const name of names.sort()) {
      if (path === "" && RESTORES.test(name)) continue;
      if (name.includes("\ufffd")) {
        throw new Error(`the upload ${join(folder, path, name)} cannot be read: its name is not UTF-8`);
      }
      const child = path === "" ? name : `${path}/${name}`;
      try {
        yield* one(child);
      } catch (error) {
        const { code, path: where } = error as NodeJS.ErrnoException;
        if (code === "ENOENT" && where === join(folder, child)) {
          log(`${where} went away while the backup was made`);
        } else {
          throw code === undefined ? error : unreadable(join(folder, child), error);
        }
      }
    }
  }

  async function* all(): AsyncGenerator<Buffer> {
    yield* below("");
    yield END;
  }
  return {
    tar: Readable.from(all(), { objectMode: false, highWaterMark: CHUNK }),
    sum: () => listing.sum(),
  };
}
