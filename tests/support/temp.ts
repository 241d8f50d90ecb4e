import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Temporary folders of one `describe`: made on demand, removed when {@link TempFolders.remove} is called. */
export class TempFolders {
  private readonly made: string[] = [];

  /** @param files Contents by relative path. */
  create(files: Readonly<Record<string, string>> = {}): string {
    const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-test-"));
    this.made.push(folder);
    writeFiles(folder, files);
    return folder;
  }

  /** For `after`. */
  remove(): void {
    for (const folder of this.made.splice(0)) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Writes files, with the folders that they need. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
  }
}

/** Puts an executable script into a folder. @returns Its path. */
export function writeScript(folder: string, name: string, content: string): string {
  writeFiles(folder, { [name]: content });
  const path = join(folder, name);
  chmodSync(path, 0o755);
  return path;
}

/** Sets environment variables (undefined removes one) while `body` runs. */
export async function withEnvironment<T>(
  variables: Readonly<Record<string, string | undefined>>,
  body: () => T | Promise<T>,
): Promise<T> {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  assign(variables);
  try {
    return await body();
  } finally {
    assign(before);
  }
}

function assign(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) {
      delete process.env[name];
    } else {
      process.env[name] = value;
    }
  }
}
