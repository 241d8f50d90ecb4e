import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import fc from "fast-check";
import { END, type Entry, header, padding, readTar, record } from "../../../../ops/backup/tar";
import { Listing, listingOfTar, packUploads } from "../../../../ops/backup/uploads";

const run = promisify(execFile);
const quiet = () => undefined;

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A stream in pieces that do not fall on blocks. */
function pieces(data: Buffer, size: number): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
    })(),
  );
}

async function read(archive: Readable): Promise<[Entry, Buffer][]> {
  const found: [Entry, Buffer][] = [];
  await readTar(archive, async (entry, content) => {
    const parts: Buffer[] = [];
    for await (const part of content) parts.push(part);
    found.push([entry, Buffer.concat(parts)]);
  });
  return found;
}

const name = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 150 })
  .filter((text) => !/[/\0]/.test(text) && text.isWellFormed());
const entry = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/")),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.oneof(fc.nat(65_535), fc.constant(3_000_000_000)),
  gid: fc.nat(65_535),
  modifiedAt: fc.nat(),
  content: fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes)),
});

describe("an archive", () => {
  it("gives back what was put in, whatever names, owners and sizes, and however it arrives", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry), fc.integer({ min: 1, max: 3000 }), async (entries, size) => {
        const parts = entries.flatMap(({ content, ...rest }) => [
          header({ ...rest, type: "file", size: content.length, target: "" }),
          content,
          padding(content.length),
        ]);
        const found = await read(pieces(Buffer.concat([...parts, END]), size));
        assert.deepEqual(
          found.map(([each, content]) => [
            each.path,
            each.mode,
            each.uid,
            each.gid,
            each.modifiedAt,
            content,
          ]),
          entries.map((each) => [each.path, each.mode, each.uid, each.gid, each.modifiedAt, each.content]),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("has lines in extended headers that count their own length", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 1200 }), (value) => {
        const line = record("path", value);
        assert.equal(Number.parseInt(line.toString("latin1"), 10), line.length);
      }),
    );
  });

  it("says a file's size when that is above what the plain header can", async () => {
    const size = 9 * 1024 ** 3;
    const head = header({
      path: "big",
      type: "file",
      size,
      mode: 0o644,
      uid: 0,
      gid: 0,
      modifiedAt: 0,
      target: "",
    });
    await assert.rejects(
      readTar(pieces(head, 512), async (each) => {
        assert.equal(each.size, size);
        throw new Error("seen");
      }),
      /seen/,
    );
  });

  it("is refused when it is cut or a header is damaged", async () => {
    const head = header({
      path: "a",
      type: "file",
      size: 5,
      mode: 0o644,
      uid: 1,
      gid: 1,
      modifiedAt: 1,
      target: "",
    });
    const whole = Buffer.concat([head, Buffer.from("hello"), padding(5), END]);
    assert.equal((await read(pieces(whole, 100))).length, 1);
    for (const end of [100, 512, 514, 1000]) {
      await assert.rejects(read(pieces(whole.subarray(0, end), 100)), /the archive is cut/);
    }
    const damaged = Buffer.from(whole);
    damaged.write("b", 0);
    await assert.rejects(read(pieces(damaged, 100)), /the archive has a damaged header/);
  });
});

describe("the uploads' archive", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fitnesscrm-uploads-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function fill(): Promise<void> {
    await mkdir(join(folder, "clients/ünïcode"), { recursive: true });
    await mkdir(join(folder, "empty"));
    await writeFile(join(folder, "clients/ünïcode/a photo.jpg"), Buffer.alloc(3_000_000, 7));
    await writeFile(join(folder, `clients/${"long".repeat(50)}.txt`), "long");
    await writeFile(join(folder, "line\nbreak"), "");
    await symlink("clients", join(folder, "link"));
  }

  it("is one that tar itself unpacks to the same files", async () => {
    await fill();
    const { tar } = packUploads(folder, quiet);
    const archive = join(folder, "..", `${folder.split("/").pop()}.tar`);
    const target = await mkdtemp(join(tmpdir(), "fitnesscrm-unpacked-"));
    try {
      await writeFile(archive, await collect(tar));
      await run("tar", ["-xf", archive, "-C", target]);
      await run("diff", ["-r", "--no-dereference", folder, target]);
      assert.equal(await readFile(join(target, `clients/${"long".repeat(50)}.txt`), "utf8"), "long");
    } finally {
      await rm(archive, { force: true });
      await rm(target, { recursive: true });
    }
  });

  it("has the listing that a reader of the archive finds", async () => {
    await fill();
    const { tar, sum } = packUploads(folder, quiet);
    const archive = await collect(tar);
    assert.deepEqual(await listingOfTar(pieces(archive, 70_000)), sum());
    assert.equal(sum().files, 4);
    assert.equal(sum().bytes, 3_000_004);
  });

  it("leaves out what a restore keeps beside the uploads, and nothing that only looks like it", async () => {
    await rm(folder, { recursive: true });
    const kept = [".replaced-2026", "sub/.replaced-20261124160841", "replaced-20261124160841"];
    const skipped = [".incoming", ".arriving", ".replaced"].map((name) => `${name}-20261124160841/file`);
    for (const path of [...kept, ...skipped]) {
      await mkdir(join(folder, path, ".."), { recursive: true });
      await writeFile(join(folder, path), path);
    }
    const paths: string[] = [];
    const { tar } = packUploads(folder, quiet);
    await readTar(tar, async (entry, content) => {
      const text = (await collect(content)).toString();
      if (entry.type === "file") paths.push(text);
    });
    assert.deepEqual(paths.sort(), [...kept].sort());
  });

  it("has another listing for other content, another name and another place", async () => {
    const sums = new Set<string>();
    for (const [path, content] of [
      ["a", "1"],
      ["a", "2"],
      ["b", "1"],
      ["c/a", "1"],
    ] as const) {
      await rm(folder, { recursive: true });
      await mkdir(join(folder, "c"), { recursive: true });
      await writeFile(join(folder, path), content);
      const { tar, sum } = packUploads(folder, quiet);
      await collect(tar);
      sums.add(sum().sha256);
    }
    assert.equal(sums.size, 4);
  });

  it("has a listing that no order changes", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.nat(), fc.string())), (files) => {
        const [one, other] = [new Listing(), new Listing()];
        for (const [path, size, sha256] of files) one.add(path, size, sha256);
        for (const [path, size, sha256] of files.reverse()) other.add(path, size, sha256);
        assert.deepEqual(one.sum(), other.sum());
      }),
    );
  });

  it("leaves out a file that goes away, and says so", async () => {
    for (const each of ["a", "b", "c"]) await writeFile(join(folder, each), each);
    const lines: string[] = [];
    const { tar, sum } = packUploads(folder, (line) => lines.push(line));
    const chunks = tar[Symbol.asyncIterator]();
    await chunks.next();
    await rm(join(folder, "c"));
    while (!(await chunks.next()).done);
    assert.equal(sum().files, 2);
    assert.deepEqual(lines, [`${join(folder, "c")} went away while the backup was made`]);
  });

  it("fails with the name of a file that became shorter while it was read", async () => {
    const path = join(folder, "movie");
    await writeFile(path, Buffer.alloc(8 * 1024 * 1024));
    const { tar } = packUploads(folder, quiet);
    const chunks = tar[Symbol.asyncIterator]();
    await chunks.next();
    await truncate(path, 10);
    await assert.rejects(
      (async () => {
        while (!(await chunks.next()).done);
      })(),
      new RegExp(`the upload ${path} became shorter`),
    );
  });

  it("fails with the name of a folder that is not there", async () => {
    await rm(folder, { recursive: true });
    await assert.rejects(
      collect(packUploads(folder, quiet).tar),
      new RegExp(`the upload ${folder} cannot be read: ENOENT`),
    );
  });
});
