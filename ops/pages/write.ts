import { mkdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where nginx reads what ops writes for people. */
export const PAGES_FOLDER = process.env.OPS_PAGES ?? "/pages";

/**
 * Writes a file of the pages' volume: a reader sees the old one or the new one, never half of it. One that says the same already is left,
 * but for its time, by which nginx knows whether anybody looks after it.
 *
 * @throws Error when the volume cannot be written.
 */
export async function writePage(name: string, content: string, folder = PAGES_FOLDER): Promise<void> {
  const file = join(folder, name);
  if ((await readFile(file, "utf8").catch(() => undefined)) === content) {
    const now = new Date();
    await utimes(file, now, now);
    return;
  }
  await mkdir(folder, { recursive: true });
  const fresh = join(folder, `.${name}.new`);
  await writeFile(fresh, content, { mode: 0o644 });
  await rename(fresh, file);
}

/** Takes a file away; one that is not there is no error. */
export async function removePage(name: string, folder = PAGES_FOLDER): Promise<void> {
  await rm(join(folder, name), { force: true });
}
