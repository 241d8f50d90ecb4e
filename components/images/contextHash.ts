import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import dockerignore from "@balena/dockerignore";

/** Left out of the digest whether or not .dockerignore names them: they differ from machine to machine and mean nothing. */
const ALWAYS_IGNORED = [".git", "**/node_modules", "**/__pycache__", "**/*.pyc"];

/**
 * SHA-256 over what `docker build` would see of a folder: paths, executable bits and contents, in a stable order.
 *
 * @param folders Folders whose contents go into the image; each honours its own .dockerignore.
 * @param dockerfile Relative to a folder; always counts.
 * @returns 64 hex digits.
 * @throws Error when a folder does not exist.
 */
export function contextHash(folders: readonly string[], dockerfile = "Dockerfile"): string {
  const hash = createHash("sha256");
  // Read by every build, even where .dockerignore keeps them out of the image.
  const alwaysRead = new Set([dockerfile, ".dockerignore"]);
  for (const folder of folders) {
    hash.update("folder\0");
    if (!existsSync(folder)) {
      throw new Error(`${folder} does not exist: it is needed to build an image`);
    }
    const ignoreFile = join(folder, ".dockerignore");
    const ignore = dockerignore({ ignorecase: false }).add(ALWAYS_IGNORED);
    if (existsSync(ignoreFile)) {
      ignore.add(readFileSync(ignoreFile, "utf8"));
    }
    for (const path of listFiles(folder, "")) {
      if (alwaysRead.has(path) || !ignore.ignores(path)) {
        hashFile(hash, folder, path);
      }
    }
  }
  return hash.digest("hex");
}

function listFiles(root: string, prefix: string): string[] {
  return readdirSync(join(root, prefix), { withFileTypes: true })
    .filter((entry) => entry.name !== ".git" && entry.name !== "node_modules")
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
      return entry.isDirectory() ? listFiles(root, path) : [path];
    });
}

function hashFile(hash: ReturnType<typeof createHash>, root: string, path: string): void {
  const full = join(root, path);
  const link = readLink(full);
  const content = link ?? readFileSync(full);
  const kind = link !== undefined ? "link" : (statSync(full).mode & 0o100) !== 0 ? "program" : "file";
  // The length keeps one file's end and the next one's start apart.
  hash.update(`${path}\0${kind}\0${Buffer.byteLength(content)}\0`).update(content);
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
