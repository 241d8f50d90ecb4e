import type { Readable } from "node:stream";

/**
 * The tar format as far as files, folders and links need it: POSIX headers, with extended records for what does not fit.
 * Written here because the listing of a backup must be of the very bytes that went into it, which a program beside us that
 * reads each file a second time cannot say.
 */

const BLOCK = 512;
const NAME_BYTES = 100;
const LARGEST_OCTAL = 0o77777777777;
const LARGEST_ID = 0o7777777;
/** An extended header is a few lines; more is not one of ours. */
const LARGEST_EXTENDED = 1024 * 1024;

export type EntryType = "file" | "folder" | "link";
const TYPES: Readonly<Record<EntryType, string>> = { file: "0", link: "2", folder: "5" };

export interface Entry {
  /** Relative, with `/`, without one at the end. */
  readonly path: string;
  readonly type: EntryType;
  /** Bytes of content; 0 for anything but a file. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly modifiedAt: number;
  /** Where a link leads. */
  readonly target: string;
}

/** Zeros up to the next full block. */
export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What ends an archive. */
export const END = Buffer.alloc(2 * BLOCK);

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, "0")}\0`;
}

function block(fields: {
  name: Buffer;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  modifiedAt: number;
  type: string;
  target: Buffer;
}): Buffer {
  const header = Buffer.alloc(BLOCK);
  fields.name.copy(header, 0, 0, NAME_BYTES);
  header.write(octal(fields.mode, 7), 100, "latin1");
  header.write(octal(fields.uid, 7), 108, "latin1");
  header.write(octal(fields.gid, 7), 116, "latin1");
  header.write(octal(fields.size, 11), 124, "latin1");
  header.write(octal(fields.modifiedAt, 11), 136, "latin1");
  header.write("        ", 148, "latin1");
  header.write(fields.type, 156, "latin1");
  fields.target.copy(header, 157, 0, NAME_BYTES);
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** A line of an extended header, whose length counts itself. */
export function record(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

const fitsName = (text: string) => /^[\x20-\x7e]*$/.test(text) && text.length <= NAME_BYTES;

/** An entry's header; a file's content and its {@link padding} follow. */
export function header(entry: Entry): Buffer {
  const path = entry.type === "folder" ? `${entry.path}/` : entry.path;
  const extended: Buffer[] = [];
  if (!fitsName(path)) extended.push(record("path", path));
  if (!fitsName(entry.target)) extended.push(record("linkpath", entry.target));
  if (entry.size > LARGEST_OCTAL) extended.push(record("size", String(entry.size)));
  if (entry.uid > LARGEST_ID) extended.push(record("uid", String(entry.uid)));
  if (entry.gid > LARGEST_ID) extended.push(record("gid", String(entry.gid)));
  const main = block({
    name: Buffer.from(path),
    mode: entry.mode & 0o7777,
    uid: entry.uid > LARGEST_ID ? 0 : entry.uid,
    gid: entry.gid > LARGEST_ID ? 0 : entry.gid,
    size: entry.size > LARGEST_OCTAL ? 0 : entry.size,
    modifiedAt: Math.min(Math.max(Math.trunc(entry.modifiedAt), 0), LARGEST_OCTAL),
    type: TYPES[entry.type],
    target: Buffer.from(entry.target),
  });
  if (extended.length === 0) return main;
  const body = Buffer.concat(extended);
  const before = block({
    name: Buffer.from("extended"),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    modifiedAt: 0,
    type: "x",
    target: Buffer.alloc(0),
  });
  return Buffer.concat([before, body, padding(body.length), main]);
}

/** Gives exactly as many bytes as are asked for. */
class Source {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async *take(bytes: number): AsyncGenerator<Buffer> {
    let left = bytes;
    while (left > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done) throw new Error("the archive is cut");
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async all(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.take(bytes)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** To the end, so that whoever writes can end well. */
  async drain(): Promise<void> {
    while (!(await this.#chunks.next()).done);
  }
}

function parseRecords(body: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.toString("latin1", at, space));
    const equals = body.indexOf(0x3d, space);
    if (space === -1 || equals === -1 || !Number.isInteger(length) || length <= equals - at) {
      throw new Error("the archive has a damaged extended header");
    }
    found.set(body.toString("utf8", space + 1, equals), body.toString("utf8", equals + 1, at + length - 1));
    at += length;
  }
  return found;
}

const text = (block: Buffer, from: number, length: number) =>
  block
    .subarray(from, from + length)
    .toString("utf8")
    .replace(/\0.*$/s, "");
const number = (block: Buffer, from: number, length: number) => {
  const value = Number.parseInt(text(block, from, length).trim() || "0", 8);
  if (!Number.isInteger(value)) throw new Error("the archive has a damaged header");
  return value;
};

/**
 * Reads an archive that {@link header} wrote, and hands each entry with its content to `visit`, which must read the content to
 * its end before it resolves.
 *
 * @throws Error of one line when the archive is cut, damaged, or has entries that are neither file, folder nor link.
 */
export async function readTar(
  stream: Readable,
  visit: (entry: Entry, content: AsyncGenerator<Buffer>) => Promise<void>,
): Promise<void> {
  const source = new Source(stream);
  let extended = new Map<string, string>();
  for (;;) {
    const head = await source.all(BLOCK);
    if (head.every((byte) => byte === 0)) break;
    const sum = head.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
    if (number(head, 148, 8) !== sum) throw new Error("the archive has a damaged header");
    const size = Number(extended.get("size") ?? number(head, 124, 12));
    const typeFlag = String.fromCharCode(head[156] ?? 0);
    if (typeFlag === "x") {
      if (size > LARGEST_EXTENDED) throw new Error("the archive has a damaged extended header");
      extended = parseRecords(await source.all(size));
    } else {
      const type = (Object.keys(TYPES) as EntryType[]).find((each) => TYPES[each] === typeFlag);
      const path = (extended.get("path") ?? text(head, 0, NAME_BYTES)).replace(/\/$/, "");
      if (type === undefined) throw new Error(`the archive has an entry of an unknown kind: ${path}`);
      const entry: Entry = {
        path,
        type,
        size,
        mode: number(head, 100, 8),
        uid: Number(extended.get("uid") ?? number(head, 108, 8)),
        gid: Number(extended.get("gid") ?? number(head, 116, 8)),
        modifiedAt: number(head, 136, 12),
        target: extended.get("linkpath") ?? text(head, 157, NAME_BYTES),
      };
      extended = new Map();
      await visit(entry, source.take(size));
    }
    await source.all((BLOCK - (size % BLOCK)) % BLOCK);
  }
  await source.drain();
}
