import { createHash, randomBytes } from "node:crypto";
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { isRunning } from "./processes";

/** Records which version a file of {@link Home.bin} is; a file that it does not describe any more is got again. */
interface Stamp {
  readonly version: string;
  readonly way: string;
  readonly size: number;
  readonly mtime: number;
}

/**
 * The folder that outlives a checkout. What is fetched appears in it whole or not at all: it is made under a temporary
 * name and renamed, and its stamp is written last.
 */
export class Home {
  readonly bin: string;
  readonly pulumi: string;
  readonly cache: string;

  constructor(readonly folder: string) {
    this.bin = join(folder, "bin");
    this.pulumi = join(folder, "pulumi");
    this.cache = join(folder, "cache");
  }

  /** Makes the folders, and removes what processes that are gone left half done. */
  async prepare(): Promise<void> {
    for (const folder of [this.bin, join(this.pulumi, "plugins"), this.cache])
      await mkdir(folder, { recursive: true });
    for (const name of await readdir(this.cache)) {
      const pid = /^tmp-(\d+)-/.exec(name)?.[1];
      if (pid !== undefined && !(await isRunning(Number(pid)))) {
        await rm(join(this.cache, name), { recursive: true, force: true }).catch(() => {});
      }
    }
  }

  /** A fresh folder for work, on the same file system as everything else here; removed when the work ends. */
  async inTemporary<T>(name: string, work: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(this.cache, `tmp-${process.pid}-${name}-${randomBytes(4).toString("hex")}`);
    await mkdir(folder, { recursive: true });
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Moves a finished program to `bin/NAME` and stamps it. */
  async installProgram(from: string, name: string, version: string, way: string): Promise<void> {
    const target = join(this.bin, name);
    await chmod(from, 0o755);
    await rename(from, target);
    const { size, mtimeMs } = await stat(target);
    const stamp: Stamp = { version, way, size, mtime: mtimeMs };
    await writeWhole(this.stampPath(name), JSON.stringify(stamp));
  }

  /** Path of `bin/NAME` when it is there, whole and of this version; undefined otherwise. */
  async program(name: string, version: string): Promise<{ path: string; way: string } | undefined> {
    const path = join(this.bin, name);
    try {
      const stamp = JSON.parse(await readFile(this.stampPath(name), "utf8")) as Stamp;
      const { size, mtimeMs } = await stat(path);
      const same = stamp.version === version && stamp.size === size && stamp.mtime === mtimeMs;
      return same ? { path, way: stamp.way } : undefined;
    } catch {
      return undefined;
    }
  }

  private stampPath(name: string): string {
    return join(this.bin, `.${name}.json`);
  }
}

/** Writes a file so that a reader sees the old content or the new one. */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await writeFile(temporary, content, { mode });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Puts a folder in the place of another one. */
export async function replaceFolder(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const old = `${to}.old-${process.pid}-${randomBytes(4).toString("hex")}`;
  const had = await rename(to, old).then(
    () => true,
    () => false,
  );
  await rename(from, to);
  if (had) await rm(old, { recursive: true, force: true });
}

/** SHA-256 (hex) over the names and contents of files and folders, in a fixed order. */
export async function hashOf(paths: readonly string[], extra: readonly string[] = []): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    for (const file of await filesBelow(path)) {
      hash
        .update(`${relative(dirname(path), file)}\0`)
        .update(await readFile(file))
        .update("\0");
    }
  }
  for (const text of extra) hash.update(`${text}\0`);
  return hash.digest("hex");
}

async function filesBelow(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** Copies a folder, without the write protection that module caches put on theirs. */
export async function copyWritable(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, mode: 0 });
  await chmod(to, 0o755);
  for (const entry of await readdir(to, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    await chmod(path, entry.isDirectory() ? 0o755 : 0o644);
  }
}
