import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FileStore } from "./diyHistory";

/** A backend in a folder of this machine. @param url Such as `file:///srv/state` or `file://~`. */
export function folderStore(url: string): FileStore {
  const root = folderOf(url);
  return {
    list: (prefix) =>
      orMissing(
        readdir(join(root, prefix)).then((names) => names.map((name) => `${prefix}${name}`)),
        [],
      ),
    read: (key) => orMissing<Buffer | undefined>(readFile(join(root, key)), undefined),
  };
}

function folderOf(url: string): string {
  const path = url.replace(/^file:\/\//, "").replace(/\?.*$/, "");
  if (path.startsWith("~")) {
    return join(process.env.HOME ?? "", path.slice(1));
  }
  return path.startsWith("/") ? fileURLToPath(`file://${path}`) : path;
}

async function orMissing<T>(work: Promise<T>, instead: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return instead;
    }
    throw error;
  }
}
