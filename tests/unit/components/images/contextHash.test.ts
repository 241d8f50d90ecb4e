import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { contextHash } from "../../../../components/images/contextHash";
import { TempFolders, writeFiles } from "../../../support/temp";

const FILES = {
  Dockerfile: "FROM scratch\n",
  "src/main.py": "print('hello')\n",
  "src/lib/util.py": "x = 1\n",
  "README.md": "read me\n",
};

describe("digest of a build context", () => {
  const folders = new TempFolders();
  after(() => folders.remove());
  const hash = (folder: string): string => contextHash([folder]);

  /** Whether a change to a folder of {@link FILES} (and what else it has) changes its digest. */
  function changes(edit: (folder: string) => void, more: Record<string, string> = {}): boolean {
    const folder = folders.create({ ...FILES, ...more });
    const before = hash(folder);
    edit(folder);
    return hash(folder) !== before;
  }

  it("is 64 hex digits, and the same for the same content wherever the folder is", () => {
    const [one, other] = [folders.create(FILES), folders.create(FILES)];
    assert.match(hash(one), /^[0-9a-f]{64}$/);
    assert.equal(hash(other), hash(one));
    cpSync(one, join(other, "copy"), { recursive: true });
    assert.equal(hash(join(other, "copy")), hash(one));
  });

  it("does not depend on when or in which order files were written", () => {
    const reversed = Object.fromEntries(Object.entries(FILES).reverse());
    assert.equal(hash(folders.create(reversed)), hash(folders.create(FILES)));
  });

  it("is changed by a byte, a new file, a missing file, a new name, and an executable bit", () => {
    assert.ok(changes((folder) => writeFileSync(join(folder, "src/main.py"), "print('hallo')\n")));
    assert.ok(changes((folder) => writeFileSync(join(folder, "src/empty"), "")));
    assert.ok(changes((folder) => rmSync(join(folder, "README.md"))));
    assert.ok(changes((folder) => renameSync(join(folder, "src/main.py"), join(folder, "src/start.py"))));
    assert.ok(changes((folder) => chmodSync(join(folder, "src/main.py"), 0o755)));
  });

  it("is not changed by who else may read a file, or by an empty folder", () => {
    assert.ok(!changes((folder) => chmodSync(join(folder, "src/main.py"), 0o600)));
    assert.ok(!changes((folder) => mkdirSync(join(folder, "nothing"))));
  });

  it("leaves out what .dockerignore names, and takes what it takes back", () => {
    const ignore = { ".dockerignore": "*.md\nsrc/lib\n!src/lib/keep.py\n" };
    const write = (path: string) => (folder: string) => writeFiles(folder, { [path]: "changed" });
    assert.ok(!changes(write("README.md"), ignore));
    assert.ok(!changes(write("src/lib/util.py"), ignore));
    assert.ok(changes(write("src/lib/keep.py"), ignore));
    assert.ok(changes(write("src/main.py"), ignore));
    assert.ok(
      changes(write("src/README.md"), ignore),
      "*.md is about the top folder only, as in docker build",
    );
  });

  it("always counts the Dockerfile and .dockerignore, which every build reads", () => {
    const ignore = { ".dockerignore": "Dockerfile*\n.dockerignore\n", "Dockerfile.prod": "FROM scratch\n" };
    const of = (more: Record<string, string>): string =>
      contextHash([folders.create({ ...FILES, ...ignore, ...more })], "Dockerfile.prod");
    assert.notEqual(of({ "Dockerfile.prod": "FROM debian\n" }), of({}));
    assert.notEqual(of({ ".dockerignore": "Dockerfile*\n.dockerignore\n#\n" }), of({}));
    assert.equal(of({ Dockerfile: "FROM debian\n" }), of({}), "another Dockerfile is not this image's");
  });

  it("leaves out what differs from machine to machine", () => {
    for (const path of [".git/HEAD", "node_modules/x/index.js", "src/__pycache__/a.pyc", "src/main.pyc"]) {
      assert.ok(!changes((folder) => writeFiles(folder, { [path]: "x" })), path);
    }
  });

  it("sees where a link points, and not what is there", () => {
    const folder = folders.create(FILES);
    const elsewhere = folders.create({ target: "one" });
    const link = (target: string): string => {
      rmSync(join(folder, "link"), { force: true });
      symlinkSync(target, join(folder, "link"));
      return hash(folder);
    };
    const before = link(join(elsewhere, "target"));
    writeFileSync(join(elsewhere, "target"), "two");
    assert.equal(hash(folder), before);
    assert.notEqual(link("src/main.py"), before);
    const intoNothing = link("nowhere");
    assert.notEqual(intoNothing, before, "a link into nothing counts like every other");
    assert.notEqual(intoNothing, link("nowhere-else"));
    link(".");
    assert.equal(hash(folder), hash(folder), "a link to its own folder is not followed");
  });

  it("tells a link from a file with the same words in it", () => {
    const linked = folders.create();
    symlinkSync("target", join(linked, "a"));
    assert.notEqual(hash(linked), hash(folders.create({ a: "target" })));
  });

  it("says which folder does not exist", () => {
    const missing = join(folders.create(), "missing");
    assert.throws(() => hash(missing), {
      message: `${missing} does not exist: it is needed to build an image`,
    });
  });

  it("tells two folders from one with everything in it, and their order", () => {
    const [a, b, both] = [
      folders.create({ a: "1" }),
      folders.create({ b: "2" }),
      folders.create({ a: "1", b: "2" }),
    ];
    const [empty] = [folders.create()];
    const digests = [[a, b], [b, a], [both], [both, empty], [empty, both], [a], [b], [empty]].map((list) =>
      contextHash(list),
    );
    assert.equal(new Set(digests).size, digests.length);
  });

  it("is the same exactly for the same files: no end of one can pass for the start of the next", () => {
    // Few and short, so that equal concatenations come up: "ab" + "c" and "a" + "bc".
    const piece = fc.stringMatching(/^[ab0-]{0,3}$/);
    const content = fc.oneof(
      piece,
      fc.tuple(piece, piece).map(([path, text]) => `${path}\0file\0${text.length}\0${text}`),
    );
    const files = fc.dictionary(fc.stringMatching(/^[ab]{1,3}$/), content, { maxKeys: 3 });
    fc.assert(
      fc.property(files, files, (one, other) => {
        const [first, second] = [folders.create(one), folders.create(other)];
        const same =
          JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());
        assert.equal(hash(first) === hash(second), same);
        rmSync(first, { recursive: true });
        rmSync(second, { recursive: true });
      }),
      { numRuns: 150 },
    );
  });
});
