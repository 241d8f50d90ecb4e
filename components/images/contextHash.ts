import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import dockerignore from "@balena/dockerignore";

/** Never part of an image, whether or not the application's .dockerignore says so. */
const ALWAYS_IGNORED = [".git", "**/node_modules", "**/__pycache__", "**/*.pyc"];

/**
 * SHA-256 over what `docker build` would see of a folder: paths, executable bits and contents, in a stable order.
 *
 * @param folders Folders whose contents go into the image; each honours its own .dockerignore.
 * @returns 64 hex digits.
 * @throws Error when a folder does not exist.
 */
export function contextHash(...folders: readonly string[]): string {
  const hash = createHash("sha256");
  for (const folder of folders) {
    if (!existsSync(folder)) {
      throw new Error(`${folder} does not exist: it is needed to build an image`);
    }
    const ignoreFile = join(folder, ".dockerignore");
    const ignore = dockerignore({ ignorecase: false }).add(ALWAYS_IGNORED);
    if (existsSync(ignoreFile)) {
      ignore.add(readFileSync(ignoreFile, "utf8"));
    }
    for (const path of listFiles(folder, "")) {
      if (!ignore.ignores(path)) {
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
  const executable = link === undefined && (statSync(full).mode & 0o100) !== 0;
  // The length keeps one file's end and the next one's start apart.
  hash.update(`${path}\0${executable ? "x" : "-"}\0${content.length}\0`).update(content);
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
