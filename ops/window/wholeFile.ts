import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";

/** Writes a value as JSON; on the disk when this resolves, and never half of it. @throws Error when the volume cannot be written. */
export async function writeWhole(folder: string, name: string, value: unknown): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, name);
  const handle = await open(`${file}.new`, "w", 0o640);
  try {
    await handle.writeFile(`${JSON.stringify(value)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}
