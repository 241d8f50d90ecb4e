import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DeploymentRecord } from "./record";

/** Beside the backups. */
const FILE = ".release";
const UNKNOWN = "unknown";

/**
 * Keeps which release is live, for the backups' manifests. Told with each deployment's record and not by a setting: a setting of ops that
 * changes with the backend's image would replace ops in every deployment, and end what it is at.
 *
 * @param folder Folder of the backups.
 */
export async function noteRelease(
  folder: string,
  { result, images }: Pick<DeploymentRecord, "result" | "images">,
): Promise<void> {
  if (result !== "succeeded" || images.backend === undefined) {
    return;
  }
  const fresh = join(folder, `${FILE}.new`);
  await writeFile(fresh, `${images.backend}\n`, { mode: 0o600 });
  await rename(fresh, join(folder, FILE));
}

/** The backend's image of the last deployment that succeeded; `unknown` before the first. */
export async function liveRelease(folder: string): Promise<string> {
  const text = await readFile(join(folder, FILE), "utf8").catch(() => "");
  return text.trim() || UNKNOWN;
}
