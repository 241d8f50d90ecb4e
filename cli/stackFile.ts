import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse, stringify } from "yaml";
import { UserError } from "./errors";

/** A stack's settings file, as Pulumi reads and writes it. */
export interface StackFile {
  secretsprovider?: string;
  encryptedkey?: string;
  encryptionsalt?: string;
  config?: Record<string, unknown>;
}

/** @throws UserError when the file is no YAML map. */
export function readStackFile(path: string): StackFile {
  const text = readFileSync(path, "utf8");
  try {
    const parsed: unknown = parse(text) ?? {};
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
      throw new Error("it is not a map");
    }
    return parsed as StackFile;
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message.split("\n")[0]}`, 2);
  }
}

/** Writes the file whole or not at all. */
export function writeStackFile(path: string, file: StackFile): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, stringify(file), { mode: 0o600 });
  renameSync(temporary, path);
}

/**
 * Carries the tracked defaults into a stack's live file, which also holds what a person or the launcher set.
 *
 * A value that still is what the tracked file said last time follows the tracked file; any other was set by somebody, and
 * stays.
 *
 * @param live The file as it is, or an empty one.
 * @param tracked The defaults as they are now.
 * @param trackedBefore The defaults as they were when `live` was last written.
 */
export function mergeDefaults(live: StackFile, tracked: StackFile, trackedBefore: StackFile): StackFile {
  const config: Record<string, unknown> = { ...live.config };
  const before = trackedBefore.config ?? {};
  const now = tracked.config ?? {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const untouched = !(key in config) || isDeepStrictEqual(config[key], before[key]);
    if (untouched && key in now) {
      config[key] = now[key];
    } else if (untouched) {
      delete config[key];
    }
  }
  return { ...live, config };
}

/**
 * Sets one value by its path below `fitnesscrm:`, e.g. `http.port` to `8081`.
 *
 * @param text YAML: `8081` is a number, `true` a boolean, anything else text.
 * @throws UserError when the path leads through something that is no map.
 */
export function setValue(file: StackFile, path: string, text: string): StackFile {
  const [head, ...rest] = path.replace(/^fitnesscrm:/, "").split(".");
  if (!head || rest.includes("")) {
    throw new UserError(`--set ${path}: must be KEY=VALUE with a key such as http.port`, 2);
  }
  const config = structuredClone(file.config ?? {});
  let node = config;
  let key = `fitnesscrm:${head}`;
  for (const part of rest) {
    node[key] ??= {};
    const next = node[key];
    if (typeof next !== "object" || next === null) {
      throw new UserError(`--set ${path}: ${key} is ${JSON.stringify(next)}, not a map`, 2);
    }
    node = next as Record<string, unknown>;
    key = part;
  }
  node[key] = parse(text) as unknown;
  return { ...file, config };
}

/**
 * The values as the program will see them: text as it is, everything else as JSON. What is encrypted is left out.
 */
export function rawConfig(file: StackFile): Record<string, string> {
  const entries = Object.entries(file.config ?? {}).filter(([, value]) => !isEncrypted(value));
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

function isEncrypted(value: unknown): boolean {
  return typeof value === "object" && value !== null && "secure" in value;
}
