import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StackContext } from "../context";
import { UserError } from "../errors";

/** Where the launcher looks for the backend of a stack when the environment names none. */
export function backendFile(context: Pick<StackContext, "folder">): string {
  return join(context.folder, "backend");
}

/** The backend's URL that was stored, or undefined. */
export function readBackend(context: Pick<StackContext, "folder">): string | undefined {
  try {
    return readFileSync(backendFile(context), "utf8").trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

/**
 * The backend as Pulumi takes it.
 *
 * @param endpoint An emulator's; the parameters are those of Go CDK's `s3blob`, which the CLI opens the bucket with.
 */
export function backendUrl(bucket: string, region: string, endpoint?: string): string {
  const query = new URLSearchParams({ region });
  if (endpoint !== undefined) {
    query.set("endpoint", endpoint.replace(/\/+$/, ""));
    // Otherwise the bucket becomes part of a host's name that nobody resolves.
    query.set("use_path_style", "true");
  }
  return `s3://${bucket}?${query}`;
}

/** @throws UserError when the stack's state is somewhere else already: pointing away from it would look like losing it. */
export function requireSameBackend(context: StackContext, url: string): void {
  const stored = readBackend(context);
  if (stored !== undefined && stored !== url) {
    throw new UserError(
      `stack ${context.stack} has its state at ${stored}, not at ${url}: move it there by pulumi stack export and import, ` +
        `then remove ${backendFile(context)} and run this again`,
    );
  }
}

/** @returns Whether the file was written. */
export function storeBackend(context: StackContext, url: string): boolean {
  if (readBackend(context) === url) {
    return false;
  }
  const path = backendFile(context);
  mkdirSync(context.folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${url}\n`, { mode: 0o600 });
  renameSync(temporary, path);
  return true;
}
